package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
)

// allowed is the service's published role table, by the first part of a path below /app-registry/v1.
var allowed = map[string][]string{
	"apps":            {"developer", "organizer", "admin"},
	"admin":           {"admin", "super_admin"},
	"developer":       {"user", "developer", "organizer", "admin"},
	"installations":   {"organizer", "admin"},
	"webhooks":        {"an app"},
	"search":          {"user", "organizer", "developer", "admin"},
	"recommendations": {"user", "organizer", "developer", "admin"},
}

// Every route lets in the roles of the table and nobody else.
func TestRoleTable(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	callers := []string{"user", "developer", "organizer", "admin", "super_admin"}
	for _, role := range callers {
		conf.Users = append(conf.Users, user{Email: role, Password: "x", Tenant: tenantOne, Roles: []string{role}})
	}
	s, address := serveOn(t, conf, memory.New(), "")
	by := map[string]*caller{"nobody": {t: t, address: address}, "an app": asApp(t, address, "my-service", "my-service-secret")}
	for _, role := range callers {
		by[role] = s.as(t, address, role)
	}
	routes := 0
	for path, methods := range openAPI(t, address).Paths {
		rest, ok := strings.CutPrefix(path, "/app-registry/v1/")
		group, _, _ := strings.Cut(rest, "/")
		if !ok || group == "oauth" || group == "health" {
			continue
		}
		if allowed[group] == nil {
			t.Fatalf("%s is of no group in the table", path)
		}
		for method, op := range methods {
			routes++
			if want := allowed[group]; want[0] != "an app" && !slices.Equal(op.Roles, want) {
				t.Errorf("%s %s: the document says %q, wanted %q", method, path, op.Roles, want)
			}
			for role, c := range by {
				a := c.do(strings.ToUpper(method), strings.ReplaceAll(path, "{id}", "nothing"), nil)
				switch {
				case role == "nobody":
					if a.status != http.StatusUnauthorized || a.code() != "unauthorized" {
						t.Errorf("%s %s without a token: status %d, code %q; wanted 401 unauthorized", method, path, a.status, a.code())
					}
				case slices.Contains(allowed[group], role):
					if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
						t.Errorf("%s %s by %s: status %d, %v; wanted to be let in", method, path, role, a.status, a.body["error"])
					}
				case role == "an app":
					if a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
						t.Errorf("%s %s by an app: status %d, wanted 401 or 403", method, path, a.status)
					}
				default: // a person's token is also for the audience of apps
					if a.status != http.StatusForbidden || a.code() != "forbidden" {
						t.Errorf("%s %s by %s: status %d, code %q; wanted 403 forbidden", method, path, role, a.status, a.code())
					}
				}
			}
		}
	}
	if routes < 30 {
		t.Errorf("the document has %d routes with roles, wanted all of them", routes)
	}
}

// authorize walks through the consent page with a bearer token, as the service's documents have it, and
// returns the redirect to the app.
func (c *caller) authorize(request url.Values, decision url.Values) *url.URL {
	c.t.Helper()
	browser := newBrowser(c.t)
	send := func(method, address string, form url.Values) answered {
		r, err := http.NewRequestWithContext(c.t.Context(), method, address, strings.NewReader(form.Encode()))
		if err != nil {
			c.t.Fatal(err)
		}
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		resp, err := browser.Do(r)
		return read(c.t, resp, err)
	}
	page := send("GET", c.address+oauthPaths.Authorize+"?"+request.Encode(), nil)
	if page.StatusCode == http.StatusOK {
		action := formAction.FindStringSubmatch(page.body)
		if action == nil || !strings.Contains(page.body, `name="decision"`) {
			c.t.Fatalf("got no consent page:\n%s", page.body)
		}
		page = send("POST", c.address+strings.ReplaceAll(action[1], "&amp;", "&"), decision)
	}
	to, err := page.Location()
	if err != nil {
		c.t.Fatalf("authorize: status %d, %v\n%s", page.StatusCode, err, page.body)
	}
	return to
}

// codeRequest is an authorization request of an app.
func codeRequest(app, redirect, verifier, scope string) url.Values {
	return url.Values{"response_type": {"code"}, "client_id": {app}, "redirect_uri": {redirect}, "scope": {scope},
		"code_challenge": {pkce.Challenge(verifier)}, "code_challenge_method": {"S256"}}
}

