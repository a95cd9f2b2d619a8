package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

// guarded asks an API that needs a scope, with a token.
func (w *world) guarded(tok string, need ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	g, err := resource.New(resource.Config{Accept: token.VerifierConfig{Issuer: w.url, Audience: api, Keys: w.keys, Now: w.clock}, Metadata: true})
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/x", nil)
	r.Header.Set("Authorization", "Bearer "+tok)
	rec := httptest.NewRecorder()
	g.Require(resource.Need{Scopes: need}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, r)
	return rec
}

func TestA151(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.signIn("web")
	a := w.good(w.do(w.refreshRequest(s).with("scope", "read")))
	if got := a.str("scope"); got != "read" {
		t.Errorf("the answer says %q", got)
	}
	seen := w.do(w.as("web", &request{method: http.MethodPost, path: "/introspect", params: url.Values{"token": {a.str("access_token")}}}))
	if got := seen.str("scope"); got != "read" {
		t.Errorf("introspection says %q", got)
	}
}

func TestA153(t *testing.T) { run(t) }
func TestA154(t *testing.T) { run(t) }

// TestA156 has an app named as a user: its own tokens say that no user is there.
func TestA156(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) {
		for i, a := range c.Apps.(registry.Static) {
			if a.ID == "job" {
				c.Apps.(registry.Static)[i].ID = "alice"
			}
		}
	})
	a := w.do(&request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}},
		header: http.Header{"Authorization": {"Basic " + "YWxpY2U6c2VjcmV0LW9mLWpvYi01ZjM3NTlkZjg2Y2U0YTBiYjFjM2M2ZWU="}}})
	c, err := w.server.Introspect(t.Context(), w.good(a).str("access_token"))
	if err != nil {
		t.Fatal(err)
	}
	// An app's token has its own id as sub and client_id and no time of a sign-in (RFC 9068, Section 2.2.1); a user's
	// has an auth_time.
	if c.Subject != c.ClientID || !c.AuthTime.IsZero() {
		t.Errorf("the app's own token is %+v", c)
	}
	user, err := w.server.Introspect(t.Context(), w.signIn("web").access)
	if err != nil || user.AuthTime.IsZero() || user.Subject == user.ClientID {
		t.Errorf("a user's token is %+v, %v", user, err)
	}
	if err := w.server.EndSubject(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if !w.active(a.str("access_token")) {
		t.Error("the end of the user ended the app's own token")
	}
}

func TestA157(t *testing.T) { run(t) }

func TestA158(t *testing.T) {
	run(t)
	w := newWorld(t)
	if _, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Keys: w.keys}); err == nil {
		t.Error("a verifier of no audience is made")
	}
}

func TestA160(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := &session{app: "web", verifier: strings.Repeat("v", 43)}
	r := w.authorizeRequest(s)
	r.params["resource"] = []string{api, files}
	s.code = w.authorize(r).location().Get("code")
	s.take(t, w.do(w.exchangeRequest(s)))
	one := w.good(w.do(w.refreshRequest(s).with("resource", files))).str("access_token")
	c, err := w.server.Introspect(t.Context(), one)
	if err != nil || !slices.Equal(c.Audience, []string{files}) {
		t.Errorf("the token is for %v, %v", c, err)
	}
	if rec := w.guarded(one); rec.Code != http.StatusUnauthorized {
		t.Errorf("the other API answers %d", rec.Code)
	}
}

// TestA161 has two issuers with all in common: keys, secrets, store, apps and users.
func TestA161(t *testing.T) {
	shared := newWorld(t)
	own := func(prefix string) func(*oauth.Config) {
		return func(c *oauth.Config) { c.Store, c.Keys = store.Namespace(shared.config.Store, prefix), shared.keys }
	}
	x, y := newWorld(t, own("x/")), newWorld(t, own("y/"))
	for _, app := range []string{"web", "opaque"} {
		s := x.signIn(app)
		if y.active(s.access) {
			t.Errorf("%s: the access token works at the other issuer", app)
		}
		y.refused(y.do(y.refreshRequest(s)), 400, "invalid_grant")
		seen := y.do(y.as(app, &request{method: http.MethodPost, path: "/introspect", params: url.Values{"token": {s.access}}}))
		if seen.json["active"] != false || len(seen.json) != 1 {
			t.Errorf("%s: introspection at the other issuer says %s", app, seen.body)
		}
		if a := y.do(y.as(app, &request{method: http.MethodPost, path: "/revoke", params: url.Values{"token": {s.refresh}}})); a.status != http.StatusOK {
			t.Errorf("%s: revocation at the other issuer answers %d", app, a.status)
		}
		if !x.active(s.access) {
			t.Errorf("%s: the other issuer revoked it", app)
		}
		x.good(x.do(x.refreshRequest(s)))
	}
}

