package attack

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// consentPage opens the consent page, and returns the form's target and the browser's cookies.
func (w *world) consentPage(s *session) (target string, cookies []*http.Cookie) {
	w.t.Helper()
	a := w.do(w.authorizeRequest(s))
	target, ok := strings.CutPrefix(a.body, "consent ")
	if !ok {
		w.t.Fatalf("no consent page: %d %s", a.status, a.body)
	}
	for _, line := range a.header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			w.t.Fatal(err)
		}
		cookies = append(cookies, c)
	}
	return target, cookies
}

// answerPage posts the consent form.
func (w *world) answerPage(target string, cookies []*http.Cookie, form url.Values) *answer {
	w.t.Helper()
	r := &request{method: http.MethodPost, path: target, params: form, header: make(http.Header)}
	for _, c := range cookies {
		r.header.Add("Cookie", c.Name+"="+c.Value)
	}
	return w.do(r)
}

// nothingCame checks that an answer gave no code and wrote nothing.
func (w *world) nothingCame(a *answer) {
	w.t.Helper()
	shown(w.t, a, http.StatusBadRequest)
	if a.writes != 0 {
		w.t.Errorf("%d writes to the store", a.writes)
	}
	if len(a.events) != 1 || a.events[0].Err == nil {
		w.t.Errorf("events %+v, want one with an error", a.events)
	}
}

// signedIn makes another user, or nobody, the one who is signed in.
func (w *world) signedIn(l *oauth.Login) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.login = l
}

func TestA016(t *testing.T) {
	for _, name := range []string{"code", "state", "error", "error_description", "error_uri", "iss"} {
		uri := "https://web.example.com/cb?x=1&" + name + "=evil"
		for _, uri := range []string{uri, strings.Replace(uri, name, "%"+fmt.Sprintf("%x", name[0])+name[1:], 1)} {
			m := registry.Manifest{Name: "Web", RedirectURIs: []string{uri}, Scopes: []string{"read"}}
			if err := m.Validate(); err == nil {
				t.Errorf("%s was accepted", uri)
			}
		}
	}
	w := newWorld(t)
	defer w.tight()
	s := &session{app: "two", verifier: strings.Repeat("v", 43)}
	r := w.authorizeRequest(s)
	r.params.Set("redirect_uri", "https://two.example.com/b?x=1")
	a := w.authorize(r)
	q := a.location()
	if !strings.HasPrefix(a.header.Get("Location"), "https://two.example.com/b?x=1&") || q.Get("x") != "1" {
		t.Errorf("redirected to %q", a.header.Get("Location"))
	}
	w.keep("code", q.Get("code"))
	for _, name := range []string{"code", "state", "iss"} {
		if len(q[name]) != 1 {
			t.Errorf("%s comes %d times", name, len(q[name]))
		}
	}
}

func TestA020(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	metadata := w.do(&request{method: http.MethodGet, path: "/.well-known/oauth-authorization-server"})
	issuer := metadata.str("issuer")
	if issuer != w.url || metadata.json["authorization_response_iss_parameter_supported"] != true {
		t.Fatalf("metadata says %s", metadata.body)
	}
	s := &session{app: "web", verifier: strings.Repeat("v", 43)}
	target, cookies := w.consentPage(s)
	bad := w.authorizeRequest(s)
	bad.params.Set("scope", "bogus")
	for name, a := range map[string]*answer{
		"success": w.authorize(w.authorizeRequest(s)),
		"error":   w.do(bad),
		"denial":  w.answerPage(target, cookies, url.Values{"deny": {"yes"}}),
	} {
		if got := a.location()["iss"]; len(got) != 1 || got[0] != issuer {
			t.Errorf("%s: iss is %q in %q, want %q", name, got, a.header.Get("Location"), issuer)
		}
	}
}

func TestA021(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := &session{app: "web", verifier: strings.Repeat("v", 43)}
	target, cookies := w.consentPage(s)
	bad := w.authorizeRequest(s)
	bad.params.Set("scope", "bogus")
	badPost := w.authorizeRequest(s)
	badPost.method = http.MethodPost
	badPost.params.Set("scope", "bogus")
	for name, a := range map[string]*answer{
		"denial":        w.answerPage(target, cookies, url.Values{"deny": {"yes"}}),
		"approval":      w.authorize(w.authorizeRequest(s)),
		"error":         w.do(bad),
		"error of POST": w.do(badPost),
	} {
		if a.status != http.StatusSeeOther || a.header.Get("Location") == "" {
			t.Errorf("%s: got %d to %q, want 303", name, a.status, a.header.Get("Location"))
		}
	}
}

func TestA023(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := &session{app: "web", verifier: strings.Repeat("v", 43)}
	bad := w.authorizeRequest(s)
	bad.params.Set("client_id", "nobody")
	pages := map[string]*answer{"consent": w.do(w.authorizeRequest(s)), "refusal": w.do(bad)}
	w.signedIn(nil)
	pages["sign-in"] = w.do(w.authorizeRequest(s))
	for name, a := range pages {
		if got := a.header.Get("X-Frame-Options"); got != "DENY" {
			t.Errorf("%s: X-Frame-Options is %q", name, got)
		}
		if got := a.header.Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors 'none'") {
			t.Errorf("%s: Content-Security-Policy is %q", name, got)
		}
	}
}

