package oauth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

// Whoever sees a code does not learn from it what the verifier must hash to.
//
// R7636-4.4-2, R7636-7.2-2
func TestCodeHidesTheChallenge(t *testing.T) {
	h := newHost(t)
	b := h.signedInAs(alice)
	for _, v := range []string{verifier, strings.Repeat("a", 128)} {
		sum := sha256.Sum256([]byte(v))
		code := b.code(h.request("web", "code_challenge", pkce.Challenge(v)))
		again := sha256.Sum256(sum[:])
		for _, part := range [][]byte{sum[:16], sum[16:], again[:16]} {
			if bytes.Contains(decoded(t, code), part) || strings.Contains(code, base64.RawURLEncoding.EncodeToString(part)[:20]) {
				t.Error("the code holds the challenge")
			}
		}
		if len(code) != len(b.code(h.request("web"))) {
			t.Error("the length of a code depends on the challenge")
		}
	}
}

// What only chance could find has at least 160 bits that differ from one to the next. A code and a refresh
// token also name their grant, which is no secret: that is not counted.
//
// R6749-10.10-1
func TestCredentialsCannotBeGuessed(t *testing.T) {
	const grantBits, want = 128, 160
	varying := func(texts [][]byte) (n int) {
		for i := range texts[0] {
			var zeros, ones byte
			for _, text := range texts {
				zeros, ones = zeros|^text[i], ones|text[i]
			}
			for both := zeros & ones; both != 0; both &= both - 1 {
				n++
			}
		}
		return n
	}
	h := newHost(t)
	b := h.signedInAs(alice)
	first := h.login("web")
	byHandle := newHost(t, handles)
	var codes, refresh, handles [][]byte
	for range 64 {
		codes = append(codes, decoded(t, b.code(h.request("web"))))
		first = h.refresh("web", first.str("refresh_token")).want(t, 200, "")
		refresh = append(refresh, decoded(t, first.str("refresh_token")))
		text, err := hex.DecodeString(byHandle.grantOf("web").AccessToken)
		must(t, err)
		handles = append(handles, text)
	}
	for name, got := range map[string]int{
		"codes": varying(codes) - grantBits, "refresh tokens of one grant": varying(refresh), "handles": varying(handles),
	} {
		if got < want {
			t.Errorf("%s differ in %d bits, want at least %d", name, got, want)
		}
	}
}

// R6750-5.3-2
func TestNoTokenIsInACookie(t *testing.T) {
	h := newHost(t)
	b := h.signedInAs(alice)
	v := h.request("opaque")
	a := b.do("POST", b.consentPage(v), yes)
	r := h.exchange(v, a.location(t).Get("code")).want(t, 200, "")
	next := h.refresh("opaque", r.str("refresh_token")).want(t, 200, "")
	for _, got := range []reply{r, next, h.introspect("opaque", r.str("access_token")), h.revoke("opaque", next.str("access_token"))} {
		if len(got.Cookies()) != 0 {
			t.Errorf("an answer with tokens sets %d cookies", len(got.Cookies()))
		}
	}
	for _, c := range append(b.cookies(), a.Cookies()...) {
		for _, tok := range []string{r.str("access_token"), r.str("refresh_token"), a.location(t).Get("code")} {
			if strings.Contains(c.Value, tok) {
				t.Errorf("a credential is in the cookie %s", c.Name)
			}
		}
	}
}

// R7636-4.4.1-2
func TestAuthorizeNamesTheMethodThatItWants(t *testing.T) {
	h := newHost(t)
	for _, method := range []string{"plain", "S512", "s256"} {
		a := h.browser().authorize(h.request("web", "code_challenge_method", method))
		a.wantRefusal(t, h, callback+"?", "invalid_request", "xyz")
		if got := a.location(t).Get("error_description"); !strings.Contains(got, "code_challenge_method") || !strings.Contains(got, "S256") {
			t.Errorf("for %s error_description is %q", method, got)
		}
	}
}

