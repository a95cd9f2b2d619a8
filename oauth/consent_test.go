package oauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

// connected returns all pages of a subject's consents.
func connected(t testing.TB, h *host, subject string) (all []oauth.Consent) {
	t.Helper()
	for after := ""; ; {
		page, next, err := h.srv.Consents(t.Context(), subject, after)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if after = next; after == "" {
			return all
		}
	}
}

func onlyConsent(t testing.TB, h *host, subject string) oauth.Consent {
	t.Helper()
	all := connected(t, h, subject)
	if len(all) != 1 {
		t.Fatalf("%s has %d consents, want 1", subject, len(all))
	}
	return all[0]
}

func sameConsent(t testing.TB, got, want oauth.Consent) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("consent (-want +got):\n%s", diff)
	}
}

// asked reports whether the request is answered by a consent page, and the scopes that are new on it.
func (b *browser) asked(v url.Values) (bool, string) {
	b.h.t.Helper()
	a := b.authorize(v)
	if a.StatusCode != http.StatusOK {
		if a.location(b.h.t).Get("code") == "" {
			b.h.t.Fatalf("redirected with %q", a.location(b.h.t))
		}
		return false, ""
	}
	if kind, _ := a.form(b.h.t); kind != "consent" {
		b.h.t.Fatalf("got a %s page", kind)
	}
	_, fresh, _ := strings.Cut(a.body, "new=")
	return true, fresh
}

// allow goes through the consent page of v, which must come, and keeps the scopes.
func (b *browser) allow(v url.Values, scopes string) string {
	b.h.t.Helper()
	a := b.do("POST", b.consentPage(v), url.Values{"allow": {"yes"}, "scope": {scopes}})
	code := a.location(b.h.t).Get("code")
	if code == "" {
		b.h.t.Fatalf("redirected with %q", a.location(b.h.t))
	}
	return code
}

func TestConsentRemembered(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	b.allow(h.request("web"), "read write")
	for name, test := range map[string]struct {
		b     *browser
		v     url.Values
		asked bool
	}{
		"the same again":         {b, h.request("web"), false},
		"less":                   {b, h.request("web", "scope", "write"), false},
		"the next session":       {h.signedInAs(alice), h.request("web"), false},
		"another resource":       {b, h.request("web", "resource", files), true},
		"another app":            {b, h.request("opaque"), true},
		"another user":           {h.signedInAs(oauth.Login{Subject: "bob"}), h.request("web"), true},
		"the user in a tenant":   {h.signedInAs(oauth.Login{Subject: "alice", Tenant: "acme"}), h.request("web"), true},
		"a name that runs on":    {h.signedInAs(oauth.Login{Subject: "alicew"}), h.request("web"), true},
		"prompt=consent":         {b, h.request("web", "prompt", "consent"), true},
		"a first party":          {b, h.request("first"), false},
		"a first party, if told": {b, h.request("first", "prompt", "consent"), true},
	} {
		t.Run(name, func(t *testing.T) {
			if asked, _ := test.b.asked(test.v); asked != test.asked {
				t.Errorf("asked is %v, want %v", asked, test.asked)
			}
		})
	}
	sameConsent(t, onlyConsent(t, h, "alice"), oauth.Consent{Subject: "alice", App: "web", Scopes: []string{"read", "write"}, Since: h.now, Changed: h.now})
}

