package main

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/store/memory"
)

// What an app shows to an API on another origin does not open its webhooks here.
func TestWebhooksAudience(t *testing.T) {
	t.Parallel()
	const elsewhere = "https://api.elsewhere.example"
	conf := demonstration()
	conf.Resources = []string{elsewhere}
	s, address := serveOn(t, conf, memory.New(), "")
	token := func(resource string) *caller {
		t.Helper()
		a := (&caller{t: t, address: address}).do("POST", oauthPaths.Token, map[string]string{"grant_type": "client_credentials",
			"client_id": "my-service", "client_secret": "my-service-secret", "resource": resource})
		tok, _ := a.body["access_token"].(string)
		if tok == "" {
			t.Fatalf("a token for %q: status %d, %v", resource, a.status, a.body)
		}
		return &caller{t, address, tok}
	}
	if a := token(elsewhere).do("GET", "/app-registry/v1/webhooks", nil); a.status != http.StatusUnauthorized {
		t.Errorf("with a token for %s: status %d, wanted 401", elsewhere, a.status)
	}
	if a := token(s.root+"/app-registry/v1/webhooks").do("GET", "/app-registry/v1/webhooks", nil); a.status != http.StatusOK {
		t.Errorf("with a token for the webhooks: status %d, %v; wanted 200", a.status, a.body["error"])
	}
}

// The OAuth endpoints name requests as the rest of the API does.
func TestOAuthRequestID(t *testing.T) {
	t.Parallel()
	_, address := serveOn(t, demonstration(), memory.New(), "")
	c := &caller{t: t, address: address}
	const id = "0190d7f2-52a4-7c3b-8f6e-1a2b3c4d5e6f"
	for _, path := range []string{oauthPaths.Authorize, oauthPaths.Token, oauthPaths.Introspect, oauthPaths.Revoke, oauthPaths.JWKS} {
		method := "POST"
		if path == oauthPaths.Authorize || path == oauthPaths.JWKS {
			method = "GET"
		}
		if got := c.do(method, path, nil, "x-request-id", id).header.Get("x-request-id"); got != id {
			t.Errorf("%s: x-request-id is %q, wanted the caller's", path, got)
		}
		if got := c.do(method, path, nil).header.Get("x-request-id"); len(got) != 36 {
			t.Errorf("%s: x-request-id is %q, wanted a new one", path, got)
		}
	}
}

// A client of the login lets an app in for the organisation that it names, if its user belongs to that.
func TestAuthorizeTenant(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	conf.Users[2].Tenants = []string{tenantTwo} // the organizer's
	s, address := serveOn(t, conf, memory.New(), "")
	olga := s.as(t, address, organizer)
	const redirect = "http://127.0.0.1/callback"
	for _, test := range []struct{ named, want string }{
		{"", tenantOne}, {tenantOne, tenantOne}, {tenantTwo, tenantTwo}, {"00000000-0000-0000-0000-000000000009", ""},
	} {
		verifier := pkce.NewVerifier()
		to := olga.authorizeIn(test.named, codeRequest("demo-cli", redirect, verifier, "read:events"))
		if test.want == "" {
			if to.Query().Get("error") != "access_denied" {
				t.Errorf("in another's tenant: sent to %s, wanted access_denied", to.RawQuery)
			}
			continue
		}
		a := (&caller{t: t, address: address}).do("POST", oauthPaths.Token, map[string]string{"grant_type": "authorization_code",
			"client_id": "demo-cli", "redirect_uri": redirect, "code": to.Query().Get("code"), "code_verifier": verifier})
		tok, _ := a.body["access_token"].(string)
		if me := (&caller{t, address, tok}).do("GET", "/api/me", nil); me.body["tenant"] != test.want {
			t.Errorf("x-tenant-id %q: the app acts in %v, wanted %s; the exchange: status %d, %v", test.named, me.body["tenant"], test.want, a.status, a.body["error"])
		}
	}
}

// authorizeIn lets an app in with a bearer token and x-tenant-id, and returns the redirect to the app.
func (c *caller) authorizeIn(tenant string, request url.Values) *url.URL {
	c.t.Helper()
	browser := newBrowser(c.t)
	send := func(method, target, form string) answered {
		c.t.Helper()
		r, err := http.NewRequestWithContext(c.t.Context(), method, c.address+target, strings.NewReader(form))
		if err != nil {
			c.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		r.Header.Set("x-tenant-id", tenant)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := browser.Do(r)
		return read(c.t, resp, err)
	}
	a := send("GET", oauthPaths.Authorize+"?"+request.Encode(), "")
	if form := formAction.FindStringSubmatch(a.body); form != nil {
		a = send("POST", html.UnescapeString(form[1]), "decision=allow&scope=read:events")
	}
	to, err := a.Location()
	if err != nil {
		c.t.Fatalf("status %d, %v\n%s", a.StatusCode, err, a.body)
	}
	return to
}