// An app that cannot authenticate is protected by rotation alone.
//
// R6749-10.4-2, R9700-4.14.2-2
func TestReuseOfAPublicClientEndsTheGrant(t *testing.T) {
	for _, app := range []string{"pub", "spa"} {
		h := newHost(t)
		r1 := h.login(app)
		r2 := h.refresh(app, r1.str("refresh_token")).want(t, 200, "")
		h.pass(11 * time.Second)
		h.refresh(app, r1.str("refresh_token")).want(t, 400, "invalid_grant")
		if !h.lastEvent().Reused {
			t.Errorf("%s: the event does not say that a token came back", app)
		}
		h.refresh(app, r2.str("refresh_token")).want(t, 400, "invalid_grant")
		if h.active(r1.str("access_token")) || h.active(r2.str("access_token")) {
			t.Errorf("%s: an access token is active after the reuse", app)
		}
	}
}

// A secret that a public app's record has, for whatever reason, authenticates nobody.
//
// R6749-10.1-1
func TestSecretOfAPublicAppIsNone(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = appTable{func(string) (*registry.App, error) {
			app := service("app", secret, "none")
			app.Manifest.GrantTypes = []string{"authorization_code", "refresh_token"}
			app.Manifest.RedirectURIs = []string{callback}
			return &app, nil
		}}
	})
	form := "grant_type=refresh_token&refresh_token=x"
	h.raw("/token", http.Header{"Authorization": {basic("app", secret)}}, form).want(t, 401, "invalid_client")
	h.raw("/token", http.Header{}, form+"&client_id=app&client_secret="+secret).want(t, 401, "invalid_client")
	h.raw("/introspect", http.Header{"Authorization": {basic("app", secret)}}, "token=x").want(t, 401, "invalid_client")
	h.raw("/token", http.Header{}, form+"&client_id=app").want(t, 400, "invalid_grant")
}

// R7519-4.1.7-1
func TestEveryTokenHasItsOwnID(t *testing.T) {
	h := newHost(t)
	seen := make(map[string]bool)
	check := func(what, tok string) {
		t.Helper()
		id := h.claims(tok).ID
		if id == "" || seen[id] {
			t.Fatalf("%s: jti %q is there twice, or empty", what, id)
		}
		seen[id] = true
	}
	for range 100 { // all in one second
		check("client credentials", h.post("svc", "/token", ccForm).want(t, 200, "").str("access_token"))
	}
	for _, user := range []string{"alice", "bob"} {
		v := h.request("web")
		r := h.exchange(v, h.signedInAs(oauth.Login{Subject: user}).code(v)).want(t, 200, "")
		check("a code", r.str("access_token"))
		for range 10 {
			next := h.refresh("web", r.str("refresh_token")).want(t, 200, "")
			check("a refresh", next.str("access_token"))
			check("its retry", h.refresh("web", r.str("refresh_token")).want(t, 200, "").str("access_token"))
			r = next
		}
	}
}

// Two names that look alike are two names.
//
// R8414-4-1
func TestNamesAreNotNormalised(t *testing.T) {
	const composed, decomposed = "ren\u00e9", "rene\u0301"
	h := newHost(t)
	login := func(user string) reply {
		v := h.request("web")
		return h.exchange(v, h.signedInAs(oauth.Login{Subject: user}).code(v)).want(t, 200, "")
	}
	one, two := login(composed), login(decomposed)
	if got := connected(t, h, composed); len(got) != 1 || got[0].Subject != composed {
		t.Errorf("the consents of one are %+v", got)
	}
	must(t, h.srv.EndSubject(t.Context(), composed))
	if h.active(one.str("access_token")) || !h.active(two.str("access_token")) {
		t.Error("not exactly the grants of the one that was named have ended")
	}
	if got := h.claims(two.str("access_token")).Subject; got != decomposed {
		t.Errorf("sub is %q, want %q", got, decomposed)
	}
}

// A host whose resources give one scope two meanings can refuse a token for both of them.
func TestClaimsMayRefuseAnAmbiguousToken(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Claims = func(_ context.Context, _ *oauth.Grant, c *token.Claims) error {
			if len(c.Audience) > 1 {
				return &oauth.Error{Code: "invalid_scope", Description: "Ask for one resource at a time"}
			}
			return nil
		}
	})
	v := h.request("web")
	v["resource"] = []string{api, files}
	code := h.codeOf(v)
	h.exchange(v, code).want(t, 400, "invalid_scope")
	got := h.claims(h.exchange(v, code, "resource", files).want(t, 200, "").str("access_token"))
	if !slices.Equal(got.Audience, []string{files}) {
		t.Errorf("aud is %q", got.Audience)
	}
	h.post("svc", "/token", url.Values{"grant_type": {"client_credentials"}, "resource": {api, files}}).want(t, 400, "invalid_scope")
}
