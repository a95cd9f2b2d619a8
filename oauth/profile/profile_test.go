package profile_test

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/token"
)

// TestDialectIsNamed mints tokens under each profile and shows them to a server without one, with the same
// store, keys and secrets: what only a dialect allows is worth nothing there.
func TestDialectIsNamed(t *testing.T) {
	strict := newHost(t, nil)
	for _, tt := range []struct {
		name    string
		profile *oauth.Profile
		access  bool // is good at a strict server too
		refresh bool
	}{
		{"JSON", profile.JSON(), true, true},
		{"Cognito", profile.Cognito(), false, true},
		{"Doorkeeper", profile.Doorkeeper(), false, false},
		{"IdentityServer", profile.IdentityServer(), true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			named := strict.as(t, tt.profile)
			tok := named.issue(t, "web")
			if _, err := named.srv.Introspect(t.Context(), tok.AccessToken); err != nil {
				t.Errorf("the token is not good where it was minted: %v", err)
			}
			if _, err := strict.srv.Introspect(t.Context(), tok.AccessToken); (err == nil) != tt.access {
				t.Errorf("a strict server says %v of the access token, want it good: %v", err, tt.access)
			}
			if got := strict.refresh("web", tok.RefreshToken); (got.Code == 200) != tt.refresh {
				t.Errorf("a strict server answers %d %s to the refresh token, want it good: %v", got.Code, got.Body, tt.refresh)
			}
		})
	}
}

// refresh redeems a refresh token at the default place.
func (h *host) refresh(app, tok string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/token", strings.NewReader(
		"grant_type=refresh_token&client_id="+app+"&client_secret="+secret+"&refresh_token="+tok))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.srv.ServeHTTP(w, r)
	return w
}

// A host may change the value that it gets, and changes no other's.
func TestValuesAreTheHosts(t *testing.T) {
	for _, f := range []func() *oauth.Profile{profile.JSON, profile.Cognito, profile.Doorkeeper, profile.IdentityServer} {
		*f() = oauth.Profile{}
		if p := f(); p.Request == nil {
			t.Error("a profile was changed for all")
		}
	}
	p := profile.Cognito()
	p.Request, p.Paths.Token = nil, "/token"
	h := newHost(t, p)
	r := httptest.NewRequest("POST", "/token", strings.NewReader("grant_type=client_credentials&client_id=svc&client_secret="+secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	if h.srv.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("without Cognito's own rule a request without scope is answered %d %s", w.Code, w.Body)
	}
}

// What a JWT says survives the mapping of each dialect, but for what its documentation names.
func TestClaims(t *testing.T) {
	at := time.Unix(1552036500, 0)
	full := func() token.Claims {
		return token.Claims{
			Issuer: issuer, Subject: "alice", Audience: []string{api, "https://files.example.com"}, Expires: at.Add(time.Hour), IssuedAt: at,
			ID: "j", ClientID: "web", Scopes: []string{"a", "b"}, AuthTime: at.Add(-time.Minute), ACR: "2", AMR: []string{"pwd"},
			Tenant: "acme", Roles: []string{"admin"}, Groups: []string{"ops"}, Entitlements: []string{"e"},
			Extra: map[string]json.RawMessage{"number": json.RawMessage("12345678901234567890"), "version": json.RawMessage(`"mine"`)},
		}
	}
	alone := func() token.Claims {
		return token.Claims{Issuer: issuer, Subject: "svc", Audience: []string{api}, Expires: at.Add(time.Hour), IssuedAt: at, ID: "j", ClientID: "svc"}
	}
	for _, tt := range []struct {
		name string
		p    *oauth.Profile
		typ  string
		want func(c *token.Claims)
	}{
		{"Cognito", profile.Cognito(), "", func(c *token.Claims) {
			c.Audience = nil
			if c.AuthTime.IsZero() {
				c.AuthTime = c.IssuedAt
			}
			extra := map[string]json.RawMessage{"number": c.Extra["number"], "version": json.RawMessage("2"), "token_use": json.RawMessage(`"access"`)}
			if c.Extra == nil {
				delete(extra, "number")
			}
			c.Extra = extra
		}},
		{"IdentityServer", profile.IdentityServer(), "at+jwt", func(*token.Claims) {}},
	} {
		for _, fresh := range []func() token.Claims{full, alone} {
			claims, want := fresh(), fresh()
			t.Run(tt.name+" of "+claims.Subject, func(t *testing.T) {
				tt.want(&want)
				typ, mapped := tt.p.Claims(&claims)
				b, err := json.Marshal(mapped)
				if err != nil {
					t.Fatal(err)
				}
				var got token.Claims
				if err := got.UnmarshalJSON(b); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); typ != tt.typ || diff != "" {
					t.Errorf("type %q, want %q; claims (-want +got):\n%s", typ, tt.typ, diff)
				}
				if !reflect.DeepEqual(claims, fresh()) {
					t.Error("the claims that were given are changed")
				}
			})
		}
		t.Run(tt.name+" of what has no form", func(t *testing.T) {
			for _, c := range []token.Claims{
				{Issuer: issuer, Scopes: []string{"a b"}},
				{Issuer: issuer, Scopes: []string{"a"}, Expires: time.Unix(math.MaxInt32*1000, 0)},
				{Issuer: issuer, Extra: map[string]json.RawMessage{"scope": json.RawMessage(`"all"`)}},
			} {
				_, mapped := tt.p.Claims(&c)
				if b, err := json.Marshal(mapped); err == nil {
					t.Errorf("encoded as %s", b)
				}
			}
		})
	}
}

// TestBearerSources is the other side of the dialects: where an API may find a token is what its guard says,
// and nothing more without it.
func TestBearerSources(t *testing.T) {
	h := newHost(t, profile.Doorkeeper())
	tok := h.issue(t, "web").AccessToken
	guard := func(c resource.Config) http.Handler {
		c.Accept = token.VerifierConfig{Issuer: issuer, Audience: api, Now: func() time.Time { return *h.now }}
		c.Introspect = h.srv.Introspect
		g, err := resource.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return g.Require(resource.Need{Scopes: []string{"public"}}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	}
	strict := guard(resource.Config{})
	lax := guard(resource.Config{Headers: []string{"Authorization", "Authorisation"}, FormBody: true, InsecureQuery: true})
	for _, tt := range []struct {
		name         string
		method, path string
		header       []string
		body         string
		strict, lax  int
	}{
		{"the header", "GET", "/", []string{"Authorization"}, "", 200, 200},
		{"the header in another spelling", "GET", "/", []string{"Authorisation"}, "", 401, 200},
		{"both spellings", "GET", "/", []string{"Authorization", "Authorisation"}, "", 200, 400},
		{"the query", "GET", "/?access_token=" + tok, nil, "", 401, 200},
		{"the query of a POST", "POST", "/?access_token=" + tok, nil, "", 401, 401},
		{"the body", "POST", "/", nil, "access_token=" + tok, 401, 200},
		{"the header and the query", "GET", "/?access_token=" + tok, []string{"Authorization"}, "", 200, 400},
		{"the header and the body", "POST", "/", []string{"Authorization"}, "access_token=" + tok, 200, 400},
		{"nowhere", "GET", "/", nil, "", 401, 401},
	} {
		for i, g := range []http.Handler{strict, lax} {
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for _, name := range tt.header {
				r.Header.Set(name, "Bearer "+tok)
			}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			if want := []int{tt.strict, tt.lax}[i]; w.Code != want {
				t.Errorf("%s: a %s guard answers %d, want %d", tt.name, []string{"strict", "lax"}[i], w.Code, want)
			}
		}
	}
}
