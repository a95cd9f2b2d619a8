package oauth_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// TestAuthorizeChallenge runs the shared cases of PKCE up to the code.
func TestAuthorizeChallenge(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	type pkceCase struct {
		ID        string
		Authorize map[string]*string
		Expect    struct{ Stage, Error string }
		Note      string
	}
	stages := make(map[string]int)
	for _, test := range vectors[pkceCase](t, "../../pkce/testdata/pkce_cases.json") {
		stages[test.Expect.Stage]++
		t.Run(test.ID+" "+test.Note, func(t *testing.T) {
			v := h.request("first")
			for name, value := range test.Authorize {
				if v.Del(name); value != nil {
					v.Set(name, *value)
				}
			}
			a := b.authorize(v)
			if test.Expect.Stage == "authorize" {
				a.wantRefusal(t, h, callback+"?", test.Expect.Error, "xyz")
			} else if a.location(t).Get("code") == "" {
				t.Errorf("redirected with %q", a.location(t))
			}
		})
	}
	if stages["authorize"] < 30 || stages["ok"] == 0 {
		t.Errorf("the file has cases %v", stages)
	}
}

// What is wrong is said, for whoever writes the client.
func TestAuthorizeAdvice(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	many := "read"
	for i := range 101 {
		many += fmt.Sprintf(" s%d", i)
	}
	for name, test := range map[string]struct {
		set  []string
		want []string
	}{
		// R7636-4.4.1-1
		"no challenge": {[]string{"code_challenge", "", "code_challenge_method", ""}, []string{"code_challenge is missing"}},
		"no method":    {[]string{"code_challenge_method", ""}, []string{"code_challenge_method is missing", "S256"}},
		"a challenge that lost its characters": {[]string{"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstwcM"},
			[]string{"42", "base64url"}},
		"too many scopes": {[]string{"scope", many}, []string{"too many"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := h.browser().authorize(h.request("web", test.set...)).location(t).Get("error_description")
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("error_description is %q, want it to have %q", got, want)
				}
			}
		})
	}
}

// A host's own table of apps is asked for no client_id that cannot be one, and not believed where its apps
// are not what a registry would let pass.
func TestAuthorizeWithATableOfTheHost(t *testing.T) {
	t.Parallel()
	var asked []string
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = appTable{func(id string) (*registry.App, error) {
			asked = append(asked, id)
			return &registry.App{ID: id, Policy: registry.Policy{FirstParty: true, InsecureNoPKCE: true},
				Manifest: registry.Manifest{Name: "App", AuthMethod: "none", RedirectURIs: []string{callback}, Scopes: []string{"read"}}}, nil
		}}
	})
	b := h.signedInAs(alice)
	for name, id := range map[string]string{"empty": "", "with a NUL": "a\x00", "not ASCII": "ä", "too long": strings.Repeat("a", 513)} {
		t.Run("a client_id that is "+name, func(t *testing.T) {
			b.authorize(h.request(id, "client_id", id, "scope", "read")).wantPage(t, http.StatusBadRequest)
			if len(asked) != 0 {
				t.Error("the table was asked")
			}
		})
	}
	t.Run("a public app with the waiver of PKCE", func(t *testing.T) {
		v := h.request("app", "scope", "read", "code_challenge", "", "code_challenge_method", "")
		b.authorize(v).wantRefusal(t, h, callback+"?", "invalid_request", "xyz")
	})
}