// Organizers and admins let apps in, developers do not, and whoever loses the role takes the app along.
func TestConsentNeedsARole(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	verifier := pkce.NewVerifier()
	request := codeRequest("my-app", "https://myapp.com/callback", verifier, "read:events")
	allow := url.Values{"decision": {"allow"}, "scope": {"read:events"}}
	if to := s.as(t, address, dev).authorize(request, allow); to.Query().Get("error") != "access_denied" {
		t.Errorf("a developer is sent to %s, wanted access_denied", to.RawQuery)
	}
	to := s.as(t, address, organizer).authorize(request, allow)
	a := (&caller{t: t, address: address}).do("POST", oauthPaths.Token, map[string]string{
		"grant_type": "authorization_code", "client_id": "my-app", "redirect_uri": "https://myapp.com/callback",
		"code": to.Query().Get("code"), "code_verifier": verifier})
	if a.status != http.StatusOK {
		t.Fatalf("an organizer's code: status %d, %v", a.status, a.body)
	}
	s.users.byEmail[organizer].Roles = []string{"user"}
	tok := &caller{t, address, a.body["access_token"].(string)}
	if a := tok.do("GET", "/api/me", nil); a.status != http.StatusUnauthorized {
		t.Errorf("after the role is gone the API answers %d, wanted 401", a.status)
	}
}

// What an app was given for a user is no key to the registry, whatever role the user has and whatever the
// app asks for.
func TestTokensOfOtherApps(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	conf.LoopbackResources = true // any app may then ask for the registry's own audience
	conf.Apps = append(conf.Apps, registry.App{ID: "nosy", Manifest: registry.Manifest{Name: "Nosy", AuthMethod: "none",
		RedirectURIs: []string{"https://nosy.example/cb"}, Scopes: []string{"read:events"}}})
	s, address := serveOn(t, conf, memory.New(), "")
	boss := s.as(t, address, admin)
	for _, app := range []struct{ id, redirect string }{{"nosy", "https://nosy.example/cb"}, {"my-app", "https://myapp.com/callback"}} {
		verifier := pkce.NewVerifier()
		request := codeRequest(app.id, app.redirect, verifier, "read:events")
		request.Set("resource", s.registryResource())
		to := boss.authorize(request, url.Values{"decision": {"allow"}, "scope": {"read:events"}})
		code := to.Query().Get("code")
		if app.id == "my-app" {
			if to.Query().Get("error") != "invalid_target" {
				t.Errorf("a registered app asks for the registry: %s, wanted invalid_target", to.RawQuery)
			}
			continue
		}
		a := (&caller{t: t, address: address}).do("POST", oauthPaths.Token, map[string]string{
			"grant_type": "authorization_code", "client_id": app.id, "redirect_uri": app.redirect, "code": code, "code_verifier": verifier})
		tok, _ := a.body["access_token"].(string)
		if tok == "" {
			t.Fatalf("status %d, %v", a.status, a.body)
		}
		if a := (&caller{t, address, tok}).do("GET", "/app-registry/v1/admin/apps", nil); a.status != http.StatusForbidden {
			t.Errorf("with an admin's token the app is answered %d, wanted 403", a.status)
		}
		// Nor is it a sign-in, with which the app could let another one in.
		page := (&caller{t, address, tok}).do("GET", oauthPaths.Authorize+"?"+codeRequest("demo-web", "http://127.0.0.1/callback", verifier, "read:events").Encode(), nil)
		if page.status != http.StatusOK || !strings.Contains(page.raw, `name="password"`) {
			t.Errorf("with an admin's token the app is shown, status %d, %q; wanted the sign-in page", page.status, page.raw)
		}
	}
}

// A request is about an organisation that its caller belongs to.
func TestTenant(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	conf.Users[2].Tenants = []string{tenantTwo} // the organizer's
	s, address := serveOn(t, conf, memory.New(), "")
	olga, boss := s.as(t, address, organizer), s.as(t, address, admin)
	olga.reg(http.StatusCreated, "POST", "/installations", map[string]any{"client_id": "gate-keeper"})
	for _, test := range []struct {
		name, tenant string
		by           *caller
		status       int
		seen         int // installations
	}{
		{"none is that of the token", "", olga, http.StatusOK, 1},
		{"that of the token", tenantOne, olga, http.StatusOK, 1},
		{"another of the caller's", tenantTwo, olga, http.StatusOK, 0},
		{"one that the caller does not belong to", tenantTwo, boss, http.StatusForbidden, 0},
		{"one that nobody belongs to", "x", olga, http.StatusForbidden, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := test.by.do("GET", "/app-registry/v1/installations", nil, "x-tenant-id", test.tenant)
			if a.status != test.status || len(a.items()) != test.seen {
				t.Errorf("status %d with %d items, wanted %d with %d", a.status, len(a.items()), test.status, test.seen)
			}
			want := test.tenant
			if want == "" {
				want = tenantOne
			}
			switch meta := a.body["meta"].(map[string]any); {
			case a.status == http.StatusOK && meta["tenant_id"] != want:
				t.Errorf("meta names tenant %v, wanted %q", meta["tenant_id"], want)
			case a.status != http.StatusOK && a.code() != "tenant_forbidden":
				t.Errorf("code %q, wanted tenant_forbidden", a.code())
			}
		})
	}
}