// claimed is a world whose Claims hook does what hook says, once it is on.
func claimed(t *testing.T, hook func(c *token.Claims)) (*world, *bool) {
	on := new(bool)
	return newWorld(t, func(c *oauth.Config) {
		c.Claims = func(_ context.Context, _ *oauth.Grant, c *token.Claims) error {
			if *on {
				hook(c)
			}
			return nil
		}
	}), on
}

func TestA162(t *testing.T) {
	extra := func(name string) func(*token.Claims) {
		return func(c *token.Claims) { c.Extra = map[string]json.RawMessage{name: json.RawMessage(`"x"`)} }
	}
	hooks := map[string]func(*token.Claims){
		"Issuer": func(c *token.Claims) { c.Issuer = "https://evil.example" }, "Subject": func(c *token.Claims) { c.Subject = "mallory" },
		"Audience": func(c *token.Claims) { c.Audience = []string{files} }, "Expires": func(c *token.Claims) { c.Expires = c.Expires.Add(time.Hour) },
		"ClientID": func(c *token.Claims) { c.ClientID = "rival" }, "Scopes": func(c *token.Claims) { c.Scopes = []string{"admin"} },
		"ID": func(c *token.Claims) { c.ID = "x" }, "IssuedAt": func(c *token.Claims) { c.IssuedAt = time.Time{} }, "AuthTime": func(c *token.Claims) { c.AuthTime = time.Time{} },
		"Tenant": func(c *token.Claims) { c.Tenant = "other" }, "JKT": func(c *token.Claims) { c.JKT = "x" },
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "cnf", "act", "auth_time", "ISS", "Sub", "SCOPE"} {
		hooks["extra "+name] = extra(name)
	}
	for name, hook := range hooks {
		w, on := claimed(t, hook)
		s := w.signIn("web")
		*on = true
		w.unchanged(func() { w.refused(w.do(w.refreshRequest(s)), 500, "server_error") })
		*on = false
		if a := w.do(w.refreshRequest(s)); a.status != http.StatusOK {
			t.Errorf("%s: the refresh token is lost: %d", name, a.status)
		}
	}
}

// TestA163 has a claims hook, and a profile, that return what is no claim: nothing is minted, and the refresh token and
// the code are as good as before.
func TestA163(t *testing.T) {
	fails := func(name string, w *world, on *bool, apps ...string) {
		t.Run(name, func(t *testing.T) {
			w.t = t
			defer w.tight()
			var all []*request
			for _, app := range apps {
				all = append(all, w.refreshRequest(w.signIn(app)), w.exchangeRequest(w.begin(app)))
			}
			*on = true
			w.unchanged(func() {
				for _, r := range all {
					w.refused(w.do(r), 500, "server_error")
				}
			})
			*on = false
			for _, r := range all {
				w.good(w.do(r))
			}
		})
	}
	for name, value := range map[string]json.RawMessage{"not JSON": json.RawMessage(`NaN`), "invalid UTF-8": json.RawMessage("\"a\xff\""), "nothing": json.RawMessage(``), "two values": json.RawMessage(`1 2`),
		"1 MiB": json.RawMessage(text(strings.Repeat("a", 1<<20))), "deep": json.RawMessage(strings.Repeat("[", 300) + strings.Repeat("]", 300))} {
		w, on := claimed(t, func(c *token.Claims) { c.Extra = map[string]json.RawMessage{"x": value} })
		fails(name, w, on, "web", "opaque")
	}
	cyclic := make(map[string]any)
	cyclic["x"] = cyclic
	for name, value := range map[string]any{"NaN of a profile": math.NaN(), "a channel": make(chan int), "a function": func() {}, "a cycle": cyclic, "a list": []int{1}, "null": nil} {
		on := new(bool)
		fails(name, newWorld(t, func(c *oauth.Config) {
			c.Profile = &oauth.Profile{Claims: func(c *token.Claims) (string, any) {
				if *on {
					return "at+jwt", value
				}
				return "at+jwt", c
			}}
		}), on, "web")
	}
}

func TestA164(t *testing.T) { run(t) }

// TestA167 leaves out one member after the other: each that is required is missed.
func TestA167(t *testing.T) {
	run(t)
	w := newWorld(t)
	exchange := w.exchangeRequest(w.begin("web"))
	w.unchanged(func() {
		for name := range exchange.params {
			less := exchange.with()
			less.params.Del(name)
			if a := w.do(less); a.status == http.StatusOK {
				t.Errorf("an exchange without %s succeeds", name)
			}
		}
	})
}

