package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

const hostGrant = "https://auth.example.com/grant/pin"

// started are the ways in which a user's grant begins.
var started = map[string]func(h *host, l oauth.Login) reply{
	"on a consent page": func(h *host, l oauth.Login) reply {
		v := h.request("web")
		return h.exchange(v, h.signedInAs(l).code(v)).want(h.t, 200, "")
	},
	"by a first party": func(h *host, l oauth.Login) reply {
		v := h.request("first")
		return h.exchange(v, h.signedInAs(l).code(v)).want(h.t, 200, "")
	},
	"by Issue": func(h *host, l oauth.Login) reply {
		l.Time = h.clock()
		r, err := h.srv.Issue(h.t.Context(), "web", oauth.Approval{Login: &l})
		if err != nil {
			h.t.Fatal(err)
		}
		return reply{json: map[string]any{"access_token": r.AccessToken, "refresh_token": r.RefreshToken}}
	},
	"in a grant type of the host": func(h *host, l oauth.Login) reply {
		return h.post("web", "/token", url.Values{"grant_type": {hostGrant}, "user": {l.Subject}, "tenant": {l.Tenant}}).want(h.t, 200, "")
	},
}

func TestEndings(t *testing.T) {
	t.Parallel()
	for how, start := range started {
		app := "web"
		if how == "by a first party" {
			app = "first"
		}
		for name, end := range map[string]func(*oauth.Server) error{
			"Disconnect": func(s *oauth.Server) error {
				return s.Disconnect(context.Background(), oauth.Consent{Subject: "alice", App: app})
			},
			"EndSubject": func(s *oauth.Server) error { return s.EndSubject(context.Background(), "alice") },
		} {
			t.Run(name+" of a grant "+how, func(t *testing.T) {
				t.Parallel()
				var s *interceptor
				h := newHost(t, counted(&s), func(c *oauth.Config) {
					c.Apps = apps(func(s registry.Static) {
						edit(s, "web").Manifest.GrantTypes = []string{"authorization_code", "refresh_token", hostGrant}
					})
				})
				h.restart(func(c *oauth.Config) {
					c.GrantTypes = map[string]oauth.GrantHandler{hostGrant: func(_ context.Context, r *oauth.TokenRequest) (*oauth.Approval, error) {
						return &oauth.Approval{Login: &oauth.Login{Subject: r.Params.Get("user"), Tenant: r.Params.Get("tenant"), Time: h.clock()}}, nil
					}}
				})
				mine, other := start(h, alice), start(h, oauth.Login{Subject: "bob"})
				elsewhere := start(h, oauth.Login{Subject: "alice", Tenant: "acme"})
				v := h.request("opaque")
				another := h.exchange(v, h.signedInAs(alice).code(v)).want(t, 200, "")
				for _, r := range []reply{mine, other, elsewhere, another} {
					if !h.active(r.str("access_token")) {
						t.Fatal("a token is not active before")
					}
				}
				before := s.writes.Load()
				if err := end(h.srv); err != nil {
					t.Fatal(err)
				}
				if n := s.writes.Load() - before; n != 1 {
					t.Errorf("made %d writes, want 1", n)
				}
				if e := h.lastEvent(); e.Subject != "alice" || e.Err != nil || e.Endpoint != map[string]string{"Disconnect": "disconnect", "EndSubject": "end"}[name] {
					t.Errorf("the event is %+v", e)
				}
				dead := map[bool][]reply{true: {mine}, false: {other, elsewhere, another}}
				if name == "EndSubject" {
					dead = map[bool][]reply{true: {mine, elsewhere, another}, false: {other}}
				}
				for dead, replies := range dead {
					for _, r := range replies {
						if h.active(r.str("access_token")) == dead {
							t.Errorf("active is %v", !dead)
						}
					}
				}
				h.refresh(app, mine.str("refresh_token")).want(t, 400, "invalid_grant")
				h.refresh(app, other.str("refresh_token")).want(t, 200, "")
				if got := h.introspect(app, mine.str("refresh_token")); got.json["active"] != false {
					t.Errorf("the refresh token is %s", got.body)
				}
				// What begins afterwards lives.
				if r := start(h, alice); !h.active(r.str("access_token")) {
					t.Error("a new token is not active")
				}
			})
		}
	}
}

