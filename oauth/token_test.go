package oauth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// The errors of RFC 6749, Section 5.2, and RFC 8707, Section 2, that need no code or refresh token.
//
// R6749-5.2-1, R6749-A-1, R8707-2-1
func TestTokenErrors(t *testing.T) {
	for _, tt := range []struct {
		name, app, form string
		status          int
		code            string
	}{
		{"no grant_type", "web", "x=1", 400, "invalid_request"},
		{"an empty grant_type", "web", "grant_type=", 400, "invalid_request"},
		{"two grant_types", "web", "grant_type=refresh_token&grant_type=refresh_token", 400, "invalid_request"},
		// R6749-4.3-1, R9700-2.4-1, OAuth21-10-1
		{"an unknown grant_type", "web", "grant_type=password&username=a&password=b", 400, "unsupported_grant_type"},
		{"a grant_type in capitals", "web", "grant_type=AUTHORIZATION_CODE&code=x", 400, "unsupported_grant_type"},
		{"code for a service", "svc", "grant_type=authorization_code&code=x", 400, "unauthorized_client"},
		{"refresh for a service", "svc", "grant_type=refresh_token&refresh_token=x", 400, "unauthorized_client"},
		{"client credentials for an app of users", "web", "grant_type=client_credentials", 400, "unauthorized_client"},
		{"no code", "web", "grant_type=authorization_code", 400, "invalid_request"},
		{"an empty code", "web", "grant_type=authorization_code&code=", 400, "invalid_request"},
		{"two codes", "web", "grant_type=authorization_code&code=a&code=b", 400, "invalid_request"},
		{"a code with NUL", "web", "grant_type=authorization_code&code=a%00", 400, "invalid_request"},
		{"a code that is not UTF-8", "web", "grant_type=authorization_code&code=%ff", 400, "invalid_request"},
		{"an unknown code", "web", "grant_type=authorization_code&code=x&code_verifier=" + verifier, 400, "invalid_grant"},
		{"no refresh_token", "web", "grant_type=refresh_token", 400, "invalid_request"},
		{"an unknown refresh_token", "web", "grant_type=refresh_token&refresh_token=x", 400, "invalid_grant"},
		{"a refresh_token of 60 KiB", "web", "grant_type=refresh_token&refresh_token=" + strings.Repeat("x", 60<<10), 400, "invalid_grant"},
		{"a scope of another client", "svc", "grant_type=client_credentials&scope=admin", 400, "invalid_scope"},
		{"an unknown scope", "svc", "grant_type=client_credentials&scope=read+openid", 400, "invalid_scope"},
		{"a malformed scope", "svc", "grant_type=client_credentials&scope=read++write", 400, "invalid_scope"},
		{"a scope with a quote", "svc", "grant_type=client_credentials&scope=%22", 400, "invalid_scope"},
		{"10,000 scopes", "svc", "grant_type=client_credentials&scope=" + strings.Repeat("a+", 9999) + "a", 400, "invalid_scope"},
		{"an unknown resource", "svc", "grant_type=client_credentials&resource=https%3A%2F%2Fevil.example", 400, "invalid_target"},
		{"a resource with a slash more", "svc", "grant_type=client_credentials&resource=" + url.QueryEscape(api+"/"), 400, "invalid_target"},
		{"a relative resource", "svc", "grant_type=client_credentials&resource=%2Fapi", 400, "invalid_target"},
		{"a resource with a fragment", "svc", "grant_type=client_credentials&resource=" + url.QueryEscape(api+"#x"), 400, "invalid_target"},
		{"50 resources", "svc", "grant_type=client_credentials" + strings.Repeat("&resource="+url.QueryEscape(api), 50), 400, "invalid_target"},
		{"one good resource of two", "svc", "grant_type=client_credentials&resource=x&resource=" + url.QueryEscape(api), 400, "invalid_target"},
		{"a tenant that is not the app's", "svc", "grant_type=client_credentials&tenant=acme", 400, "invalid_grant"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &interceptor{}
			h := newHost(t, s.wrap)
			r := h.raw("/token", http.Header{"Authorization": {basic(tt.app, secret)}}, tt.form).want(t, tt.status, tt.code)
			wellFormed(t, r)
			if n := s.writes.Load(); n != 0 {
				t.Errorf("%d writes for a request that was refused", n)
			}
		})
	}
}

