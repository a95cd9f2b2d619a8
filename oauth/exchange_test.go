package oauth_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

// claims returns what an access token is worth now.
func (h *host) claims(tok string) *token.Claims {
	h.t.Helper()
	c, err := h.srv.Introspect(h.t.Context(), tok)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// codeOf signs alice in and returns the code for a request.
func (h *host) codeOf(v url.Values) string {
	h.t.Helper()
	return h.signedInAs(oauth.Login{Subject: "alice"}).code(v)
}

// withoutPKCE lets the app web leave PKCE out.
func withoutPKCE(c *oauth.Config) {
	c.Apps = apps(func(s registry.Static) { edit(s, "web").Policy.InsecureNoPKCE = true })
}

// A code that is presented in any other way than its request fixed is refused, and neither spent nor
// ended by it.
//
// R6749-4.1.2-2, R6749-4.1.3-1, R6749-10.6-1, R7636-4.1-1, R7636-4.4-1, R7636-4.6-1, R8252-6-1, R8707-2.2-1, R9700-2.1.1-1, R9700-4.5-1, OAuth21-7.5.2-1, OAuth21-10.2-1, MCP-AS-1
func TestExchangeBindings(t *testing.T) {
	const long = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
	for _, tt := range []struct {
		name    string
		request []string // the authorization request's
		set     []string // the token request's
		status  int
		code    string
	}{
		{"without redirect_uri", nil, []string{"redirect_uri", ""}, 400, "invalid_grant"},
		{"with another registered redirect_uri", nil, []string{"redirect_uri", "https://two.example.com/b?x=1"}, 400, "invalid_grant"},
		{"with a redirect_uri in capitals", nil, []string{"redirect_uri", "https://TWO.example.com/a"}, 400, "invalid_grant"},
		{"without code_verifier", nil, []string{"code_verifier", ""}, 400, "invalid_grant"},
		{"with another code_verifier", nil, []string{"code_verifier", strings.Repeat("a", 43)}, 400, "invalid_grant"},
		{"with a code_verifier of 42", nil, []string{"code_verifier", verifier[:42]}, 400, "invalid_grant"},
		{"with a code_verifier of 129", nil, []string{"code_verifier", strings.Repeat("a", 129)}, 400, "invalid_grant"},
		{"with a space after the code_verifier", nil, []string{"code_verifier", verifier + " "}, 400, "invalid_grant"},
		{"with a second line after the code_verifier", nil, []string{"code_verifier", verifier + "\nx"}, 400, "invalid_request"},
		{"with NUL after the code_verifier", nil, []string{"code_verifier", verifier + "\x00"}, 400, "invalid_request"},
		{"with plus in the code_verifier", nil, []string{"code_verifier", "+" + verifier[1:]}, 400, "invalid_grant"},
		{"with padding on the code_verifier", nil, []string{"code_verifier", verifier + "="}, 400, "invalid_grant"},
		{"with letters beyond ASCII in the code_verifier", nil, []string{"code_verifier", verifier + "é"}, 400, "invalid_grant"},
		{"with the challenge as code_verifier", nil, []string{"code_verifier", pkce.Challenge(verifier)}, 400, "invalid_grant"},
		{"with more scope", []string{"scope", "read"}, []string{"scope", "read write"}, 400, "invalid_scope"},
		{"with an unknown scope", nil, []string{"scope", "read openid"}, 400, "invalid_scope"},
		{"with another resource", []string{"resource", api}, []string{"resource", files}, 400, "invalid_target"},
		{"with an unknown resource", nil, []string{"resource", "https://evil.example"}, 400, "invalid_target"},
		{"with a tenant", nil, []string{"tenant", "acme"}, 400, "invalid_grant"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &interceptor{}
			h := newHost(t, s.wrap)
			v := h.request("two", tt.request...)
			code := h.codeOf(v)
			before := s.writes.Load()
			r := h.exchange(v, code, tt.set...).want(t, tt.status, tt.code)
			wellFormed(t, r)
			if n := s.writes.Load() - before; n != 0 {
				t.Errorf("%d writes for a request that was refused", n)
			}
			r = h.exchange(v, code).want(t, 200, "")
			// Used now: the same request, and any other but the right one, still ends nothing.
			h.exchange(v, code, tt.set...).want(t, tt.status, tt.code)
			h.refresh("two", r.str("refresh_token")).want(t, 200, "")
		})
	}
	t.Run("with the longest code_verifier of all letters", func(t *testing.T) {
		h := newHost(t)
		longest := (long + long)[:128]
		v := h.request("web", "code_challenge", pkce.Challenge(longest))
		h.exchange(v, h.codeOf(v), "code_verifier", longest).want(t, 200, "")
	})
	t.Run("with six wrong verifiers and then the right one", func(t *testing.T) {
		h := newHost(t)
		v := h.request("pub")
		code := h.codeOf(v)
		for i := range 6 {
			h.exchange(v, code, "code_verifier", strings.Repeat(string(rune('a'+i)), 43)).want(t, 400, "invalid_grant")
		}
		h.exchange(v, code).want(t, 200, "")
	})
	t.Run("with a redirect_uri where the request had none", func(t *testing.T) {
		h := newHost(t)
		v := h.request("web", "redirect_uri", "")
		code := h.codeOf(v)
		h.exchange(v, code, "redirect_uri", callback).want(t, 400, "invalid_grant")
		h.exchange(v, code).want(t, 200, "")
	})
	// R9700-2.1.1-3, R9700-4.8.2-1, OAuth21-4.1.3-2
	t.Run("with a code_verifier where the request had no challenge", func(t *testing.T) {
		h := newHost(t, withoutPKCE)
		v := h.request("web", "code_challenge", "", "code_challenge_method", "")
		code := h.codeOf(v)
		h.exchange(v, code).want(t, 400, "invalid_grant")
		h.exchange(v, code, "code_verifier", "").want(t, 200, "")
	})
	// R9700-4.8.2-1, OAuth21-4.1.3-2
	t.Run("without a code_verifier by an app that may leave PKCE out but did not", func(t *testing.T) {
		h := newHost(t, withoutPKCE)
		v := h.request("web")
		code := h.codeOf(v)
		h.exchange(v, code, "code_verifier", "").want(t, 400, "invalid_grant")
		h.exchange(v, code).want(t, 200, "")
	})
	t.Run("to a redirect_uri that the app has given up since", func(t *testing.T) {
		var app *registry.App
		h := newHost(t, func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { app = edit(s, "web") }) })
		v := h.request("web")
		code := h.codeOf(v)
		app.Manifest.RedirectURIs = []string{"https://new.example.com/cb"}
		h.exchange(v, code).want(t, 400, "invalid_grant")
	})
	t.Run("with the tenant that it was given in", func(t *testing.T) {
		h := newHost(t)
		v := h.request("web")
		code := h.signedInAs(oauth.Login{Subject: "alice", Tenant: "acme"}).code(v)
		h.exchange(v, code, "tenant", "other").want(t, 400, "invalid_grant")
		h.exchange(v, code, "tenant", "acme").want(t, 200, "")
	})
}