// TestConsentRemembersAllOfIt: what the host approved beside scopes holds for later requests without a page.
func TestConsentRemembersAllOfIt(t *testing.T) {
	t.Parallel()
	var approval *oauth.Approval
	var data string
	h := newHost(t, func(c *oauth.Config) {
		page := c.Interact
		c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
			if r.Method == http.MethodPost {
				a.Approve(w, r, approval)
				return
			}
			page(w, r, a)
		}
		c.Claims = func(_ context.Context, g *oauth.Grant, _ *token.Claims) error {
			data = string(g.Data)
			return nil
		}
	})
	b := h.signedInAs(alice)
	both := h.request("web")
	both["resource"] = []string{api, files}
	approval = &oauth.Approval{Resources: []string{files}, NoRefresh: true, Data: []byte("door 7")}
	b.code(both)
	if asked, _ := b.asked(both); !asked {
		t.Error("a resource that was not approved before is granted without a page")
	}
	one := h.request("web", "resource", files)
	if asked, _ := b.asked(one); asked {
		t.Error("what was approved before is asked again")
	}
	r := h.exchange(one, b.code(one)).want(t, 200, "")
	if r.json["refresh_token"] != nil || data != "door 7" {
		t.Errorf("without a page: refresh token %t and data %q, want none and that of the consent", r.json["refresh_token"] != nil, data)
	}
}

// TestConsentNarrowsResources: a consent that is narrowed narrows the grants that it gave before.
func TestConsentNarrowsResources(t *testing.T) {
	t.Parallel()
	var approval *oauth.Approval
	h := newHost(t, func(c *oauth.Config) {
		page := c.Interact
		c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
			if r.Method == http.MethodPost {
				a.Approve(w, r, approval)
				return
			}
			page(w, r, a)
		}
	})
	b := h.signedInAs(alice)
	both := h.request("web", "prompt", "consent")
	both["resource"] = []string{api, files}
	old := h.exchange(both, b.code(both)).want(t, 200, "")
	ofFiles := h.refresh("web", old.str("refresh_token"), "resource", files).want(t, 200, "")
	approval = &oauth.Approval{Resources: []string{api}}
	b.code(both)
	h.refresh("web", ofFiles.str("refresh_token"), "resource", files).want(t, 400, "invalid_target")
	for _, tok := range []string{old.str("access_token"), h.refresh("web", ofFiles.str("refresh_token")).want(t, 200, "").str("access_token")} {
		if got := h.claims(tok).Audience; !slices.Equal(got, []string{api}) {
			t.Errorf("the audience is %q, want what is still allowed", got)
		}
	}
	if h.active(ofFiles.str("access_token")) {
		t.Error("a token for a resource that was withdrawn is active")
	}
}

// R6749-3.3-2
func TestConsentNarrowed(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	v := h.request("web")
	since := h.now
	if got := h.exchange(v, b.allow(v, "read")).want(t, 200, "").str("scope"); got != "read" {
		t.Fatalf("scope is %q", got)
	}
	sameConsent(t, onlyConsent(t, h, "alice"), oauth.Consent{Subject: "alice", App: "web", Scopes: []string{"read"}, Refused: []string{"write"}, Since: since, Changed: since})

	if asked, _ := b.asked(v); asked {
		t.Error("asked again about what was refused")
	}
	if got := h.exchange(v, b.code(v)).want(t, 200, "").str("scope"); got != "read" {
		t.Errorf("without a page the scope is %q", got)
	}
	if got := b.authorize(h.request("web", "prompt", "none")).location(t); got.Get("code") == "" {
		t.Errorf("prompt=none got %q", got)
	}
	if asked, fresh := b.asked(h.request("web", "scope", "write")); !asked || fresh != `["write"]` {
		t.Errorf("for the refused scope alone, asked is %v for %s", asked, fresh)
	}
	b.authorize(h.request("web", "scope", "write", "prompt", "none")).wantRefusal(t, h, callback+"?", "consent_required", "xyz")

	h.pass(time.Hour)
	more := h.request("web", "scope", "read write admin")
	if asked, fresh := b.asked(more); !asked || fresh != `["write" "admin"]` {
		t.Errorf("for a new scope, asked is %v for %s", asked, fresh)
	}
	if got := h.exchange(more, b.allow(more, "write admin")).want(t, 200, "").str("scope"); got != "write admin" {
		t.Errorf("scope is %q", got)
	}
	sameConsent(t, onlyConsent(t, h, "alice"), oauth.Consent{Subject: "alice", App: "web", Scopes: []string{"write", "admin"}, Refused: []string{"read"}, Since: since, Changed: h.now})
}