// A registry refuses a public app of this grant type; a host's own table may have one.
//
// R6749-4.4-1
func TestPublicClientActsForNobody(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) { c.Apps = only(service("svc", secret, "none")) })
	h.raw("/token", http.Header{}, "grant_type=client_credentials&client_id=svc").want(t, 400, "unauthorized_client")
}

// wellFormed checks what every JSON answer must have (RFC 6749, Sections 5.1 and 5.2).
func wellFormed(t *testing.T, r reply) {
	t.Helper()
	for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache",
		"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": ""} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, c := range []byte(r.body) {
		if c < 0x20 || c > 0x7e {
			t.Fatalf("the byte %#x in the answer %q", c, r.body)
		}
	}
	if strings.ContainsAny(r.body, "<>&") {
		t.Errorf("HTML in the answer %q", r.body)
	}
	if r.StatusCode != http.StatusOK && (r.json["error"] == nil || slices.ContainsFunc([]string{"access_token", "refresh_token", "active"}, func(n string) bool { return r.json[n] != nil })) {
		t.Errorf("an error answer of %s", r.body)
	}
}

// R6749-3.2-1, R7662-4-4
func TestEndpointMethods(t *testing.T) {
	h := newHost(t)
	for _, path := range []string{"/token", "/introspect", "/revoke"} {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			t.Run(method+" "+path, func(t *testing.T) {
				req, err := http.NewRequest(method, h.url+path+"?token=x&callback=f", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("X-HTTP-Method-Override", "POST")
				req.Header.Set("Origin", "https://evil.example")
				a := read(t, http.DefaultClient, req)
				if a.StatusCode != 405 || a.Header.Get("Allow") != "POST" {
					t.Errorf("got %d, Allow %q, want 405, POST", a.StatusCode, a.Header.Get("Allow"))
				}
				if strings.HasPrefix(a.body, "f(") || a.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("answered a script of another site: %q", a.body)
				}
				if e := h.lastEvent(); e.Endpoint != path[1:] || e.Err == nil {
					t.Errorf("the event is %+v", e)
				}
			})
		}
	}
}

// R6749-5.1-1, R6749-5.1-2, OAuth21-3.2.3-1
func TestTokenAnswer(t *testing.T) {
	h := newHost(t)
	// R6749-3.3-2
	t.Run("of client credentials", func(t *testing.T) {
		for form, scope := range map[string]string{
			"":                                  "read write", // none asked: all of the app's, and stated
			"&scope=":                           "read write",
			"&scope=write":                      "write",
			"&scope=write+read":                 "write read",
			"&scope=read+read+read":             "read",
			"&client_id=svc&refresh_token=&x=1": "read write",
		} {
			r := h.raw("/token", http.Header{"Authorization": {basic("svc", secret)}}, "grant_type=client_credentials"+form).want(t, 200, "")
			wellFormed(t, r)
			names := []string{"access_token", "expires_in", "scope", "token_type"}
			if got := keysOf(r.json); !slices.Equal(got, names) {
				t.Errorf("members %q, want %q", got, names)
			}
			if r.str("scope") != scope || r.str("token_type") != "Bearer" || !strings.Contains(r.body, `"expires_in":900`) {
				t.Errorf("for %q: %s", form, r.body)
			}
		}
	})
	t.Run("of a code", func(t *testing.T) {
		r := h.login("web")
		wellFormed(t, r)
		if got, want := keysOf(r.json), []string{"access_token", "expires_in", "refresh_token", "scope", "token_type"}; !slices.Equal(got, want) {
			t.Errorf("members %q, want %q", got, want)
		}
	})
	t.Run("of an app without scopes has none", func(t *testing.T) {
		r := h.post("api", "/token", ccForm).want(t, 200, "")
		if r.json["scope"] != nil {
			t.Errorf("got %s", r.body)
		}
	})
}

func keysOf(m map[string]any) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// anyApps are apps that nobody validated, as a host's own table may hold.
type anyApps struct{ registry.Static }

// R6750-5.2-2
func TestTokenLifetimesOfAHostsApps(t *testing.T) {
	for lifetime, want := range map[time.Duration]float64{time.Second / 2: 1, 10 * 365 * 24 * time.Hour: 24 * 3600, -1: 900} {
		h := newHost(t, func(c *oauth.Config) {
			c.Apps = anyApps{apps(func(s registry.Static) { edit(s, "svc").Policy.AccessLifetime = lifetime })}
		})
		if r := h.post("svc", "/token", ccForm).want(t, 200, ""); r.json["expires_in"] != want {
			t.Errorf("a policy of %v: expires_in is %v, want %v", lifetime, r.json["expires_in"], want)
		}
	}
}