// R7636-4.4.1-1, R8252-8.1-1, R9700-2.1.1-2, OAuth21-4.1.1-1, MCP-AS-1
func TestAuthorizeWithoutChallenge(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) {
			edit(s, "first").Policy.InsecureNoPKCE = true
			edit(s, "spa").Policy.FirstParty = true
		})
	})
	b := h.signedInAs(alice)
	none := []string{"code_challenge", "", "code_challenge_method", ""}
	t.Run("a public client may not", func(t *testing.T) {
		b.authorize(h.request("spa", none...)).wantRefusal(t, h, "https://spa.example.com/cb?", "invalid_request", "xyz")
	})
	t.Run("a confidential client may not", func(t *testing.T) {
		b.authorize(h.request("web", none...)).wantRefusal(t, h, callback+"?", "invalid_request", "xyz")
	})
	t.Run("a client with the waiver may", func(t *testing.T) {
		v := h.request("first", none...)
		h.exchange(v, b.code(v), "code_verifier", "").want(t, 200, "")
		h.exchange(v, b.code(v)).want(t, 400, "invalid_grant")
	})
	t.Run("the waiver does not excuse a bad challenge", func(t *testing.T) {
		for _, set := range [][]string{{"code_challenge", ""}, {"code_challenge_method", ""}, {"code_challenge", "short"}, {"code_challenge_method", "plain"}} {
			b.authorize(h.request("first", set...)).wantRefusal(t, h, callback+"?", "invalid_request", "xyz")
		}
	})
	t.Run("the waiver does not excuse the verifier of a challenge", func(t *testing.T) {
		v := h.request("first")
		h.exchange(v, b.code(v), "code_verifier", "").want(t, 400, "invalid_grant")
	})
}

// A request without scope asks for what the app requires, if it requires any.
//
// R6749-3.3-3
func TestAuthorizeScope(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) {
			edit(s, "two").Policy.FirstParty = true
			edit(s, "first").Manifest.Scopes = nil
		})
	})
	b := h.signedInAs(alice)
	for name, test := range map[string]struct{ app, scope, want string }{
		"what is required, if nothing is asked": {"two", "", "read"},
		"what is asked, with doubles dropped":   {"two", "write read write", "write read"},
		"nothing, for an app without scopes":    {"first", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := h.request(test.app, "scope", test.scope)
			if got := h.exchange(v, b.code(v)).want(t, 200, "").str("scope"); got != test.want {
				t.Errorf("scope is %q, want %q", got, test.want)
			}
		})
	}
}

// R8707-2-2, R9068-3-1, R9068-5-1, R9700-4.10-1, MCP-AS-8
func TestAuthorizeResource(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) {
			edit(s, "two").Policy = registry.Policy{FirstParty: true, Resources: []string{files}}
		})
		c.InsecureLoopbackResources = true
	})
	b := h.signedInAs(alice)
	audience := func(t *testing.T, v url.Values) string {
		t.Helper()
		tok := h.exchange(v, b.code(v)).want(t, 200, "").str("access_token")
		claims, err := h.srv.Introspect(t.Context(), tok)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(claims.Audience, " ")
	}
	for name, test := range map[string]struct {
		app  string
		ask  []string
		want string
	}{
		"the first where none is asked":          {"first", nil, api},
		"the one that is asked":                  {"first", []string{files}, files},
		"both":                                   {"first", []string{files, api}, files + " " + api},
		"one that is asked twice":                {"first", []string{api, api}, api},
		"the first that the policy allows":       {"two", nil, files},
		"any on loopback, where that is allowed": {"first", []string{"http://127.0.0.1:9/api"}, "http://127.0.0.1:9/api"},
	} {
		t.Run(name, func(t *testing.T) {
			v := h.request(test.app)
			v["resource"] = test.ask
			if got := audience(t, v); got != test.want {
				t.Errorf("aud is %q, want %q", got, test.want)
			}
		})
	}
	for name, ask := range map[string]string{
		"one that the policy does not allow":    api,
		"loopback that the policy does not":     "http://127.0.0.1/api",
		"loopback with user information":        "http://u@127.0.0.1/api",
		"a name that begins like loopback":      "http://localhost.example.com/",
		"a scheme that is not of the web":       "ftp://127.0.0.1/",
		"loopback with a fragment that is void": "http://127.0.0.1/#",
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			app, uri := "first", callback
			if strings.Contains(name, "policy") {
				app, uri = "two", "https://two.example.com/a"
			}
			b.authorize(h.request(app, "resource", ask)).wantRefusal(t, h, uri+"?", "invalid_target", "xyz")
		})
	}
}

