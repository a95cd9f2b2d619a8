package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// signInAs begins a session in a browser that has the cookies, and returns the cookie it was given.
func signInAs(t *testing.T, s *sessions, subject string, had ...*http.Cookie) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	if err := s.begin(w, withCookies(had...), subject); err != nil {
		t.Fatal(err)
	}
	set := w.Result().Cookies()
	if len(set) != 1 {
		t.Fatalf("begin set %d cookies, wanted 1", len(set))
	}
	return set[0]
}

// found returns the session of a browser with the cookies, nil if it has none.
func found(t *testing.T, s *sessions, has ...*http.Cookie) *platform.Session {
	t.Helper()
	one, err := s.find(withCookies(has...))
	if err != nil {
		t.Fatal(err)
	}
	return one
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
	now := time.Unix(1_800_000_000, 0).UTC()
	st := memory.New()
	open := func(st store.Store) *sessions {
		return newSessions(platform.NewSessions(st, func() time.Time { return now }), false)
	}
	s := open(st)
	first := signInAs(t, s, "ada")
	one := found(t, s, first)
	if one == nil || one.Subject != "ada" || !one.Began.Equal(now) {
		t.Fatalf("find: got %+v; wanted ada's session", one)
	}
	if one.ID == first.Value {
		t.Error("the session is named by its secret")
	}
	if other := found(t, open(st), first); other == nil || other.ID != one.ID {
		t.Errorf("another server on the store finds %+v, wanted the same session", other)
	}
	second := signInAs(t, s, "bob", first)
	if second.Value == first.Value {
		t.Error("a sign-in kept the session's id")
	}
	if found(t, s, first) != nil {
		t.Error("a sign-in left the browser's old session alive")
	}
	if found(t, s, &http.Cookie{Name: first.Name, Value: one.ID}) != nil {
		t.Error("the session's name opens it")
	}

	w := httptest.NewRecorder()
	if err := s.end(w, withCookies(second)); err != nil {
		t.Fatal(err)
	}
	if found(t, s, second) != nil {
		t.Error("the session outlived signing out")
	}
	if set := w.Result().Cookies(); len(set) != 1 || set[0].MaxAge >= 0 {
		t.Errorf("end set %v, wanted the cookie to be dropped", set)
	}

	third := signInAs(t, s, "cyd")
	now = now.Add(platform.SessionLifetime - time.Second)
	if found(t, s, third) == nil {
		t.Error("the session ended early")
	}
	now = now.Add(time.Second)
	if found(t, s, third) != nil {
		t.Error("the session outlived its time")
	}
	now = now.Add(2 * time.Hour)
	if n, err := st.Sweep(t.Context(), now.Unix(), 100); err != nil || n != 3 {
		t.Errorf("Sweep dropped %d sessions, %v; wanted all 3", n, err)
	}
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		c := signInAs(t, newSessions(platform.NewSessions(memory.New(), nil), secure), "ada")
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