func TestTokenLifetimes(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) {
			edit(s, "svc").Policy.AccessLifetime = 90e9
			edit(s, "opaque").Policy.AccessLifetime = 30e9
			edit(s, "first").Policy.AccessLifetime = 24 * 3600e9
		})
		c.GrantLifetime = 3600e9
	})
	for app, want := range map[string]float64{"svc": 90, "opaque": 30} {
		r := h.post(app, "/token", ccForm).want(t, 200, "")
		tok := r.str("access_token")
		if r.json["expires_in"] != want {
			t.Errorf("%s: expires_in is %v, want %v", app, r.json["expires_in"], want)
		}
		h.pass(time.Duration(want-1) * time.Second)
		if !h.active(tok) {
			t.Errorf("%s: inactive a second before it expires", app)
		}
		h.pass(time.Second)
		if h.active(tok) {
			t.Errorf("%s: active in the second that it expires", app)
		}
	}
	if r := h.login("first"); r.json["expires_in"] != 3600.0 {
		t.Errorf("a token outlives its grant by far: expires_in is %v, want 3600", r.json["expires_in"])
	}
}

// R9068-3-1, R8707-2-2
func TestTokenResource(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) { edit(s, "opaque").Policy.Resources = []string{files} })
	})
	audience := func(app string, resources ...string) []string {
		t.Helper()
		r := h.post(app, "/token", url.Values{"grant_type": {"client_credentials"}, "resource": resources}).want(t, 200, "")
		return h.claims(r.str("access_token")).Audience
	}
	for _, tt := range []struct {
		app         string
		asked, want []string
	}{
		{"svc", nil, []string{api}}, // the first of the server's
		{"svc", []string{files}, []string{files}},
		{"svc", []string{files, api}, []string{files, api}},
		{"svc", []string{files, files}, []string{files}},
		{"opaque", nil, []string{files}}, // the first that its policy allows
		{"opaque", []string{files}, []string{files}},
	} {
		if got := audience(tt.app, tt.asked...); !slices.Equal(got, tt.want) {
			t.Errorf("%s asked for %q: aud is %q, want %q", tt.app, tt.asked, got, tt.want)
		}
	}
	h.post("opaque", "/token", url.Values{"grant_type": {"client_credentials"}, "resource": {api}}).want(t, 400, "invalid_target")
}

func TestInsecureLoopbackResources(t *testing.T) {
	resources := []string{"http://127.0.0.1:3000/api", "http://[::1]/", "http://localhost:9/x"}
	others := []string{"http://127.0.0.1.evil.example/", "http://10.0.0.1/", "http://user@127.0.0.1/", "http://127.0.0.1/#x", "ftp://127.0.0.1/"}
	h, strict := newHost(t, func(c *oauth.Config) { c.InsecureLoopbackResources = true }), newHost(t)
	ask := func(h *host, r string) reply {
		return h.post("svc", "/token", url.Values{"grant_type": {"client_credentials"}, "resource": {r}})
	}
	for _, r := range resources {
		ask(h, r).want(t, 200, "")
		ask(strict, r).want(t, 400, "invalid_target")
	}
	for _, r := range others {
		ask(h, r).want(t, 400, "invalid_target")
	}
}

// Each kind of credential is good for its own use only.
func TestKindsAreNotConfused(t *testing.T) {
	for _, app := range []string{"web", "opaque"} {
		t.Run(app, func(t *testing.T) {
			h := newHost(t)
			v := h.request(app)
			code := h.signedInAs(oauth.Login{Subject: "alice"}).code(v)
			h.refresh(app, code).want(t, 400, "invalid_grant")
			if h.active(code) || h.introspect(app, code).json["active"] == true {
				t.Error("a code is active")
			}
			h.post(app, "/revoke", url.Values{"token": {code}}).want(t, 200, "")
			r := h.exchange(v, code).want(t, 200, "")
			access, refresh := r.str("access_token"), r.str("refresh_token")
			for _, tok := range []string{access, refresh} {
				h.exchange(v, tok).want(t, 400, "invalid_grant")
			}
			h.refresh(app, access).want(t, 400, "invalid_grant")
			h.refresh(app, code).want(t, 400, "invalid_grant") // dead now
			if h.active(refresh) {
				t.Error("a refresh token is an access token in process")
			}
			for _, header := range []string{"Bearer " + access, "Bearer " + refresh} {
				h.raw("/introspect", http.Header{"Authorization": {header}}, "token="+access).want(t, 401, "invalid_client")
			}
			if !h.active(access) {
				t.Error("the access token is inactive")
			}
			h.refresh(app, refresh).want(t, 200, "")
		})
	}
}

