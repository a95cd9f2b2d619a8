package oauth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
)

// goodConfig is the least that New accepts.
func goodConfig(t testing.TB) oauth.Config {
	return oauth.Config{Issuer: "https://as.example", Store: memory.New(), Keys: newKeys(t), Apps: apps(), Resources: []string{api}}
}

// wellKnownCases are the shared cases of issuers and where their metadata is.
type wellKnownCases struct {
	Cases []struct {
		ID, Identifier, Kind string
		URL                  string `json:"metadata_url"`
	}
	Bad []struct{ ID, Issuer, Note string } `json:"bad_issuers"`
}

func readWellKnown(t testing.TB) (c wellKnownCases) {
	t.Helper()
	b, err := os.ReadFile("testdata/wellknown_cases.json")
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Cases) < 10 || len(c.Bad) < 10 {
		t.Fatalf("the file has %d and %d cases", len(c.Cases), len(c.Bad))
	}
	return c
}

func TestNewMinimal(t *testing.T) {
	t.Parallel()
	s, err := oauth.New(goodConfig(t))
	if s == nil || err != nil {
		t.Fatal(err)
	}
}

// R6749-3.1-3, R6749-3.2-1, R6749-4.1.2-1, R6749-8-1, R6750-5.2-2, R7662-2-1, R7009-2-1, R8414-2-1, R8414-2-4, R9207-2-2, OAuth21-1.5-1, MCP-AS-5
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	signedIn := func(*http.Request) (*oauth.Login, error) { return nil, nil }
	interact := func(http.ResponseWriter, *http.Request, *oauth.Authorization) {}
	handler := func(context.Context, *oauth.TokenRequest) (*oauth.Approval, error) { return nil, nil }
	for name, test := range map[string]struct {
		field  string
		change func(*oauth.Config)
	}{
		"no store":                            {"Store", func(c *oauth.Config) { c.Store = nil }},
		"no keys":                             {"Keys", func(c *oauth.Config) { c.Keys = nil }},
		"no apps":                             {"Apps", func(c *oauth.Config) { c.Apps = nil }},
		"an app with a fault":                 {"Apps", func(c *oauth.Config) { c.Apps = registry.Static{{ID: "x"}} }},
		"a Fetch that dials as it likes":      {"Fetch", func(c *oauth.Config) { c.Fetch = &http.Client{Transport: http.DefaultTransport} }},
		"no resources":                        {"Resources", func(c *oauth.Config) { c.Resources = nil }},
		"a relative resource":                 {"Resources", func(c *oauth.Config) { c.Resources = []string{"/api"} }},
		"a resource with a fragment":          {"Resources", func(c *oauth.Config) { c.Resources = []string{api, api + "#x"} }},
		"a resource with an empty one":        {"Resources", func(c *oauth.Config) { c.Resources = []string{api + "#"} }},
		"a resource with a line break":        {"Resources", func(c *oauth.Config) { c.Resources = []string{api + "/\n"} }},
		"an empty resource":                   {"Resources", func(c *oauth.Config) { c.Resources = []string{""} }},
		"pages and no sign-in":                {"SignedIn", func(c *oauth.Config) { c.Interact = interact }},
		"sign-in and no pages":                {"Interact", func(c *oauth.Config) { c.SignedIn = signedIn }},
		"a scope with a space":                {"Scopes", func(c *oauth.Config) { c.Scopes = []string{"a b"} }},
		"an empty scope":                      {"Scopes", func(c *oauth.Config) { c.Scopes = []string{""} }},
		"a grant type that is no URI":         {"GrantTypes", func(c *oauth.Config) { c.GrantTypes = map[string]oauth.GrantHandler{"password": handler} }},
		"a standard grant type":               {"GrantTypes", func(c *oauth.Config) { c.GrantTypes = map[string]oauth.GrantHandler{"client_credentials": handler} }},
		"a grant type without a handler":      {"GrantTypes", func(c *oauth.Config) { c.GrantTypes = map[string]oauth.GrantHandler{hostGrant: nil} }},
		"a code that lives too long":          {"CodeLifetime", func(c *oauth.Config) { c.CodeLifetime = 10*time.Minute + 1 }},
		"a code that does not live":           {"CodeLifetime", func(c *oauth.Config) { c.CodeLifetime = time.Millisecond }},
		"a negative code lifetime":            {"CodeLifetime", func(c *oauth.Config) { c.CodeLifetime = -time.Minute }},
		"a token that lives too long":         {"AccessLifetime", func(c *oauth.Config) { c.AccessLifetime = 24*time.Hour + 1 }},
		"a negative access lifetime":          {"AccessLifetime", func(c *oauth.Config) { c.AccessLifetime = -1 }},
		"a negative refresh lifetime":         {"RefreshLifetime", func(c *oauth.Config) { c.RefreshLifetime = -time.Hour }},
		"a refresh lifetime for ever":         {"RefreshLifetime", func(c *oauth.Config) { c.RefreshLifetime = 1<<63 - 1 }},
		"a negative grant lifetime":           {"GrantLifetime", func(c *oauth.Config) { c.GrantLifetime = -time.Hour }},
		"a grant lifetime for ever":           {"GrantLifetime", func(c *oauth.Config) { c.GrantLifetime = 1<<63 - 1 }},
		"a grace over a minute":               {"RefreshGrace", func(c *oauth.Config) { c.RefreshGrace = time.Minute + 1 }},
		"a prefix that is too long":           {"CredentialPrefix", func(c *oauth.Config) { c.CredentialPrefix = "seventeen_letters" }},
		"a prefix with a dot":                 {"CredentialPrefix", func(c *oauth.Config) { c.CredentialPrefix = "a.b" }},
		"an empty ring of secrets":            {"Secrets", func(c *oauth.Config) { c.Secrets = [][]byte{} }},
		"a short secret":                      {"Secrets", func(c *oauth.Config) { c.Secrets = [][]byte{[]byte(secret), []byte("short")} }},
		"a path without a slash":              {"Paths", func(c *oauth.Config) { c.Paths.Token = "token" }},
		"a path with a query":                 {"Paths", func(c *oauth.Config) { c.Paths.Token = "/token?x" }},
		"a path with a fragment":              {"Paths", func(c *oauth.Config) { c.Paths.Token = "/token#x" }},
		"a path with an escape":               {"Paths", func(c *oauth.Config) { c.Paths.Token = "/tok%65n" }},
		"a path with a space":                 {"Paths", func(c *oauth.Config) { c.Paths.Token = "/to ken" }},
		"a path with two slashes":             {"Paths", func(c *oauth.Config) { c.Paths.Token = "//token" }},
		"a path with dots that are cut":       {"Paths", func(c *oauth.Config) { c.Paths.Token = "/x/../token" }},
		"two endpoints on a path":             {"Paths", func(c *oauth.Config) { c.Paths.Token = "/revoke" }},
		"an endpoint on the metadata's path":  {"Paths", func(c *oauth.Config) { c.Paths.JWKS = "/.well-known/openid-configuration" }},
		"an issuer with a port and no host":   {"Issuer", func(c *oauth.Config) { c.Issuer = "https://:8443" }},
		"an issuer on http":                   {"Issuer", func(c *oauth.Config) { c.Issuer = "http://10.0.0.1" }},
		"an issuer named like loopback":       {"Issuer", func(c *oauth.Config) { c.Issuer = "http://localhost.example" }},
		"an issuer that is no URL":            {"Issuer", func(c *oauth.Config) { c.Issuer = "https://as.example\x7f" }},
		"an issuer with a quote":              {"Issuer", func(c *oauth.Config) { c.Issuer = `https://as.example/"` }},
		"an issuer with an escape":            {"Issuer", func(c *oauth.Config) { c.Issuer = "https://as.example/%61" }},
		"an issuer with two slashes":          {"Issuer", func(c *oauth.Config) { c.Issuer = "https://as.example//a" }},
		"an issuer that is not ASCII":         {"Issuer", func(c *oauth.Config) { c.Issuer = "https://äs.example" }},
		"an issuer with an empty query":       {"Issuer", func(c *oauth.Config) { c.Issuer = "https://as.example?" }},
		"an issuer that is an opaque address": {"Issuer", func(c *oauth.Config) { c.Issuer = "https:as.example" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := goodConfig(t)
			test.change(&c)
			s, err := oauth.New(c)
			if s != nil || err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), "Config."+test.field) || !strings.HasPrefix(err.Error(), "oauth: ") {
				t.Errorf("error is %q, want it to name %s", err, test.field)
			}
			if n := strings.Count(err.Error(), "oauth: Config."); n != 1 {
				t.Errorf("%d faults are named, want 1: %q", n, err)
			}
		})
	}
	for _, bad := range readWellKnown(t).Bad {
		t.Run(bad.ID+" "+bad.Note, func(t *testing.T) {
			c := goodConfig(t)
			c.Issuer = bad.Issuer
			if _, err := oauth.New(c); err == nil || !strings.Contains(err.Error(), "Config.Issuer") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestNewReportsAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := oauth.New(oauth.Config{
		Issuer: "ftp://as.example", Apps: registry.Static{{ID: "x"}}, Secrets: [][]byte{[]byte("leaked?")}, Scopes: []string{"a b"},
		SignedIn:   func(*http.Request) (*oauth.Login, error) { return nil, nil },
		GrantTypes: map[string]oauth.GrantHandler{"x": nil}, Paths: oauth.Paths{Token: "token", Revoke: "/jwks"}, CodeLifetime: -1, AccessLifetime: -1,
		RefreshLifetime: -1, GrantLifetime: -1, RefreshGrace: time.Hour, CredentialPrefix: "-",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{"Issuer", "Store", "Keys", "Apps", "Secrets", "Interact", "Scopes", "Resources", "GrantTypes", "Paths",
		"CodeLifetime", "AccessLifetime", "RefreshLifetime", "GrantLifetime", "RefreshGrace", "CredentialPrefix"} {
		if !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s is not named in %q", field, err)
		}
	}
	if !strings.Contains(err.Error(), "Token") || !strings.Contains(err.Error(), "JWKS") {
		t.Errorf("not each path is named in %q", err)
	}
	if strings.Contains(err.Error(), "leaked") {
		t.Error("the error has a secret")
	}
	if _, err := oauth.New(oauth.Config{}); err == nil || !strings.Contains(err.Error(), "Config.Issuer: required") {
		t.Errorf("for nothing at all, the error is %v", err)
	}
}

func TestNewSaysThatSecretsAreMissing(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][][]byte{"none": nil, "one": {[]byte(secret)}} {
		t.Run(name, func(t *testing.T) {
			c := goodConfig(t)
			var events []oauth.Event
			c.Secrets, c.Observe = secrets, func(_ context.Context, e oauth.Event) { events = append(events, e) }
			if _, err := oauth.New(c); err != nil {
				t.Fatal(err)
			}
			if want := secrets == nil; (len(events) == 1 && events[0].Endpoint == "new" && events[0].Err != nil && !events[0].Time.IsZero()) != want || len(events) > 1 {
				t.Errorf("reported %+v", events)
			}
		})
	}
}

// What the caller changes afterwards does not reach the server.
func TestNewCopies(t *testing.T) {
	t.Parallel()
	resources := []string{api, files}
	h := newHost(t, func(c *oauth.Config) { c.Resources = resources })
	resources[0] = "https://evil.example.com"
	h.config.Resources = nil
	claims, err := h.srv.Introspect(t.Context(), h.login("first").str("access_token"))
	if err != nil || claims.Audience[0] != api {
		t.Errorf("claims are %+v, %v", claims, err)
	}
}

// Zero values are the documented defaults.
//
// R6750-5.3-1, OAuth21-2.4-2, MCP-AS-7
func TestNewDefaults(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	v := h.request("first")
	b := h.signedInAs(alice)
	late, inTime := b.code(v), b.code(v)
	h.pass(59 * time.Second)
	r := h.exchange(v, inTime).want(t, 200, "")
	h.pass(time.Second)
	h.exchange(v, late).want(t, 400, "invalid_grant")
	if got := r.json["expires_in"]; got != 900.0 {
		t.Errorf("expires_in is %v", got)
	}
	h.pass(30*24*time.Hour - 2*time.Second)
	r = h.refresh("first", r.str("refresh_token")).want(t, 200, "")
	h.pass(30 * 24 * time.Hour)
	h.refresh("first", r.str("refresh_token")).want(t, 400, "invalid_grant")
}

func TestNewUsesTheLifetimes(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *oauth.Config) {
		c.CodeLifetime, c.AccessLifetime, c.RefreshLifetime, c.GrantLifetime = 5*time.Second, time.Minute, time.Hour, 90*time.Minute
		c.CredentialPrefix = "acme_"
	})
	v := h.request("first")
	b := h.signedInAs(alice)
	code := b.code(v)
	h.pass(5 * time.Second)
	h.exchange(v, code).want(t, 400, "invalid_grant")
	code = b.code(v)
	r := h.exchange(v, code).want(t, 200, "")
	if got := r.json["expires_in"]; got != 60.0 {
		t.Errorf("expires_in is %v", got)
	}
	for _, tok := range []string{code, r.str("refresh_token"), h.login("opaque").str("access_token")} {
		if !strings.HasPrefix(tok, "acme_") {
			t.Error("a credential without the prefix")
		}
	}
	h.pass(time.Hour - time.Second)
	r = h.refresh("first", r.str("refresh_token")).want(t, 200, "")
	h.pass(30*time.Minute - 29*time.Second)
	r = h.refresh("first", r.str("refresh_token")).want(t, 200, "")
	if got := r.json["expires_in"]; got != 30.0 { // no longer than the grant
		t.Errorf("expires_in is %v", got)
	}
	h.pass(30 * time.Second)
	h.refresh("first", r.str("refresh_token")).want(t, 400, "invalid_grant")
}