// R6749-4.1.2-2, R6749-4.1.3-2, R6749-10.5-1
func TestExchangeByStrangers(t *testing.T) {
	h := newHost(t)
	v := h.request("web")
	code := h.codeOf(v)
	stranger := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {callback}}
	for _, app := range []string{"two", "spa", "opaque"} {
		h.post(app, "/token", stranger).want(t, 400, "invalid_grant")
	}
	h.raw("/token", map[string][]string{"Authorization": {basic("web", "wrong")}}, stranger.Encode()).want(t, 401, "invalid_client")
	// PKCE is no client authentication.
	h.raw("/token", map[string][]string{}, stranger.Encode()+"&client_id=web").want(t, 401, "invalid_client")
	r := h.exchange(v, code).want(t, 200, "")
	// Nor can a stranger end what a used code began.
	h.post("two", "/token", stranger).want(t, 400, "invalid_grant")
	h.refresh("web", r.str("refresh_token")).want(t, 200, "")
}

// R6749-4.1.2-1, R6749-10.5-1
func TestExchangeExpires(t *testing.T) {
	for _, tt := range []struct{ config, life time.Duration }{{0, time.Minute}, {5 * time.Second, 5 * time.Second}} {
		h := newHost(t, func(c *oauth.Config) { c.CodeLifetime = tt.config })
		v := h.request("web")
		code := h.codeOf(v)
		late := h.codeOf(v)
		h.pass(tt.life - time.Second)
		h.exchange(v, code).want(t, 200, "")
		h.pass(time.Second)
		h.exchange(v, late).want(t, 400, "invalid_grant")
	}
}