// TestAuthorizePrompt walks prompt and max_age through sign-in and consent, as an app meets them.
//
// R6749-3.1-1
func TestAuthorizePrompt(t *testing.T) {
	t.Parallel()
	const fresh, old, nobody = "a fresh login", "an old login", "nobody"
	for _, test := range []struct {
		prompt, maxAge, who string
		remembered          bool
		want                string
	}{
		{"", "", nobody, false, "signin"},
		{"", "", nobody, true, "signin"},
		{"", "", old, false, "consent"},
		{"", "", old, true, "code"},
		{"", "", fresh, true, "code"},
		{"", "60", old, true, "signin"},
		{"", "60", fresh, true, "code"},
		{"", "60", fresh, false, "consent"},
		{"", "0", old, true, "signin"},
		{"", "0", fresh, true, "code"},
		{"none", "", nobody, true, "login_required"},
		{"none", "", old, true, "code"},
		{"none", "", old, false, "consent_required"},
		{"none", "60", old, true, "login_required"},
		{"none", "60", old, false, "login_required"},
		{"none", "60", fresh, true, "code"},
		{"none", "60", fresh, false, "consent_required"},
		{"login", "", nobody, true, "signin"},
		{"login", "", old, true, "signin"},
		{"login", "", fresh, true, "code"}, // in the same second
		{"login", "3600", old, true, "signin"},
		{"consent", "", nobody, true, "signin"},
		{"consent", "", old, true, "consent"},
		{"consent", "", fresh, false, "consent"},
		{"consent", "60", old, true, "signin"},
		{"login consent", "", old, true, "signin"},
		{"login consent", "", fresh, true, "consent"},
	} {
		name := fmt.Sprintf("prompt %q, max_age %q, %s, remembered %v", test.prompt, test.maxAge, test.who, test.remembered)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			if test.remembered {
				h.signedInAs(alice).code(h.request("web"))
			}
			b := h.browser()
			switch test.who {
			case old:
				b = h.signedInAs(alice)
				h.pass(61 * time.Second)
			case fresh:
				b = h.signedInAs(alice)
			}
			h.pages = 0
			a := b.authorize(h.request("web", "prompt", test.prompt, "max_age", test.maxAge))
			checkHeaders(t, a)
			switch test.want {
			case "signin", "consent":
				kind, action := a.form(t)
				if kind != test.want {
					t.Fatalf("got a %s page", kind)
				}
				// The request goes on to its end from there, and does not ask twice.
				if kind == "signin" {
					h.pass(time.Second)
					a = b.do("POST", action, url.Values{"user": {"alice"}})
					a = b.do("GET", a.Header.Get("Location"), nil)
				}
				if a.StatusCode == http.StatusOK {
					kind, action = a.form(t)
					if asks := strings.Contains(test.prompt, "consent") || !test.remembered; kind != "consent" || !asks {
						t.Fatalf("then got a %s page", kind)
					}
					a = b.do("POST", action, url.Values{"allow": {"yes"}})
				}
				fallthrough
			case "code":
				if got := a.location(t); got.Get("code") == "" {
					t.Errorf("redirected with %q", got)
				}
			default:
				a.wantRefusal(t, h, callback+"?", test.want, "xyz")
				if h.pages != 0 {
					t.Error("a page was shown")
				}
			}
		})
	}
}

// The old session of a sign-in page that prompt=login asked for is not enough.
func TestAuthorizePromptLoginNeedsANewSession(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.signedInAs(alice).code(h.request("web"))
	b := h.signedInAs(alice)
	h.pass(time.Minute)
	_, action := b.authorize(h.request("web", "prompt", "login")).form(t)
	for range 2 {
		h.pass(time.Second)
		a := b.do("GET", action, nil)
		var kind string
		if kind, action = a.form(t); kind != "signin" {
			t.Fatalf("got a %s page", kind)
		}
	}
}
