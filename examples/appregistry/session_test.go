package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// signInAs begins a session in a browser that has the cookies, and returns the cookie it was given.
func signInAs(t *testing.T, s *sessions, subject string, had ...*http.Cookie) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	s.begin(w, withCookies(had...), subject)
	set := w.Result().Cookies()
	if len(set) != 1 {
		t.Fatalf("begin set %d cookies, wanted 1", len(set))
	}
	return set[0]
}

func withCookies(cs ...*http.Cookie) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range cs {
		r.AddCookie(c)
	}
	return r
}

func TestSessions(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	s := newSessions(func() time.Time { return now }, false)
	first := signInAs(t, s, "ada")
	found, ok := s.find(withCookies(first))
	if !ok || found.subject != "ada" || !found.began.Equal(now) {
		t.Fatalf("find: got %+v, %t; wanted ada's session", found, ok)
	}
	if found.id == first.Value {
		t.Error("the session is named by its secret")
	}
	second := signInAs(t, s, "bob", first)
	if second.Value == first.Value {
		t.Error("a sign-in kept the session's id")
	}
	if _, ok := s.find(withCookies(first)); ok {
		t.Error("a sign-in left the browser's old session alive")
	}
	if _, ok := s.find(withCookies(&http.Cookie{Name: first.Name, Value: found.id})); ok {
		t.Error("the session's name opens it")
	}

	w := httptest.NewRecorder()
	s.end(w, withCookies(second))
	if _, ok := s.find(withCookies(second)); ok {
		t.Error("the session outlived signing out")
	}
	if set := w.Result().Cookies(); len(set) != 1 || set[0].MaxAge >= 0 {
		t.Errorf("end set %v, wanted the cookie to be dropped", set)
	}

	third := signInAs(t, s, "cyd")
	now = now.Add(sessionLifetime - time.Second)
	if _, ok := s.find(withCookies(third)); !ok {
		t.Error("the session ended early")
	}
	now = now.Add(time.Second)
	if _, ok := s.find(withCookies(third)); ok {
		t.Error("the session outlived its time")
	}
	signInAs(t, s, "dan")
	if len(s.byID) != 1 || len(s.queue) != 1 {
		t.Errorf("after all others expired: %d sessions, queue of %d; wanted 1", len(s.byID), len(s.queue))
	}
}

func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSessions(time.Now, false)
	s.max = 3
	oldest := signInAs(t, s, "ada")
	for range 100 {
		s.end(httptest.NewRecorder(), withCookies(signInAs(t, s, "bob")))
	}
	var last *http.Cookie
	for range 5 {
		last = signInAs(t, s, "cyd")
	}
	if len(s.byID) > 3 || len(s.queue) > 3 {
		t.Errorf("%d sessions, queue of %d; wanted at most 3", len(s.byID), len(s.queue))
	}
	if _, ok := s.find(withCookies(oldest)); ok {
		t.Error("the oldest session was not pushed out")
	}
	if _, ok := s.find(withCookies(last)); !ok {
		t.Error("the newest session was pushed out")
	}
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		c := signInAs(t, newSessions(time.Now, secure), "ada")
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie is %v, wanted HttpOnly, SameSite=Lax, Path=/ and no domain", c)
		}
		if got := c.Secure && c.Name == "__Host-session"; got != secure {
			t.Errorf("on https %t: cookie %q with Secure %t", secure, c.Name, c.Secure)
		}
		if len(c.Value) < 43 {
			t.Errorf("cookie has %d characters, wanted 256 bits", len(c.Value))
		}
	}
}
