package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
)

func decoded(t testing.TB, part string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRevoke(t *testing.T) {
	for _, app := range []string{"web", "opaque", "two", "pub"} {
		// R7009-2-1, R7009-2.1-4
		t.Run("a refresh token of "+app, func(t *testing.T) {
			s := &interceptor{}
			h := newHost(t, s.wrap)
			r1 := h.login(app)
			r2 := h.refresh(app, r1.str("refresh_token")).want(t, 200, "")
			writes := s.writes.Load()
			wellFormed(t, h.revoke(app, r2.str("refresh_token")))
			if n := s.writes.Load() - writes; n != 1 {
				t.Errorf("%d writes, want 1", n)
			}
			for _, r := range []reply{r1, r2} {
				if h.active(r.str("access_token")) {
					t.Error("an access token is active")
				}
				h.refresh(app, r.str("refresh_token")).want(t, 400, "invalid_grant")
			}
			s.unwritten(t, func() { h.revoke(app, r2.str("refresh_token")) })
		})
		// R7009-2-2
		t.Run("an access token of "+app, func(t *testing.T) {
			h := newHost(t)
			r1 := h.login(app)
			r2 := h.refresh(app, r1.str("refresh_token")).want(t, 200, "")
			h.revoke(app, r1.str("access_token"))
			if h.active(r1.str("access_token")) || !h.active(r2.str("access_token")) {
				t.Error("revoked the wrong ones")
			}
			h.revoke(app, r1.str("access_token"))
			h.refresh(app, r2.str("refresh_token")).want(t, 200, "")
		})
	}
	t.Run("a refresh token that was rotated out long ago", func(t *testing.T) {
		h := newHost(t)
		r := h.login("web")
		old := r.str("refresh_token")
		for range 3 {
			r = h.refresh("web", r.str("refresh_token")).want(t, 200, "")
			h.pass(time.Minute)
		}
		h.revoke("web", old)
		h.refresh("web", r.str("refresh_token")).want(t, 400, "invalid_grant")
		if h.active(r.str("access_token")) {
			t.Error("the family goes on")
		}
	})
	// R7009-2.1-2
	t.Run("whatever the hint", func(t *testing.T) {
		h := newHost(t)
		for _, hint := range []string{"access_token", "refresh_token", "unknown"} {
			for _, name := range []string{"access_token", "refresh_token"} {
				r := h.login("web")
				h.post("web", "/revoke", url.Values{"token": {r.str(name)}, "token_type_hint": {hint}}).want(t, 200, "")
				if h.active(r.str("access_token")) {
					t.Errorf("%s with the hint %s: the access token is active", name, hint)
				}
			}
		}
	})
	// R7009-2.1-3
	t.Run("at another process", func(t *testing.T) {
		h := newHost(t)
		r := h.login("web")
		one := h.srv
		h.restart()
		h.introspect("web", r.str("access_token"))
		h.srv = one
		h.revoke("web", r.str("access_token"))
		h.restart()
		inactive(t, h.introspect("web", r.str("access_token")))
	})
	t.Run("for as long as the token would live", func(t *testing.T) {
		h := newHost(t)
		tok := h.login("web").str("access_token")
		h.revoke("web", tok)
		h.pass(15*time.Minute - time.Second)
		if _, err := h.config.Store.Sweep(t.Context(), h.clock().Unix(), 100); err != nil {
			t.Fatal(err)
		}
		if h.active(tok) {
			t.Error("the denial expired before the token")
		}
		h.pass(2 * time.Hour)
		if n, err := h.config.Store.Sweep(t.Context(), h.clock().Unix(), 100); err != nil || n == 0 {
			t.Errorf("swept %d, %v: the denial outlives the token", n, err)
		}
	})
}

// flipped is a token with another last character.
func flipped(tok string) string {
	last := "_"
	if strings.HasSuffix(tok, last) {
		last = "-"
	}
	return tok[:len(tok)-1] + last
}

func TestRevokeRefusals(t *testing.T) {
	s := &interceptor{}
	h := newHost(t, s.wrap)
	r := h.login("web")
	ask := func(app string, form url.Values) reply { return h.post(app, "/revoke", form) }
	// R7009-2.1-1
	t.Run("of another client's tokens", func(t *testing.T) {
		s.unwritten(t, func() {
			for _, stranger := range []string{"two", "pub", "api"} {
				for _, name := range []string{"access_token", "refresh_token"} {
					wellFormed(t, ask(stranger, url.Values{"token": {r.str(name)}}).want(t, 400, "unauthorized_client"))
				}
			}
		})
		if !h.active(r.str("access_token")) {
			t.Error("the token is inactive")
		}
	})
	t.Run("of nothing", func(t *testing.T) {
		ask("web", url.Values{"x": {"1"}}).want(t, 400, "invalid_request")
		ask("web", url.Values{"token": {""}}).want(t, 400, "invalid_request")
		ask("web", url.Values{"token": {"a", "b"}}).want(t, 400, "invalid_request")
	})
	// R7009-2.2-1
	t.Run("never, of what is unknown", func(t *testing.T) {
		expired := h.post("svc", "/token", ccForm).str("access_token")
		h.pass(time.Hour)
		tok := r.str("refresh_token")
		s.unwritten(t, func() {
			for _, tok := range []string{"x", "a.b.c", strings.Repeat("A", 92), expired, flipped(tok), tok[:40] + strings.Repeat("A", len(tok)-40),
				base64.RawURLEncoding.EncodeToString([]byte(tok))} {
				h.revoke("svc", tok)
			}
		})
		h.refresh("web", tok).want(t, 200, "")
	})
	// R7009-2.1-1
	t.Run("of a client that has no secret right", func(t *testing.T) {
		r := h.login("web")
		h.raw("/revoke", http.Header{"Authorization": {basic("web", "wrong")}}, "token="+r.str("refresh_token")).want(t, 401, "invalid_client")
		h.raw("/revoke", http.Header{}, "token="+r.str("refresh_token")+"&client_id=web").want(t, 401, "invalid_client")
		h.raw("/revoke", http.Header{}, "token="+r.str("refresh_token")).want(t, 401, "invalid_client")
		h.refresh("web", r.str("refresh_token")).want(t, 200, "")
	})
}

// A code is no token: revoking it does nothing, for the client has it exchanged, or lets it expire.
func TestRevokeCode(t *testing.T) {
	h := newHost(t)
	v := h.request("web")
	code := h.codeOf(v)
	h.revoke("web", code)
	h.exchange(v, code).want(t, 200, "")
}

// R7009-2.2.1-1
func TestRevokeStoreFails(t *testing.T) {
	down := false
	fail := func() error {
		if down {
			return errDown
		}
		return nil
	}
	for name, s := range map[string]*interceptor{
		"at reads": {get: func([]string) error { return fail() }},
		"at writes": {create: func(store.Record) error { return fail() },
			swap: func(store.Record) error { return fail() }},
	} {
		t.Run(name, func(t *testing.T) {
			down = false
			h := newHost(t, s.wrap)
			r := h.login("web")
			for _, kind := range []string{"access_token", "refresh_token"} {
				if name == "at reads" && kind == "access_token" {
					continue // a denial is written without a read
				}
				down = true
				got := h.post("web", "/revoke", url.Values{"token": {r.str(kind)}}).want(t, 503, "temporarily_unavailable")
				if got.Header.Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
				down = false
				if !h.active(r.str("access_token")) {
					t.Error("revoked after all")
				}
			}
			h.revoke("web", r.str("refresh_token"))
			if h.active(r.str("access_token")) {
				t.Error("the access token is active after revocation")
			}
		})
	}
}

// A denial is of the token's jti: no other text of the same token escapes it (RFC 7515, Section 5.2).
func TestRevokeReencoded(t *testing.T) {
	h := newHost(t)
	tok := h.login("web").str("access_token")
	parts := strings.Split(tok, ".")
	sig := decoded(t, parts[2])
	n, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16) // the order of P-256
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(n, s).FillBytes(sig[32:])
	twin := parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(sig)
	var claims map[string]any
	must(t, json.Unmarshal(decoded(t, parts[1]), &claims))
	again := signed(t, h.keys, "at+jwt", claims)
	if !h.active(twin) || !h.active(again) {
		t.Fatal("the other texts of the token are not good to begin with")
	}
	h.revoke("web", tok)
	for name, text := range map[string]string{"as it was": tok, "with its signature's twin": twin, "signed again": again,
		"with a line end": tok + "\n", "with a line end inside": tok[:40] + "\n" + tok[40:], "padded": tok + "=="} {
		if h.active(text) {
			t.Errorf("%s: active", name)
		}
	}
}

// Revocation reaches tokens of every way to get one.
func TestRevokeEverySource(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) {
			edit(s, "svc").Manifest.GrantTypes = []string{"client_credentials", "refresh_token"}
		})
	})
	issued, err := h.srv.Issue(t.Context(), "svc", oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: h.clock()}})
	must(t, err)
	for _, tok := range []string{issued.AccessToken, h.post("svc", "/token", ccForm).str("access_token")} {
		h.revoke("svc", tok)
		if h.active(tok) {
			t.Error("active after revocation")
		}
	}
	h.revoke("svc", issued.RefreshToken)
	h.refresh("svc", issued.RefreshToken).want(t, 400, "invalid_grant")
}
