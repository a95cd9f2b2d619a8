package oauth_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

// watchdog ends a test that is stuck, with every goroutine's stack.
func watchdog(t testing.TB) {
	timer := time.AfterFunc(2*time.Minute, func() { panic(t.Name() + " is stuck") })
	t.Cleanup(func() { timer.Stop() })
}

// twins returns h and another process on its store and secrets.
func (h *host) twins() [2]*host {
	h.t.Helper()
	srv, err := oauth.New(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	ts := httptest.NewServer(srv)
	h.t.Cleanup(ts.Close)
	return [2]*host{h, {t: h.t, srv: srv, url: ts.URL, config: h.config}}
}

// together sends n requests at once, to two processes in turn, and returns the answers.
func (h *host) together(n int, send func(h *host, i int) reply) []reply {
	h.t.Helper()
	hosts := h.twins()
	replies := make([]reply, n)
	atOnce(n, func(i int) { replies[i] = send(hosts[i%2], i) })
	return replies
}

// verified checks a token as an API does, and returns its claims.
func (h *host) verified(tok string) *token.Claims {
	h.t.Helper()
	v, err := token.NewVerifier(token.VerifierConfig{Issuer: h.url, Audience: api, Keys: h.keys, Now: h.clock})
	if err != nil {
		h.t.Fatal(err)
	}
	claims, err := v.Verify(h.t.Context(), tok)
	if err != nil {
		h.t.Fatal(err)
	}
	return claims
}

// over sees that of all answers nothing is worth anything at refresh and introspection. A JWT still says
// to an API that verifies it offline what it said, until it expires.
func (h *host) over(app string, replies []reply) {
	h.t.Helper()
	for _, r := range replies {
		tok, refresh := r.str("access_token"), r.str("refresh_token")
		if tok == "" {
			continue
		}
		h.verified(tok)
		if h.active(tok) || h.introspect(app, refresh).json["active"] != false {
			h.t.Error("a token is active after the end")
		}
		h.refresh(app, refresh).want(h.t, 400, "invalid_grant")
	}
}

// sizes are how many requests go together, in how many rounds.
func sizes(t *testing.T, test func(t *testing.T, n int)) {
	for _, size := range []struct{ n, rounds int }{{2, 20}, {8, 20}, {200, 1}} {
		t.Run(fmt.Sprintf("%d at once", size.n), func(t *testing.T) {
			t.Parallel()
			watchdog(t)
			for range size.rounds {
				test(t, size.n)
			}
		})
	}
}

func TestExchangeInParallel(t *testing.T) {
	sizes(t, func(t *testing.T, n int) {
		h := newHost(t)
		v := h.request("web")
		code := h.signedInAs(oauth.Login{Subject: "alice"}).code(v)
		replies := h.together(n, func(h *host, _ int) reply { return h.exchange(v, code) })
		won := 0
		for _, r := range replies {
			if r.StatusCode == 200 {
				won++
			} else {
				r.want(t, 400, "invalid_grant")
			}
		}
		if won != 1 {
			t.Errorf("%d of %d exchanges of one code succeeded, want 1", won, n)
		}
		h.over("web", replies) // every valid second redemption ends the grant
	})
}

func TestRefreshInParallel(t *testing.T) {
	t.Run("within the grace", func(t *testing.T) {
		sizes(t, func(t *testing.T, n int) {
			h := newHost(t)
			first := h.login("web")
			replies := h.together(n, func(h *host, _ int) reply { return h.refresh("web", first.str("refresh_token")) })
			successor := replies[0].want(t, 200, "").str("refresh_token")
			for _, r := range replies {
				if r.want(t, 200, "").str("refresh_token") != successor {
					t.Error("one token has two successors")
				}
				tok := r.str("access_token")
				if !h.active(tok) || h.verified(tok).Subject != "alice" {
					t.Error("an access token that was handed out is inactive")
				}
			}
			if h.introspect("web", first.str("refresh_token")).json["active"] != false || h.introspect("web", successor).json["active"] != true {
				t.Error("the successor is not the one live token")
			}
			h.refresh("web", successor).want(t, 200, "")
		})
	})
	t.Run("strict", func(t *testing.T) {
		sizes(t, func(t *testing.T, n int) {
			h := newHost(t, strict)
			first := h.login("web")
			replies := h.together(n, func(h *host, _ int) reply { return h.refresh("web", first.str("refresh_token")) })
			won := 0
			for _, r := range replies {
				if r.StatusCode == 200 {
					won++
				} else {
					r.want(t, 400, "invalid_grant")
				}
			}
			if won > 1 {
				t.Errorf("%d of %d refreshes of one token succeeded, want at most 1", won, n)
			}
			h.over("web", append(replies, first))
		})
	})
}

// TestEndInParallel ends a grant while its client rotates as fast as it can, and after the end is
// acknowledged uses every token that was handed out, before or meanwhile.
func TestEndInParallel(t *testing.T) {
	rounds := 200
	if raceEnabled {
		rounds = 30
	}
	if long() {
		rounds = 1000
	}
	for name, end := range map[string]func(h *host, tok string) error{
		"revocation": func(h *host, tok string) error {
			r := h.post("web", "/revoke", url.Values{"token": {tok}})
			if r.StatusCode == 503 {
				return errDown
			}
			r.want(h.t, 200, "")
			return nil
		},
		"Disconnect": func(h *host, _ string) error {
			return h.srv.Disconnect(h.t.Context(), oauth.Consent{Subject: "alice", App: "web"})
		},
		"EndSubject": func(h *host, _ string) error { return h.srv.EndSubject(h.t.Context(), "alice") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watchdog(t)
			h := newHost(t)
			hosts := h.twins()
			for round := range rounds {
				first := h.login("web")
				given := []reply{first}
				begin := make(chan struct{})
				atOnce(2, func(i int) {
					if i == 0 {
						<-begin
						for end(hosts[0], first.str("refresh_token")) != nil {
						}
						return
					}
					for n := 0; ; n++ {
						if n == round%4 {
							close(begin)
						}
						last := given[len(given)-1]
						r := hosts[1].refresh("web", last.str("refresh_token"))
						if r.StatusCode != 200 {
							r.want(t, 400, "invalid_grant")
							return
						}
						given = append(given, r)
					}
				})
				h.over("web", given)
			}
		})
	}
}

