package attack

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

func TestA132(t *testing.T) { run(t) }
func TestA134(t *testing.T) { run(t) }
func TestA137(t *testing.T) { run(t) }
func TestA138(t *testing.T) { run(t) }

// strict has no grace: each use of a spent refresh token is reuse.
func strict(c *oauth.Config) { c.RefreshGrace = -1 }

func TestA124(t *testing.T) {
	for name, change := range map[string]func(*oauth.Config){"in strict mode": strict, "after the grace": func(*oauth.Config) {}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, change)
			defer w.tight()
			s := w.signIn("web")
			first, old := w.refreshRequest(s), s.access
			s.take(t, w.do(first))
			w.pass(11 * time.Second)
			a := w.do(first)
			w.refused(a, 400, "invalid_grant")
			if !a.events[0].Reused {
				t.Errorf("the event is %+v, want Reused", a.events[0])
			}
			w.dead(s, old)
		})
	}
}

// TestA125 races one refresh token: in strict mode one wins and the others end the grant; else all get the one
// successor. The cases Refresh/OneSuccessor and Refresh/StrictOneWinner of package oauthtest race one on the SQL
// stores, in the tests of package sqlstore.
func TestA125(t *testing.T) {
	for name, change := range map[string]func(*oauth.Config){"in strict mode": strict, "within the grace": func(*oauth.Config) {}} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				w := newWorld(t, change)
				s := w.signIn("web")
				r := w.refreshRequest(s)
				var mu sync.Mutex
				successors := make(map[string]bool)
				atOnce(1000, func(int) {
					rec := w.serve(w.server, r)
					var got struct {
						Error   string `json:"error"`
						Refresh string `json:"refresh_token"`
					}
					decode(rec.Body.Bytes(), &got)
					mu.Lock()
					defer mu.Unlock()
					switch {
					case rec.Code == http.StatusOK:
						successors[got.Refresh] = true
					case rec.Code != http.StatusBadRequest || got.Error != "invalid_grant":
						t.Errorf("got %d %s", rec.Code, rec.Body)
					}
				})
				if len(successors) != 1 {
					t.Fatalf("%d successors, want one", len(successors))
				}
				for successor := range successors {
					s.refresh = successor
				}
				if status := w.do(w.refreshRequest(s)).status; (status == http.StatusOK) == (name == "in strict mode") {
					t.Errorf("the successor gets %d", status)
				}
			}
		})
	}
}

func TestA126(t *testing.T) {
	w := newWorld(t, strict)
	defer w.tight()
	s := w.signIn("web")
	first := w.refreshRequest(s)
	s.take(t, w.do(first))
	restarted, err := oauth.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.server = restarted
	w.refused(w.do(first), 400, "invalid_grant")
	w.dead(s)
}

func TestA127(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.signIn("web")
	first := w.refreshRequest(s)
	lost := w.good(w.do(first)).str("refresh_token")
	w.pass(time.Second)
	w.unchanged(func() {
		again := w.good(w.do(first))
		if got := again.str("refresh_token"); got != lost {
			t.Error("the retry got another successor")
		}
		if !again.events[0].Retried {
			t.Errorf("the event is %+v, want Retried", again.events[0])
		}
	})
	s.refresh = lost
	w.good(w.do(w.refreshRequest(s)))
}

func TestA128(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.signIn("web")
	stolen := w.refreshRequest(s)
	s.take(t, w.do(stolen))
	s.take(t, w.do(w.refreshRequest(s))) // the owner goes on
	w.refused(w.do(stolen), 400, "invalid_grant")
	w.dead(s)
}

func TestA129(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) { c.GrantLifetime = time.Hour })
	defer w.tight()
	s := w.signIn("web")
	first := w.refreshRequest(s)
	want := w.good(w.do(first)).str("refresh_token")
	w.unchanged(func() {
		for range 50 {
			a := w.good(w.do(first))
			if a.str("refresh_token") != want || a.str("scope") != "read write" {
				t.Fatalf("a retry got %s", a.str("scope"))
			}
		}
	})
	w.pass(time.Hour)
	s.refresh = want
	w.refused(w.do(w.refreshRequest(s)), 400, "invalid_grant")
}