func TestA025(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
		for _, origin := range []string{"https://evil.example", "null"} {
			t.Run(method+" from "+origin, func(t *testing.T) {
				w := newWorld(t)
				defer w.tight()
				s := &session{app: "web", verifier: strings.Repeat("v", 43)}
				good, bad := w.authorizeRequest(s), w.authorizeRequest(s)
				bad.params.Set("client_id", "nobody")
				for _, r := range []*request{good, bad} {
					r.method = method
					r.header = http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization"}}
					a := w.do(r)
					for name := range a.header {
						if strings.HasPrefix(name, "Access-Control-") {
							t.Errorf("%s is %q", name, a.header[name])
						}
					}
					if a.writes != 0 || a.location().Has("code") {
						t.Errorf("got %d %q and %d writes", a.status, a.header.Get("Location"), a.writes)
					}
				}
			})
		}
	}
}

func TestA032(t *testing.T) {
	alice := &oauth.Login{Subject: "alice", Tenant: "acme", Session: "session-of-alice-9f8e7d"}
	for name, change := range map[string]func(*world){
		"another user": func(w *world) {
			w.signedIn(&oauth.Login{Subject: "bob", Tenant: alice.Tenant, Session: w.keep("session", "session-of-bob"), Time: w.now})
		},
		"another session of hers": func(w *world) {
			w.signedIn(&oauth.Login{Subject: alice.Subject, Tenant: alice.Tenant, Session: w.keep("session", "her-next-session"), Time: w.now})
		},
		"another user in the same session": func(w *world) {
			w.signedIn(&oauth.Login{Subject: "bob", Tenant: alice.Tenant, Session: alice.Session, Time: w.now})
		},
		"another tenant of hers": func(w *world) {
			w.signedIn(&oauth.Login{Subject: alice.Subject, Tenant: "other", Session: alice.Session, Time: w.now})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer w.tight()
			s := &session{app: "web", verifier: strings.Repeat("v", 43)}
			target, cookies := w.consentPage(s)
			change(w)
			w.nothingCame(w.answerPage(target, cookies, nil))
			for _, subject := range []string{"alice", "bob"} {
				if list, _, err := w.server.Consents(t.Context(), subject, ""); err != nil || len(list) != 0 {
					t.Errorf("%s consented to %+v, %v", subject, list, err)
				}
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		w := newWorld(t)
		defer w.tight()
		s := &session{app: "web", verifier: strings.Repeat("v", 43)}
		target, cookies := w.consentPage(s)
		w.signedIn(nil)
		if a := w.answerPage(target, cookies, nil); a.location().Has("code") || a.writes != 0 {
			t.Errorf("got %d %q and %d writes", a.status, a.header.Get("Location"), a.writes)
		}
	})
	t.Run("the same session", func(t *testing.T) {
		w := newWorld(t)
		defer w.tight()
		target, cookies := w.consentPage(&session{app: "web", verifier: strings.Repeat("v", 43)})
		if a := w.answerPage(target, cookies, nil); w.keep("code", a.location().Get("code")) == "" {
			t.Errorf("no code: %d %s", a.status, a.body)
		}
	})
}

func TestA033(t *testing.T) {
	edited := url.Values{"scope": {"read write admin"}, "code_challenge": {strings.Repeat("A", 43)}, "client_id": {"rival"},
		"redirect_uri": {"https://rival.example.com/cb"}, "state": {"evil"}, "resource": {files}, "response_type": {"token"}}
	t.Run("copies in the form are ignored", func(t *testing.T) {
		w := newWorld(t)
		defer w.tight()
		s := &session{app: "web", verifier: w.keep("verifier", "a-verifier-of-forty-three-characters-000000")}
		target, cookies := w.consentPage(s)
		a := w.answerPage(target, cookies, edited)
		s.code = w.keep("code", a.location().Get("code"))
		if !strings.HasPrefix(a.header.Get("Location"), w.redirect("web")+"?") || a.location().Get("state") != "xyz" {
			t.Fatalf("got %d %q", a.status, a.header.Get("Location"))
		}
		tokens := w.do(w.exchangeRequest(s))
		if tokens.status != http.StatusOK || tokens.str("scope") != "read write" {
			t.Errorf("got %d %q", tokens.status, tokens.str("scope"))
		}
	})
	t.Run("copies in the query are refused or ignored", func(t *testing.T) {
		w := newWorld(t)
		defer w.tight()
		target, cookies := w.consentPage(&session{app: "web", verifier: strings.Repeat("v", 43)})
		a := w.answerPage(target+"&"+edited.Encode(), cookies, nil)
		if a.status == http.StatusBadRequest {
			w.nothingCame(a)
		} else if w.keep("code", a.location().Get("code")); !strings.HasPrefix(a.header.Get("Location"), w.redirect("web")+"?") || a.location().Get("state") != "xyz" {
			t.Errorf("got %d %q", a.status, a.header.Get("Location"))
		}
	})
	t.Run("a changed ticket is refused", func(t *testing.T) {
		w := newWorld(t)
		defer w.tight()
		target, cookies := w.consentPage(&session{app: "web", verifier: strings.Repeat("v", 43)})
		path, ticket, _ := strings.Cut(target, "=")
		for _, i := range []int{0, len(ticket) / 2, len(ticket) - 2} {
			other := byte('A')
			if ticket[i] == other {
				other = 'B'
			}
			w.nothingCame(w.answerPage(path+"="+ticket[:i]+string(other)+ticket[i+1:], cookies, nil))
		}
		w.nothingCame(w.answerPage(path+"="+ticket[:len(ticket)-4], cookies, nil))
		if a := w.answerPage(target, cookies, nil); w.keep("code", a.location().Get("code")) == "" {
			t.Errorf("the form in order does not work any more: %d %s", a.status, a.body)
		}
	})
}