// A token that is not byte for byte the one that was handed out is nothing (RFC 7515, Section 5.2).
//
// R6749-10.3-1, R6749-10.4-1, R6750-5.2-1
func TestMalleatedTokens(t *testing.T) {
	for _, app := range []string{"web", "opaque"} {
		h := newHost(t, func(c *oauth.Config) { c.CredentialPrefix = "pre_" })
		r := h.login(app)
		access, refresh := r.str("access_token"), r.str("refresh_token")
		changed := func(s string) map[string]string {
			flip := func(i int) string {
				b := []byte(s)
				if b[i] == 'A' {
					b[i] = 'B'
				} else {
					b[i] = 'A'
				}
				return string(b)
			}
			return map[string]string{
				"flipped first": flip(0), "flipped in the middle": flip(len(s) / 2), "flipped near the end": flip(len(s) - 2),
				"cut": s[:len(s)-1], "longer": s + "A", "padded": s + "=", "spaces": " " + s, "a space after": s + " ",
				"without its prefix": strings.TrimPrefix(s, "pre_"), "standard alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(s) + "+",
				"doubled": s + s, "in capitals": strings.ToUpper(s), "halved": s[:len(s)/2],
			}
		}
		for name, tok := range changed(access) {
			if tok != access && h.active(tok) {
				t.Errorf("%s: access token %s: active", app, name)
			}
		}
		for name, tok := range changed(refresh) {
			if tok == refresh {
				continue
			}
			if got := h.refresh(app, tok); got.StatusCode != 400 || got.str("error") != "invalid_grant" {
				t.Errorf("%s: refresh token %s: got %d %s", app, name, got.StatusCode, got.body)
			}
		}
		h.refresh(app, refresh).want(t, 200, "")
	}
}

// A host that gets texts of any size in process is bounded as the endpoint is.
func TestHugeTokens(t *testing.T) {
	h := newHost(t)
	for _, tok := range []string{
		strings.Repeat("x", 1<<20), strings.Repeat(".", 1<<20), strings.Repeat("\x00", 1<<20),
		h.post("svc", "/token", ccForm).str("access_token") + strings.Repeat("A", 16<<10),
	} {
		if _, err := h.srv.Introspect(t.Context(), tok); err == nil {
			t.Errorf("%d bytes are active", len(tok))
		}
	}
	t.Run("at next to no cost", func(t *testing.T) {
		long := strings.Repeat("x", 64<<20)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := h.srv.Introspect(t.Context(), long); err == nil {
			t.Error("64 MiB are active")
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%d bytes were allocated", n)
		}
	})
	const n = 60 << 10
	for _, tok := range []string{strings.Repeat("x", n), strings.Repeat(".", n), strings.Repeat("~", n)} {
		inactive(t, h.introspect("web", tok))
		h.post("web", "/revoke", url.Values{"token": {tok}}).want(t, 200, "")
	}
}

// R6749-4.1.2.1-1, R6749-5.2-3, R6749-8-1
func TestErrorDescription(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.GrantTypes = map[string]oauth.GrantHandler{"urn:x": func(_ context.Context, r *oauth.TokenRequest) (*oauth.Approval, error) {
			return nil, &oauth.Error{Code: "a\"b\r\n", Description: r.Params.Get("x"), URI: "https://e.example/\\é"}
		}}
		c.Apps = apps(func(s registry.Static) { edit(s, "svc").Manifest.GrantTypes = []string{"urn:x"} })
	})
	for _, v := range vectors[struct {
		ID, Input string
		Want      string `json:"expect_output"`
	}](t, "error_description_cases.json") {
		r := h.post("svc", "/token", url.Values{"grant_type": {"urn:x"}, "x": {v.Input}})
		if r.StatusCode != 400 || r.str("error") != "a?b??" || r.str("error_description") != v.Want || r.str("error_uri") != "https://e.example/??" {
			b, _ := json.Marshal(r.json)
			t.Errorf("%s: got %d %s", v.ID, r.StatusCode, b)
		}
		wellFormed(t, r)
	}
}