// TestA131 lets the mint fail, after all checks.
func TestA131(t *testing.T) {
	fail := false
	w := newWorld(t, func(c *oauth.Config) {
		c.Claims = func(context.Context, *oauth.Grant, *token.Claims) error {
			if fail {
				return errors.New("the directory is down")
			}
			return nil
		}
	})
	defer w.tight()
	s := w.signIn("web")
	fail = true
	w.unchanged(func() { w.refused(w.do(w.refreshRequest(s)), 500, "server_error") })
	fail = false
	s.take(t, w.do(w.refreshRequest(s)))
	if !w.active(s.access) {
		t.Error("the grant is over")
	}
}

func TestA135(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) { c.RefreshLifetime, c.GrantLifetime = 10*time.Minute, time.Hour })
	defer w.tight()
	idle := w.signIn("web")
	w.pass(10*time.Minute - time.Second)
	idle.take(t, w.do(w.refreshRequest(idle)))
	w.pass(10 * time.Minute)
	w.refused(w.do(w.refreshRequest(idle)), 400, "invalid_grant")

	s := w.signIn("web")
	for range 100 { // which moves the idle limit, and never the other
		w.pass(35 * time.Second)
		s.take(t, w.do(w.refreshRequest(s)))
	}
	w.pass(99 * time.Second)
	s.take(t, w.do(w.refreshRequest(s)))
	w.pass(time.Second)
	w.refused(w.do(w.refreshRequest(s)), 400, "invalid_grant")
	if w.active(s.access) {
		t.Error("the access token outlives the grant")
	}
}

func TestA136(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		status int
		code   string
	}{
		"the user is disabled": {func(w *world) { w.server.EndSubject(t.Context(), "alice") }, 400, "invalid_grant"},
		"the consent is withdrawn": {func(w *world) {
			w.server.Disconnect(t.Context(), oauth.Consent{App: "web", Subject: "alice", Tenant: "acme"})
		}, 400, "invalid_grant"},
		"the app is deleted":     {func(w *world) { w.edited("web", func(a *registry.App) { a.Deleted = true }) }, 401, "invalid_client"},
		"the app is suspended":   {func(w *world) { w.edited("web", func(a *registry.App) { a.Suspended = true }) }, 401, "invalid_client"},
		"the app's grants ended": {func(w *world) { w.edited("web", func(a *registry.App) { a.Epoch++ }) }, 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer w.tight()
			s := w.signIn("web")
			c.change(w)
			w.refused(w.do(w.refreshRequest(s)), c.status, c.code)
			if w.active(s.access) {
				t.Error("the access token still works")
			}
		})
	}
	t.Run("the app's scopes are reduced", func(t *testing.T) {
		w := newWorld(t)
		defer w.tight()
		s := w.signIn("web")
		w.edited("web", func(a *registry.App) { a.Manifest.Scopes = []string{"read"} })
		if got := w.good(w.do(w.refreshRequest(s))).str("scope"); got != "read" {
			t.Errorf("got the scope %q", got)
		}
	})
}

func TestA141(t *testing.T) {
	w := newWorld(t)
	w.edited("spa", func(a *registry.App) { a.Manifest.GrantTypes = []string{"authorization_code"} })
	a := w.good(w.do(w.as("job", &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}})))
	b := w.good(w.do(w.exchangeRequest(w.begin("spa"))))
	for _, got := range []*answer{a, b} {
		if _, ok := got.json["refresh_token"]; ok {
			t.Errorf("%s got a refresh token", got.events[0].App)
		}
	}
}

// TestA142 ends a long chain by one write.
func TestA142(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) { c.AccessLifetime = time.Hour })
	s := w.signIn("web")
	first := w.refreshRequest(s)
	var access []string
	for i := range 2000 {
		s.take(t, w.do(w.refreshRequest(s)))
		if i%20 == 0 {
			access = append(access, s.access)
		}
	}
	before := w.store.written()
	w.refused(w.do(first), 400, "invalid_grant")
	if n := w.store.written() - before; n != 1 {
		t.Errorf("%d writes ended the family, want one", n)
	}
	w.dead(s, access...)
}