// What the user takes back on a later page is gone from the tokens that there are.
func TestConsentNarrowedLater(t *testing.T) {
	t.Parallel()
	for _, app := range []string{"web", "opaque"} {
		t.Run(app, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			r := h.login(app)
			h.signedInAs(alice).allow(h.request(app, "prompt", "consent"), "write")
			if got := h.introspect(app, r.str("access_token")).str("scope"); got != "write" {
				t.Errorf("introspection says %q", got)
			}
			if got := h.refresh(app, r.str("refresh_token")).want(t, 200, "").str("scope"); got != "write" {
				t.Errorf("a refresh gives %q", got)
			}
			h.refresh(app, r.str("refresh_token"), "scope", "read").want(t, 400, "invalid_scope")
		})
	}
}

// An app that changes its name or where it sends its users is another one to them.
func TestConsentOfAChangedApp(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*registry.Manifest){
		"name":                     func(m *registry.Manifest) { m.Name = "Web by someone else" },
		"redirect URIs, one more":  func(m *registry.Manifest) { m.RedirectURIs = append(m.RedirectURIs, "https://new.example.com/cb") },
		"redirect URIs, exchanged": func(m *registry.Manifest) { m.RedirectURIs = []string{"https://new.example.com/cb"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			b := h.signedInAs(alice)
			r := h.login("web")
			h.restart(func(c *oauth.Config) {
				c.Apps = apps(func(s registry.Static) { change(&edit(s, "web").Manifest) })
			})
			if asked, fresh := b.asked(h.request("web", "scope", "read")); !asked || fresh != `["read"]` {
				t.Fatalf("asked is %v for %s", asked, fresh)
			}
			if got := b.authorize(h.request("web", "prompt", "none")).location(t).Get("error"); got != "consent_required" {
				t.Errorf("prompt=none got %q", got)
			}
			// The grants that there are go on, until the user says otherwise.
			r = h.refresh("web", r.str("refresh_token")).want(t, 200, "")
			b.allow(h.request("web", "scope", "read"), "read")
			if asked, fresh := b.asked(h.request("web")); !asked || fresh != `["write"]` {
				t.Errorf("for what the old app was allowed, asked is %v for %s", asked, fresh)
			}
			if got := h.introspect("web", r.str("access_token")).str("scope"); got != "read" {
				t.Errorf("the old grant has scope %q", got)
			}
		})
	}
	t.Run("the order of its redirect URIs says nothing", func(t *testing.T) {
		t.Parallel()
		h := newHost(t)
		b := h.signedInAs(alice)
		v := h.request("two")
		b.allow(v, "read write")
		h.restart(func(c *oauth.Config) {
			c.Apps = apps(func(s registry.Static) { slices.Reverse(edit(s, "two").Manifest.RedirectURIs) })
		})
		if asked, _ := b.asked(v); asked {
			t.Error("asked again")
		}
	})
}

// Any program on the device can pose as an app there, whose secret is in every copy of it.
//
// R6749-10.1-2, R6749-10.2-3, R8252-8.6-1, R6749-2.3-2
func TestConsentOfANativeApp(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) {
			edit(s, "pub").Manifest.RedirectURIs = []string{loopback, "com.example.app:/cb", "https://pub.example.com/cb"}
			edit(s, "web").Manifest.RedirectURIs = []string{loopback, "com.example.web:/cb", callback}
		})
	})
	b := h.signedInAs(alice)
	for name, test := range map[string]struct {
		app, uri string
		again    bool
	}{
		"public on loopback":               {"pub", "http://127.0.0.1:40000/callback", true},
		"public on a private scheme":       {"pub", "com.example.app:/cb", true},
		"public on https":                  {"pub", "https://pub.example.com/cb", false},
		"confidential on loopback":         {"web", "http://127.0.0.1:40000/callback", true},
		"confidential on a private scheme": {"web", "com.example.web:/cb", true},
		"confidential on https":            {"web", callback, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := h.request(test.app, "redirect_uri", test.uri)
			b.code(v)
			for range 2 {
				if asked, _ := b.asked(v); asked != test.again {
					t.Errorf("asked again is %v, want %v", asked, test.again)
				}
			}
			code := "consent_required"
			if !test.again {
				code = ""
			}
			if got := b.authorize(with(v, "prompt", "none")).location(t).Get("error"); got != code {
				t.Errorf("prompt=none got %q, want %q", got, code)
			}
		})
	}
}