// R6749-4.1.2-3, R6749-4.1.2-4, R6749-10.5-1, R9700-4.2.4-2, OAuth21-4.1.3-1
func TestExchangeReplay(t *testing.T) {
	h := newHost(t)
	v := h.request("web")
	b := h.signedInAs(oauth.Login{Subject: "alice"})
	code := b.code(v)
	r := h.exchange(v, code).want(t, 200, "")
	other := h.exchange(v, b.code(v)).want(t, 200, "")
	r2 := h.refresh("web", r.str("refresh_token")).want(t, 200, "")

	h.exchange(v, code).want(t, 400, "invalid_grant")
	if e := h.lastEvent(); !e.Reused || e.Grant == "" || e.Subject != "alice" || e.Err == nil {
		t.Errorf("the event of a replay is %+v", e)
	}
	for _, tok := range []string{r.str("access_token"), r2.str("access_token")} {
		inactive(t, h.introspect("web", tok))
	}
	for _, tok := range []string{r.str("refresh_token"), r2.str("refresh_token")} {
		h.refresh("web", tok).want(t, 400, "invalid_grant")
		inactive(t, h.introspect("web", tok))
	}
	h.exchange(v, code).want(t, 400, "invalid_grant")
	if e := h.lastEvent(); e.Reused {
		t.Error("a grant that is over was ended again")
	}
	// The user's other grant to the same app is none of its business.
	if !h.active(other.str("access_token")) {
		t.Error("another grant's access token is inactive")
	}
	h.refresh("web", other.str("refresh_token")).want(t, 200, "")
}

// The replay is noticed for as long as the record is there, long after the code has expired.
func TestExchangeReplayAfterExpiry(t *testing.T) {
	h := newHost(t)
	v := h.request("web")
	code := h.codeOf(v)
	r := h.exchange(v, code).want(t, 200, "")
	h.pass(24 * time.Hour)
	h.exchange(v, code).want(t, 400, "invalid_grant")
	h.refresh("web", r.str("refresh_token")).want(t, 400, "invalid_grant")
	t.Run("and once the record is gone it is unknown", func(t *testing.T) {
		h.pass(400 * 24 * time.Hour)
		if n, err := h.config.Store.Sweep(t.Context(), h.clock().Unix(), 100); err != nil || n == 0 {
			t.Fatalf("swept %d, %v", n, err)
		}
		h.exchange(v, code).want(t, 400, "invalid_grant")
	})
}

// R8707-2.1-1, R9068-2.2.3-1
func TestExchangeNarrows(t *testing.T) {
	h := newHost(t)
	v := h.request("web")
	v["resource"] = []string{api, files}
	r := h.exchange(v, h.codeOf(v), "scope", "write", "resource", files).want(t, 200, "")
	c := h.claims(r.str("access_token"))
	if r.str("scope") != "write" || !slices.Equal(c.Scopes, []string{"write"}) || !slices.Equal(c.Audience, []string{files}) {
		t.Errorf("narrowed to %q for %q, answered %s", c.Scopes, c.Audience, r.body)
	}
	// The grant has all of it still, and without resource a token is for all that were granted.
	r = h.refresh("web", r.str("refresh_token")).want(t, 200, "")
	c = h.claims(r.str("access_token"))
	if r.str("scope") != "read write" || !slices.Equal(c.Audience, []string{api, files}) {
		t.Errorf("afterwards %q for %q", r.str("scope"), c.Audience)
	}
}

