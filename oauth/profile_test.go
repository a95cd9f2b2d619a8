package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
)

// published returns the server's metadata.
func (h *host) published() (doc map[string]any) {
	h.t.Helper()
	a := h.browser().do("GET", "/.well-known/oauth-authorization-server", nil)
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		h.t.Fatal(err)
	}
	return doc
}

func TestProfilePaths(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Profile = &oauth.Profile{Paths: oauth.Paths{Token: "/a/token", Revoke: "/a/revoke", Introspect: "-", JWKS: "-"}}
		c.Paths = oauth.Paths{Token: "/b/token", JWKS: "/b/keys"}
	})
	doc := h.published()
	for name, want := range map[string]any{
		"authorization_endpoint": h.url + "/authorize", // neither says
		"token_endpoint":         h.url + "/b/token",   // both say
		"revocation_endpoint":    h.url + "/a/revoke",
		"introspection_endpoint": nil,
		"jwks_uri":               h.url + "/b/keys",
	} {
		if doc[name] != want {
			t.Errorf("%s is %v, want %v", name, doc[name], want)
		}
	}
	for path, want := range map[string]int{"/a/token": 404, "/b/token": 405, "/a/revoke": 405, "/introspect": 404, "/jwks": 404, "/b/keys": 200} {
		if got := h.browser().do("GET", path, nil).StatusCode; got != want {
			t.Errorf("%s answers %d, want %d", path, got, want)
		}
	}
}

// R7009-2.2.1-1
func TestProfileRevokesRefreshTokensOnly(t *testing.T) {
	var s interceptor
	h := newHost(t, s.wrap, func(c *oauth.Config) { c.Profile = &oauth.Profile{RevokeRefreshOnly: true} })
	web, opaque := h.grantOf("web"), h.grantOf("opaque")
	s.unwritten(t, func() {
		h.post("web", "/revoke", url.Values{"token": {web.AccessToken}}).want(t, 400, "unsupported_token_type")
		h.post("opaque", "/revoke", url.Values{"token": {opaque.AccessToken}}).want(t, 400, "unsupported_token_type")
		h.post("web", "/revoke", url.Values{"token": {"unknown"}}).want(t, 200, "")
	})
	if !h.active(web.AccessToken) || !h.active(opaque.AccessToken) {
		t.Error("a token is inactive whose revocation was refused")
	}
	h.post("web", "/revoke", url.Values{"token": {web.RefreshToken}}).want(t, 200, "")
	if h.active(web.AccessToken) || !h.active(opaque.AccessToken) {
		t.Error("not exactly what hangs on the revoked refresh token is inactive")
	}
}

// A dialect that leaves forms to ReadForm has them read as a server without one does.
func TestReadForm(t *testing.T) {
	strict := newHost(t)
	h := newHost(t, func(c *oauth.Config) {
		c.Profile = &oauth.Profile{Request: func(_ string, r *http.Request) (url.Values, error) { return oauth.ReadForm(r) }}
	})
	for _, tt := range []struct{ contentType, body string }{
		{"application/x-www-form-urlencoded", ccForm.Encode()},
		{"application/x-www-form-urlencoded; charset=UTF-8", ccForm.Encode()},
		{"application/x-www-form-urlencoded; charset=latin1", ccForm.Encode()},
		{"application/json", `{"grant_type":"client_credentials"}`},
		{"text/plain", ccForm.Encode()},
		{"application/x-www-form-urlencoded", "grant_type=%zz"},
		{"application/x-www-form-urlencoded", "grant_type=client_credentials&grant_type=client_credentials"},
		{"application/x-www-form-urlencoded", "grant_type=client_credentials%00"},
		{"application/x-www-form-urlencoded", ""},
	} {
		header := func() http.Header {
			return http.Header{"Content-Type": {tt.contentType}, "Authorization": {basic("svc", secret)}}
		}
		want, got := strict.raw("/token", header(), tt.body), h.raw("/token", header(), tt.body)
		if got.StatusCode != want.StatusCode || got.StatusCode != 200 && got.body != want.body {
			t.Errorf("%s %q: answered %d %s, want %d %s", tt.contentType, tt.body, got.StatusCode, got.body, want.StatusCode, want.body)
		}
	}
}