// TestApprove walks what a host may permit on a consent page.
func TestApprove(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app      string
		approval *oauth.Approval
		refusal  string
		check    func(*testing.T, *host, reply)
	}{
		"nothing said is all": {"web", nil, "", func(t *testing.T, h *host, r reply) { wantScope(t, r, "read write") }},
		"an empty approval is all": {"web", &oauth.Approval{}, "", func(t *testing.T, h *host, r reply) {
			wantScope(t, r, "read write")
		}},
		"scopes in another order": {"web", &oauth.Approval{Scopes: []string{"write", "read", "read"}}, "", func(t *testing.T, h *host, r reply) {
			wantScope(t, r, "read write")
		}},
		"scopes beyond what was asked are cut": {"web", &oauth.Approval{Scopes: []string{"read", "admin", "root"}}, "", func(t *testing.T, h *host, r reply) {
			wantScope(t, r, "read")
			if got := onlyConsent(t, h, "alice"); slices.Contains(got.Scopes, "admin") || slices.Contains(got.Refused, "admin") {
				t.Errorf("remembered %+v", got)
			}
		}},
		"no scope":                     {"web", &oauth.Approval{Scopes: []string{}}, "invalid_scope", nil},
		"only scopes not asked":        {"web", &oauth.Approval{Scopes: []string{"admin"}}, "invalid_scope", nil},
		"without a required scope":     {"two", &oauth.Approval{Scopes: []string{"write"}}, "access_denied", nil},
		"no scope, one is required":    {"two", &oauth.Approval{Scopes: []string{}}, "access_denied", nil},
		"a login":                      {"web", &oauth.Approval{Login: &oauth.Login{Subject: "bob"}}, "server_error", nil},
		"data of more than 4 KiB":      {"web", &oauth.Approval{Data: make([]byte, 4<<10+1)}, "server_error", nil},
		"no resource":                  {"web", &oauth.Approval{Resources: []string{}}, "invalid_target", nil},
		"a resource not asked":         {"web", &oauth.Approval{Resources: []string{"https://other.example.com"}}, "invalid_target", nil},
		"a resource and one not asked": {"web", &oauth.Approval{Resources: []string{api, "https://other.example.com"}}, "invalid_target", nil},
		"one of two resources": {"web", &oauth.Approval{Resources: []string{files}}, "", func(t *testing.T, h *host, r reply) {
			claims, err := h.srv.Introspect(t.Context(), r.str("access_token"))
			if err != nil || !slices.Equal(claims.Audience, []string{files}) {
				t.Errorf("claims are %+v, %v", claims, err)
			}
		}},
		"no refresh token": {"web", &oauth.Approval{NoRefresh: true}, "", func(t *testing.T, h *host, r reply) {
			if r.json["refresh_token"] != nil {
				t.Error("got a refresh token")
			}
		}},
		"data of 4 KiB reaches the hook": {"web", &oauth.Approval{Data: []byte(strings.Repeat("d", 4<<10))}, "", func(t *testing.T, h *host, r reply) {
			again := h.refresh("web", r.str("refresh_token")).want(t, 200, "")
			for _, tok := range []string{r.str("access_token"), again.str("access_token")} {
				claims, err := h.srv.Introspect(t.Context(), tok)
				if err != nil || !slices.Equal(claims.Roles, []string{"4096"}) {
					t.Errorf("claims are %+v, %v", claims, err)
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *interceptor
			h := newHost(t, counted(&s), func(c *oauth.Config) {
				c.Claims = func(_ context.Context, g *oauth.Grant, c *token.Claims) error {
					c.Roles = []string{fmt.Sprint(len(g.Data))}
					return nil
				}
			})
			h.restart(func(c *oauth.Config) {
				c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
					if r.Method == http.MethodGet {
						h.page(w, r, a)
						return
					}
					a.Approve(w, r, test.approval)
				}
			})
			b := h.signedInAs(alice)
			v := h.request(test.app)
			v["resource"] = []string{api, files}
			a := b.do("POST", b.consentPage(v), nil)
			if test.refusal != "" {
				a.wantRefusal(t, h, v.Get("redirect_uri"), test.refusal, "xyz")
				if n := s.writes.Load(); n != 0 {
					t.Errorf("made %d writes", n)
				}
				return
			}
			r := h.exchange(v, a.location(t).Get("code")).want(t, 200, "")
			test.check(t, h, r)
		})
	}
}

