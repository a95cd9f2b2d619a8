package oauth_test

import (
	"net/url"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/token"
)

func TestCodeFlow(t *testing.T) {
	h := newHost(t)
	b := h.browser()
	v := h.request("web")

	a := b.authorize(v)
	kind, action := a.form(t)
	if kind != "signin" {
		t.Fatalf("first page is %q, want signin", kind)
	}
	a = b.do("POST", action, url.Values{"user": {"alice"}})
	a = b.do("GET", a.Header.Get("Location"), nil)
	if kind, action = a.form(t); kind != "consent" {
		t.Fatalf("second page is %q, want consent", kind)
	}
	a = b.do("POST", action, url.Values{"allow": {"yes"}})
	got := a.location(t)
	if got.Get("state") != "xyz" || got.Get("iss") != h.url || got.Get("code") == "" {
		t.Fatalf("redirected with %v", got)
	}
	r := h.exchange(v, got.Get("code")).want(t, 200, "")
	if r.str("token_type") != "Bearer" || r.json["expires_in"] != 900.0 || r.str("scope") != "read write" {
		t.Errorf("token answer is %s", r.body)
	}

	verify, err := token.NewVerifier(token.VerifierConfig{Issuer: h.url, Audience: api, Keys: h.keys, Now: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := verify.Verify(t.Context(), r.str("access_token"))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject != "alice" || claims.ClientID != "web" {
		t.Errorf("claims are %+v", claims)
	}

	r2 := h.refresh("web", r.str("refresh_token")).want(t, 200, "")
	if r2.str("refresh_token") == r.str("refresh_token") {
		t.Error("the refresh token did not rotate")
	}
	if got := h.introspect("web", r2.str("access_token")); got.json["active"] != true || got.str("sub") != "alice" {
		t.Errorf("introspection says %s", got.body)
	}
	h.post("web", "/revoke", url.Values{"token": {r2.str("refresh_token")}}).want(t, 200, "")
	for _, tok := range []string{r.str("access_token"), r2.str("access_token")} {
		if h.active(tok) {
			t.Error("an access token of a revoked grant is active")
		}
	}
	h.refresh("web", r2.str("refresh_token")).want(t, 400, "invalid_grant")
}

func TestClientCredentials(t *testing.T) {
	h := newHost(t)
	r := h.post("svc", "/token", url.Values{"grant_type": {"client_credentials"}}).want(t, 200, "")
	if r.str("scope") != "read write" || r.json["refresh_token"] != nil {
		t.Errorf("token answer is %s", r.body)
	}
	claims, err := h.srv.Introspect(t.Context(), r.str("access_token"))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject != "svc" || claims.ClientID != "svc" {
		t.Errorf("claims are %+v", claims)
	}
	_ = oauth.Event{}
}