// OAuth21-7.9-1
func TestDisconnect(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	v := h.request("web")
	code := b.allow(v, "read")
	mine := oauth.Consent{Subject: "alice", App: "web"}
	if err := h.srv.Disconnect(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	h.exchange(v, code).want(t, 400, "invalid_grant")
	if got := connected(t, h, "alice"); len(got) != 0 {
		t.Errorf("alice still has %+v", got)
	}
	if asked, fresh := b.asked(v); !asked || fresh != `["read" "write"]` {
		t.Errorf("asked is %v for %s", asked, fresh)
	}
	t.Run("again, and of what never was", func(t *testing.T) {
		for _, c := range []oauth.Consent{mine, mine, {Subject: "nobody", App: "none", Tenant: "nowhere"}} {
			if err := h.srv.Disconnect(t.Context(), c); err != nil {
				t.Error(err)
			}
		}
		if got := connected(t, h, "nobody"); len(got) != 0 {
			t.Errorf("nobody has %+v", got)
		}
	})
	t.Run("what is given afterwards counts", func(t *testing.T) {
		r := h.exchange(v, b.allow(v, "read")).want(t, 200, "")
		if !h.active(r.str("access_token")) {
			t.Error("not active")
		}
	})
}

// unlisted is a store that cannot list.
type unlisted struct{ *interceptor }

func (unlisted) List(context.Context, string, string, int) ([]store.Record, string, error) {
	return nil, "", errDown
}

func TestEndingsFail(t *testing.T) {
	t.Parallel()
	down := false
	h := newHost(t, func(c *oauth.Config) {
		c.Store = unlisted{&interceptor{Store: memory.New(), get: func([]string) error {
			if down {
				return errDown
			}
			return nil
		}}}
	})
	r := h.login("web")
	down = true
	_, _, listing := h.srv.Consents(t.Context(), "alice", "")
	for name, err := range map[string]error{
		"Consents":   listing,
		"Disconnect": h.srv.Disconnect(t.Context(), oauth.Consent{Subject: "alice", App: "web"}),
		"EndSubject": h.srv.EndSubject(t.Context(), "alice"),
	} {
		var e *oauth.Error
		if !errors.As(err, &e) || e.Code != "temporarily_unavailable" || !errors.Is(err, errDown) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	down = false
	if !h.active(r.str("access_token")) {
		t.Error("what failed had an effect")
	}
}

// between runs f between the two questions of who is signed in, once.
func (h *host) between() (set func(f func())) {
	var f func()
	calls := 0
	inner := h.config.SignedIn
	h.restart(func(c *oauth.Config) {
		c.SignedIn = func(r *http.Request) (*oauth.Login, error) {
			if calls++; calls%2 == 0 && f != nil {
				run := f
				f = nil
				run()
			}
			return inner(r)
		}
	})
	return func(g func()) { f, calls = g, 0 }
}

// What happens to a session while its request is looked at is seen: the records are read between two
// questions of who is signed in.
func TestSessionChangesMeanwhile(t *testing.T) {
	t.Parallel()
	session := func(b *browser) *oauth.Login {
		u, _ := url.Parse(b.h.url)
		for _, c := range b.http.Jar.Cookies(u) {
			if c.Name == "session" {
				return b.h.sessions[c.Value]
			}
		}
		return nil
	}
	t.Run("another user starts over", func(t *testing.T) {
		t.Parallel()
		h := newHost(t)
		h.signedInAs(oauth.Login{Subject: "bob"}).allow(h.request("web"), "read")
		b := h.signedInAs(alice)
		set := h.between()
		set(func() { *session(b) = oauth.Login{Subject: "bob", Session: "other", Time: h.now} })
		v := h.request("web")
		r := h.exchange(v, b.code(v)).want(t, 200, "") // as bob, who let the app in before
		if got := h.introspect("web", r.str("access_token")); got.str("sub") != "bob" || got.str("scope") != "read" {
			t.Errorf("introspection says %s", got.body)
		}
	})
	t.Run("signing out starts over", func(t *testing.T) {
		t.Parallel()
		h := newHost(t)
		b := h.signedInAs(alice)
		set := h.between()
		set(func() { clear(h.sessions) })
		if kind, _ := b.authorize(h.request("first")).form(t); kind != "signin" {
			t.Errorf("got a %s page", kind)
		}
	})
	t.Run("a session that keeps changing is refused", func(t *testing.T) {
		t.Parallel()
		h := newHost(t)
		n := 0
		h.restart(func(c *oauth.Config) {
			c.SignedIn = func(*http.Request) (*oauth.Login, error) {
				n++
				return &oauth.Login{Subject: "alice", Session: fmt.Sprint(n), Time: h.now}, nil
			}
		})
		h.browser().authorize(h.request("first")).wantRefusal(t, h, callback+"?", "temporarily_unavailable", "xyz")
	})
	t.Run("a subject that is ended gets a grant that is over", func(t *testing.T) {
		t.Parallel()
		h := newHost(t)
		b := h.signedInAs(alice)
		set := h.between()
		set(func() { h.srv.EndSubject(context.Background(), "alice") })
		v := h.request("first")
		h.exchange(v, b.code(v)).want(t, 400, "invalid_grant")
	})
	t.Run("a consent that is withdrawn is not given by the form under way", func(t *testing.T) {
		t.Parallel()
		h := newHost(t)
		b := h.signedInAs(alice)
		action := b.consentPage(h.request("web"))
		set := h.between()
		set(func() { h.srv.Disconnect(context.Background(), oauth.Consent{Subject: "alice", App: "web"}) })
		b.do("POST", action, yes).wantRefusal(t, h, callback+"?", "access_denied", "xyz")
		if got := connected(t, h, "alice"); len(got) != 0 {
			t.Errorf("alice has %+v", got)
		}
	})
}

// A session is the host's secret: neither the store nor a URL has it.
func TestSessionIsNotKept(t *testing.T) {
	t.Parallel()
	var stored []string
	keep := func(r store.Record) error {
		stored = append(stored, r.Key, strings.Join(r.Labels, " "), string(r.Value))
		return nil
	}
	h := newHost(t, func(c *oauth.Config) { c.Store = &interceptor{Store: memory.New(), create: keep, swap: keep} })
	b := h.signedInAs(alice)
	v := h.request("web")
	action := b.consentPage(v)
	code := b.do("POST", action, yes).location(t).Get("code")
	r := h.exchange(v, code).want(t, 200, "")
	h.refresh("web", r.str("refresh_token")).want(t, 200, "")
	if len(stored) < 12 {
		t.Fatalf("stored %d strings", len(stored))
	}
	for session := range h.sessions {
		for _, text := range append(stored, action) {
			if strings.Contains(text, session) {
				t.Errorf("found the session in %q", text)
			}
		}
	}
}