// TestA143 revokes while a rotation runs: what the rotation hands out is worth nothing once the revocation has
// been answered.
func TestA143(t *testing.T) {
	w := newWorld(t)
	for range 200 {
		s := w.signIn("web")
		rotation := w.refreshRequest(s)
		revocation := w.as("web", &request{method: http.MethodPost, path: "/revoke", params: url.Values{"token": {s.refresh}}})
		var got struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		atOnce(2, func(i int) {
			if i == 0 {
				decode(w.serve(w.server, rotation).Body.Bytes(), &got)
			} else if rec := w.serve(w.server, revocation); rec.Code != http.StatusOK {
				t.Errorf("the revocation got %d %s", rec.Code, rec.Body)
			}
		})
		if got.Refresh != "" {
			s.refresh = got.Refresh
		}
		w.dead(s, got.Access)
	}
}

// TestA145 repeats a request as a proxy does: it is a retry.
func TestA145(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.signIn("web")
	r := w.refreshRequest(s)
	first, again := w.good(w.do(r)), w.good(w.do(r))
	if first.str("refresh_token") != again.str("refresh_token") || len(again.events) != 1 || !again.events[0].Retried {
		t.Errorf("the repeated request got another successor, or the events %+v", again.events)
	}
}

// TestA146 looks at a JWT whose grant is over: introspection knows at once, an API that does not ask by the time
// the token expires.
func TestA146(t *testing.T) {
	w := newWorld(t, strict)
	s := w.signIn("web")
	first := w.refreshRequest(s)
	s.take(t, w.do(first))
	w.refused(w.do(first), 400, "invalid_grant")
	if w.active(s.access) {
		t.Error("introspection says active")
	}
	offline, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, Keys: w.keys, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := offline.Verify(t.Context(), s.access); err != nil {
		t.Errorf("who does not ask cannot know, and yet: %v", err)
	}
	w.pass(15 * time.Minute)
	if _, err := offline.Verify(t.Context(), s.access); err == nil {
		t.Error("the token outlives AccessLifetime")
	}
}

// TestA147 replaces what the host knows of a user while a refresh runs: the subject is the grant's.
func TestA147(t *testing.T) {
	w := newWorld(t)
	s := w.signIn("web")
	w.login = &oauth.Login{Subject: "mallory", Tenant: "evil", Session: "another-session-0000", Time: w.now}
	s.take(t, w.do(w.refreshRequest(s)))
	if c, err := w.server.Introspect(t.Context(), s.access); err != nil || c.Subject != "alice" || c.Tenant != "acme" {
		t.Errorf("the token is for %+v, %v", c, err)
	}
}

func TestA133(t *testing.T) {
	run(t)
	w := newWorld(t)
	s := w.signIn("web")
	for _, c := range []struct{ asked, want string }{{"read", "read"}, {"write", "write"}, {"read write", "read write"}, {"", "read write"}} {
		r := w.refreshRequest(s)
		if c.asked != "" {
			r.params.Set("scope", c.asked)
		}
		a := w.good(w.do(r))
		if a.str("scope") != c.want {
			t.Errorf("asked for %q, got %q", c.asked, a.str("scope"))
		}
		s.take(t, a)
	}
}

func TestA144(t *testing.T) {
	run(t)
	w := newWorld(t)
	defer w.tight()
	s := w.signIn("web")
	raw, _ := b64.DecodeString(s.refresh)
	w.unchanged(func() {
		for i := range raw {
			flipped := append([]byte{}, raw...)
			flipped[i] ^= 1
			w.refused(w.do(w.refreshRequest(s).with("refresh_token", b64.EncodeToString(flipped))), 400, "invalid_grant")
		}
		for _, n := range []int{1, len(s.refresh) / 2, len(s.refresh) - 1} {
			w.refused(w.do(w.refreshRequest(s).with("refresh_token", s.refresh[:n])), 400, "invalid_grant")
		}
	})
	w.good(w.do(w.refreshRequest(s)))
}