func wantScope(t testing.TB, r reply, want string) {
	t.Helper()
	if got := r.str("scope"); got != want {
		t.Errorf("scope is %q, want %q", got, want)
	}
}

// R6749-4.1.2.1-1
func TestDeny(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  *oauth.Error
		want string
	}{
		"is access_denied":    {nil, "access_denied"},
		"with an error of it": {&oauth.Error{Code: "interaction_required", Description: "a \"second\" factor\n", URI: "https://auth.example.com/help"}, "interaction_required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *interceptor
			h := newHost(t, counted(&s))
			h.restart(func(c *oauth.Config) {
				c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) { a.Deny(w, r, test.err) }
			})
			for _, b := range []*browser{h.browser(), h.signedInAs(alice)} { // on either page, without a form
				a := b.authorize(h.request("web"))
				a.wantRefusal(t, h, callback+"?", test.want, "xyz")
				if got := a.location(t); test.err != nil && (got.Get("error_description") != "a ?second? factor?" || got.Get("error_uri") != test.err.URI) {
					t.Errorf("redirected with %q", got)
				}
			}
			if n := s.writes.Load(); n != 0 || len(connected(t, h, "alice")) != 0 {
				t.Errorf("made %d writes", n)
			}
		})
	}
}

func TestConsents(t *testing.T) {
	t.Parallel()
	const n = 130
	var many registry.Static
	for i := range n {
		many = append(many, registry.App{ID: fmt.Sprintf("app%d", i), Secrets: hashed(secret), Manifest: registry.Manifest{
			Name: "App", RedirectURIs: []string{callback}, Scopes: []string{"read", "write"}}})
	}
	h := newHost(t, func(c *oauth.Config) { c.Apps = many })
	b := h.signedInAs(alice)
	for _, app := range many {
		b.allow(h.request(app.ID), "read write")
	}
	h.signedInAs(oauth.Login{Subject: "bob"}).allow(h.request("app0"), "read")
	page, next, err := h.srv.Consents(t.Context(), "alice", "")
	if err != nil || len(page) == n || next == "" {
		t.Fatalf("the first page has %d, next %q, %v", len(page), next, err)
	}
	if got := connected(t, h, "alice"); len(got) != n {
		t.Errorf("all pages have %d, want %d", len(got), n)
	}
	for i := range n / 2 {
		if err := h.srv.Disconnect(t.Context(), oauth.Consent{Subject: "alice", App: many[i].ID}); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(map[string]bool)
	for _, c := range connected(t, h, "alice") {
		if c.Subject != "alice" || seen[c.App] || c.App == "app0" {
			t.Errorf("unexpected %+v", c)
		}
		seen[c.App] = true
	}
	if len(seen) != n-n/2 {
		t.Errorf("%d are left, want %d", len(seen), n-n/2)
	}
	if got := onlyConsent(t, h, "bob"); got.App != "app0" || !slices.Equal(got.Refused, []string{"write"}) {
		t.Errorf("bob has %+v", got)
	}
	if got := connected(t, h, "nobody"); len(got) != 0 {
		t.Errorf("nobody has %+v", got)
	}
}