// status is the status that the server answers with, without a network.
func status(s http.Handler, method, target string) int {
	r := httptest.NewRequest(method, "https://as.example/", nil)
	u, err := url.Parse(target)
	if err != nil {
		return 0
	}
	r.URL = u
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	return rec.Code
}

func TestPaths(t *testing.T) {
	t.Parallel()
	zero := map[string]string{"authorize": "/authorize", "token": "/token", "introspect": "/introspect", "revoke": "/revoke", "jwks": "/jwks"}
	for name, test := range map[string]struct {
		issuer string
		paths  oauth.Paths
		want   map[string]string
		gone   []string
	}{
		"as they are": {"https://as.example", oauth.Paths{}, zero, nil},
		"below the issuer's path": {"https://as.example/t1", oauth.Paths{}, map[string]string{"authorize": "/t1/authorize", "token": "/t1/token",
			"introspect": "/t1/introspect", "revoke": "/t1/revoke", "jwks": "/t1/jwks"}, []string{"/token", "/authorize"}},
		"below an issuer's path that ends in a slash": {"https://as.example/t1/", oauth.Paths{}, map[string]string{"token": "/t1/token"}, []string{"/token", "/t1//token"}},
		"moved": {"https://as.example", oauth.Paths{Authorize: "/o/a", Token: "/o/t/", Introspect: "/o/i", Revoke: "/token", JWKS: "/.well-known/jwks.json"},
			map[string]string{"authorize": "/o/a", "token": "/o/t/", "introspect": "/o/i", "revoke": "/token", "jwks": "/.well-known/jwks.json"},
			[]string{"/authorize", "/introspect", "/revoke", "/jwks", "/o/t"}},
		"removed": {"https://as.example", oauth.Paths{Authorize: "-", Introspect: "-", Revoke: "-", JWKS: "-"}, map[string]string{"token": "/token"},
			[]string{"/authorize", "/introspect", "/revoke", "/jwks", "/-", "-"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, func(c *oauth.Config) { c.Issuer, c.Paths = test.issuer, test.paths })
			method := map[string]string{"token": "POST", "introspect": "POST", "revoke": "POST"}
			for endpoint, path := range test.want {
				m := method[endpoint]
				if m == "" {
					m = "GET"
				}
				if got := status(h.srv, m, path); got == http.StatusNotFound {
					t.Errorf("%s is not at %s", endpoint, path)
				}
			}
			for _, path := range test.gone {
				for _, m := range []string{"GET", "POST"} {
					if got := status(h.srv, m, path); got != http.StatusNotFound {
						t.Errorf("%s %s: got %d", m, path, got)
					}
				}
			}
		})
	}
	t.Run("no authorization endpoint without pages", func(t *testing.T) {
		t.Parallel()
		s, err := oauth.New(goodConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := status(s, "GET", "/authorize"); got != http.StatusNotFound {
			t.Errorf("got %d", got)
		}
	})
}

// Only the exact path is an endpoint, so that no proxy and server can differ about what is asked for.
func TestPathsThatAreNear(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *oauth.Config) { c.Issuer = "https://as.example/t1" })
	for _, path := range []string{"", "/", "/t1", "/t1/", "/t1/token/", "//t1/token", "/t1//token", "/t1/TOKEN", "/T1/token", "/t1/x/../token",
		"/t1/./token", "/t1/%74oken", "/t1%2ftoken", "/t1/token%00", "/t1/token%20", "/t1/token.json", "/t1/tokens", "/t1/toke", "/t1/token;x=y",
		"/t1/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/t1/",
		"/.well-known/oauth-authorization-server/t2", "/.well-known/openid-configuration"} {
		for _, method := range []string{"GET", "POST"} {
			if got := status(h.srv, method, path); got != http.StatusNotFound {
				t.Errorf("%s %q: got %d, want 404", method, path, got)
			}
		}
	}
}