func TestConsentInParallel(t *testing.T) {
	watchdog(t)
	for range 5 {
		h := newHost(t)
		b, v := h.signedInAs(oauth.Login{Subject: "alice"}), h.request("web")
		_, action := b.authorize(v).form(t)
		answers := make([]answer, 50)
		atOnce(len(answers), func(i int) { answers[i] = b.do("POST", action, url.Values{"allow": {"yes"}}) })
		var codes []string
		for _, a := range answers {
			if a.StatusCode == 400 && strings.Contains(a.body, "this form was sent before") {
				continue
			}
			// One that met too many others at the consent is told to try again.
			got := a.location(t)
			if got.Get("error") != "temporarily_unavailable" {
				codes = append(codes, got.Get("code"))
			}
		}
		if len(codes) != 1 {
			t.Fatalf("one form gave %d codes", len(codes))
		}
		r := h.exchange(v, codes[0]).want(t, 200, "")
		if !h.active(r.str("access_token")) {
			t.Error("its token is inactive")
		}
		h.refresh("web", r.str("refresh_token")).want(t, 200, "")
	}
}

func TestMintWhileKeysChange(t *testing.T) {
	watchdog(t)
	h := newHost(t)
	var ring []token.Key
	for range 8 {
		ring = append(ring, token.Key{Signer: newSigner(t)})
	}
	all, err := token.NewKeys(ring...)
	if err != nil {
		t.Fatal(err)
	}
	h.keys.Replace(ring[0])
	const n = 1000
	replies := make([]reply, n)
	stop, stopped := make(chan struct{}), sync.WaitGroup{}
	stopped.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if err := h.keys.Replace(ring[i%8], ring[(i+1)%8]); err != nil {
					t.Error(err)
				}
			}
		}
	})
	atOnce(n, func(i int) { replies[i] = h.post("svc", "/token", ccForm) })
	close(stop)
	stopped.Wait()
	h.keys = all
	for _, r := range replies {
		h.verified(r.want(t, 200, "").str("access_token"))
	}
}

// TestUsersInParallel runs whole flows of many users at many apps at once: what each is given is theirs.
func TestUsersInParallel(t *testing.T) {
	watchdog(t)
	users, clients := 100, 10
	if raceEnabled {
		users = 25
	}
	h := newHost(t, func(c *oauth.Config) {
		var s registry.Static
		for i := range clients {
			s = append(s, registry.App{ID: fmt.Sprintf("app%d", i), Secrets: hashed(secret), Manifest: registry.Manifest{Name: "App",
				RedirectURIs: []string{fmt.Sprintf("https://app%d.example.com/cb", i)}, Scopes: []string{"s0", "s1", "s2"}}})
		}
		c.Apps = s
	})
	atOnce(users, func(i int) {
		user := fmt.Sprintf("user%d", i)
		b := h.signedInAs(oauth.Login{Subject: user, Tenant: fmt.Sprintf("tenant%d", i%7)})
		for j := range clients {
			app, scope := fmt.Sprintf("app%d", (i+j)%clients), fmt.Sprintf("s%d", (i+j)%3)
			v := h.request(app, "scope", scope, "state", user+app)
			r := h.exchange(v, b.code(v))
			for range 2 {
				if r.StatusCode != 200 {
					t.Errorf("%s at %s: %d %s", user, app, r.StatusCode, r.body)
					return
				}
				c := h.verified(r.str("access_token"))
				if c.Subject != user || c.ClientID != app || !slices.Equal(c.Scopes, []string{scope}) || c.Tenant != fmt.Sprintf("tenant%d", i%7) {
					t.Errorf("%s at %s for %s got %+v", user, app, scope, c)
				}
				r = h.refresh(app, r.str("refresh_token"))
			}
		}
	})
}