// TestA275 looks for a picture that an app names: the library writes no page, and its refusals hold nothing of an app.
func TestA275(t *testing.T) {
	at := silent(t)
	w := newWorld(t)
	w.edited("web", func(a *registry.App) { a.Manifest.LogoURI = at + "/logo.png" })
	s := w.begin("web")
	bad := w.authorizeRequest(s)
	bad.params.Set("redirect_uri", "https://evil.example")
	if a := w.do(bad); strings.Contains(a.body, at) {
		t.Errorf("the page says %s", a.body)
	}
}

func TestA276(t *testing.T) {
	at := silent(t)
	w := newWorld(t)
	r := w.authorizeRequest(&session{app: "web", verifier: strings.Repeat("v", 43)})
	r.params.Set("request_uri", at)
	w.unchanged(func() {
		if a := w.do(r); a.location().Get("error") != "request_uri_not_supported" {
			t.Errorf("got %d %s", a.status, a.header.Get("Location"))
		}
	})
}

// TestA280 holds metadata to what the server does: each grant type and method that it names is one that works, and
// those that it does not name are refused.
func TestA280(t *testing.T) {
	w := newWorld(t)
	doc := w.do(&request{method: http.MethodGet, path: "/.well-known/oauth-authorization-server"}).json
	names := func(member string) (all []string) {
		list, _ := doc[member].([]any)
		for _, one := range list {
			all = append(all, fmt.Sprint(one))
		}
		slices.Sort(all)
		return all
	}
	for member, want := range map[string][]string{
		"grant_types_supported": {"authorization_code", "client_credentials", "refresh_token"}, "response_types_supported": {"code"},
		"code_challenge_methods_supported":      {"S256"},
		"token_endpoint_auth_methods_supported": {"client_secret_basic", "client_secret_post", "none", "private_key_jwt"},
	} {
		if got := names(member); !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", member, got, want)
		}
	}
	for grant, r := range map[string]*request{
		"authorization_code": w.exchangeRequest(w.begin("web")), "refresh_token": w.refreshRequest(w.signIn("two")),
		"client_credentials": w.present(w.assertion()),
	} {
		if a := w.do(r); a.status != http.StatusOK {
			t.Errorf("%s, which is advertised, gets %d %s", grant, a.status, a.body)
		}
	}
	w.good(w.do(w.exchangeRequest(w.begin("spa")))) // none
	for _, grant := range []string{"password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange"} {
		r := w.as("web", &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {grant}}})
		w.refused(w.do(r), 400, "unsupported_grant_type")
	}
	if doc["authorization_response_iss_parameter_supported"] != true {
		t.Error("the iss of answers is not advertised")
	}
	for _, member := range []string{"issuer", "authorization_endpoint", "token_endpoint", "introspection_endpoint", "revocation_endpoint", "jwks_uri"} {
		if uri, _ := doc[member].(string); !strings.HasPrefix(uri, w.url) {
			t.Errorf("%s is %q", member, uri)
		}
	}
}

// TestA285 asks for more than an app registered. What a manifest may ask for is for the host's review, which sees the
// new state.
func TestA285(t *testing.T) {
	w := newWorld(t)
	w.edited("web", func(a *registry.App) { a.Manifest.Scopes = []string{"read"} })
	r := w.authorizeRequest(&session{app: "web", verifier: strings.Repeat("v", 43)})
	for _, scope := range []string{"read admin", "read offline_access"} {
		r.params.Set("scope", scope)
		if a := w.do(r); a.location().Get("error") != "invalid_scope" {
			t.Errorf("%s: got %d %s", scope, a.status, a.header.Get("Location"))
		}
	}
}

func TestA287(t *testing.T) {
	run(t)
	many := registry.Manifest{Name: "Many", Scopes: []string{"read"}}
	for i := range 10_000 {
		many.RedirectURIs = append(many.RedirectURIs, fmt.Sprintf("https://a.example/%d", i))
	}
	if many.Validate() == nil {
		t.Error("10,000 redirect URIs are taken")
	}
}

func TestA302(t *testing.T) {
	w := newWorld(t)
	for _, audience := range []string{"https://api.example.com/v1", "https://api.example.com"} {
		g, err := resource.New(resource.Config{Accept: token.VerifierConfig{Issuer: w.url, Audience: audience, Keys: w.keys}, Metadata: true})
		if err != nil {
			t.Fatal(err)
		}
		pattern, h := g.Metadata()
		u, _ := url.Parse(audience)
		if want := "/.well-known/oauth-protected-resource" + u.Path; !strings.HasSuffix(pattern, want) {
			t.Errorf("the document of %s is at %q, want %q", audience, pattern, want)
		}
		rec := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/.well-known/oauth-protected-resource"+u.Path, nil)
		r.Host = "evil.example"
		h.ServeHTTP(rec, r)
		var doc map[string]any
		decode(rec.Body.Bytes(), &doc)
		if doc["resource"] != audience {
			t.Errorf("resource is %v, want %q", doc["resource"], audience)
		}
	}
}