// R9700-4.14.2-1
func TestExchangeWithoutRefresh(t *testing.T) {
	t.Run("by the app's manifest", func(t *testing.T) {
		h := newHost(t, func(c *oauth.Config) {
			c.Apps = apps(func(s registry.Static) { edit(s, "web").Manifest.GrantTypes = []string{"authorization_code"} })
		})
		if r := h.login("web"); r.json["refresh_token"] != nil || !h.active(r.str("access_token")) {
			t.Errorf("got %s", r.body)
		}
	})
	t.Run("by the host's word", func(t *testing.T) {
		h := newHost(t, func(c *oauth.Config) {
			page := c.Interact
			c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
				if a.Login != nil && r.Method == "POST" {
					a.Approve(w, r, &oauth.Approval{NoRefresh: true})
					return
				}
				page(w, r, a)
			}
		})
		v := h.request("web")
		code := h.codeOf(v)
		r := h.exchange(v, code).want(t, 200, "")
		if r.json["refresh_token"] != nil {
			t.Errorf("got %s", r.body)
		}
		h.exchange(v, code).want(t, 400, "invalid_grant")
		if h.active(r.str("access_token")) {
			t.Error("the replay of a code without refresh token ended nothing")
		}
	})
}

// What ends between the authorization and the exchange is not revived by it.
func TestExchangeAfterTheEnd(t *testing.T) {
	var app *registry.App
	setup := func(t *testing.T) (*host, url.Values, string) {
		h := newHost(t, func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { app = edit(s, "web") }) })
		v := h.request("web")
		return h, v, h.codeOf(v)
	}
	t.Run("of the consent", func(t *testing.T) {
		h, v, code := setup(t)
		if err := h.srv.Disconnect(t.Context(), oauth.Consent{Subject: "alice", App: "web"}); err != nil {
			t.Fatal(err)
		}
		h.exchange(v, code).want(t, 400, "invalid_grant")
	})
	t.Run("of the subject", func(t *testing.T) {
		h, v, code := setup(t)
		if err := h.srv.EndSubject(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		h.exchange(v, code).want(t, 400, "invalid_grant")
	})
	t.Run("of the app", func(t *testing.T) {
		h, v, code := setup(t)
		app.Suspended = true
		h.exchange(v, code).want(t, 401, "invalid_client")
		app.Suspended = false
		app.Epoch++
		h.exchange(v, code).want(t, 400, "invalid_grant")
	})
	t.Run("of its grant type", func(t *testing.T) {
		h, v, code := setup(t)
		app.Manifest.GrantTypes = []string{"refresh_token"}
		h.exchange(v, code).want(t, 400, "unauthorized_client")
	})
	t.Run("of all its scopes", func(t *testing.T) {
		h, v, code := setup(t)
		app.Manifest.Scopes = []string{"admin"}
		h.exchange(v, code).want(t, 400, "invalid_scope")
	})
	t.Run("of one of its scopes", func(t *testing.T) {
		h, v, code := setup(t)
		app.Manifest.Scopes = []string{"read", "admin"}
		if r := h.exchange(v, code).want(t, 200, ""); r.str("scope") != "read" {
			t.Errorf("scope is %q, want read", r.str("scope"))
		}
	})
}

// Two issuers with the same keys and secrets, on one database, have nothing in common.
func TestExchangeAtAnotherIssuer(t *testing.T) {
	shared := memory.New()
	h := newHost(t, func(c *oauth.Config) { c.Store = store.Namespace(shared, "one/") })
	other := newHost(t, func(c *oauth.Config) { c.Store, c.Keys = store.Namespace(shared, "two/"), h.keys })
	v := h.request("web")
	code := h.codeOf(v)
	other.exchange(v, code).want(t, 400, "invalid_grant")
	r := h.exchange(v, code).want(t, 200, "")
	other.refresh("web", r.str("refresh_token")).want(t, 400, "invalid_grant")
	if other.active(r.str("access_token")) {
		t.Error("another issuer knows the access token")
	}
	h.refresh("web", r.str("refresh_token")).want(t, 200, "")
}
