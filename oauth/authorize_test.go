package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
)

var alice = oauth.Login{Subject: "alice"}

// checkHeaders checks what every answer of the authorization endpoint has, and has not.
func checkHeaders(t testing.TB, a answer) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Pragma": "no-cache", "X-Frame-Options": "DENY",
		"Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := a.Header.Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors 'none'") {
		t.Errorf("Content-Security-Policy is %q", got)
	}
	for name := range a.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s is there", name)
		}
	}
}

// wantPage checks that the answer is a page of our own which sends the browser nowhere.
func (a answer) wantPage(t testing.TB, status int) {
	t.Helper()
	checkHeaders(t, a)
	if a.StatusCode != status || a.Header.Get("Location") != "" || len(a.Cookies()) != 0 {
		t.Fatalf("got %d, Location %q, %d cookies, %q, want a page with %d", a.StatusCode, a.Header.Get("Location"), len(a.Cookies()), a.body, status)
	}
	if a.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type is %q", a.Header.Get("Content-Type"))
	}
}

// wantRefusal checks that the answer sends the browser back to the app with this error.
func (a answer) wantRefusal(t testing.TB, h *host, redirect, code, state string) {
	t.Helper()
	checkHeaders(t, a)
	got := a.location(t)
	if got.Get("error") != code || got.Has("code") || got.Get("iss") != h.config.Issuer {
		t.Fatalf("redirected with %v, want error %s and iss", got, code)
	}
	if got.Get("state") != state || got.Has("state") != (state != "") {
		t.Errorf("state is %q, want %q", got["state"], state)
	}
	if l := a.Header.Get("Location"); !strings.HasPrefix(l, redirect) {
		t.Errorf("Location is %q, want %q", l, redirect)
	}
}

// counted gives a host a store that counts.
func counted(s **interceptor) func(*oauth.Config) {
	return func(c *oauth.Config) {
		*s = &interceptor{Store: memory.New()}
		c.Store = *s
	}
}

// badTargets are requests whose client or redirect URI is in doubt: the browser is sent nowhere.
var badTargets = map[string][]string{
	"client_id missing":                        {"client_id="},
	"client_id empty":                          {"client_id=", "client_id"},
	"client_id unknown":                        {"client_id=", "client_id=nobody"},
	"client_id of another case":                {"client_id=", "client_id=WEB"},
	"client_id twice":                          {"client_id=web"},
	"client_id of two apps":                    {"client_id=svc"},
	"client_id with a NUL":                     {"client_id=", "client_id=web%00"},
	"client_id too long":                       {"client_id=", "client_id=" + strings.Repeat("w", 600)},
	"an app that is suspended":                 {"client_id=", "client_id=halted"},
	"an app without redirect URIs":             {"client_id=", "client_id=svc"},
	"redirect_uri of another host":             {"redirect_uri=", "redirect_uri=https://evil.example.com/cb"},
	"redirect_uri with a longer path":          {"redirect_uri=", "redirect_uri=https://web.example.com/cb/x"},
	"redirect_uri with a query":                {"redirect_uri=", "redirect_uri=https://web.example.com/cb%3Fx"},
	"redirect_uri with a fragment":             {"redirect_uri=", "redirect_uri=https://web.example.com/cb%23"},
	"redirect_uri with a port":                 {"redirect_uri=", "redirect_uri=https://web.example.com:443/cb"},
	"redirect_uri with user information":       {"redirect_uri=", "redirect_uri=https://web.example.com@evil.example.com/cb"},
	"redirect_uri of another case":             {"redirect_uri=", "redirect_uri=https://WEB.example.com/cb"},
	"redirect_uri with a line break":           {"redirect_uri=", "redirect_uri=https://web.example.com/cb%0d%0aX:y"},
	"redirect_uri twice":                       {"redirect_uri=https://web.example.com/cb"},
	"redirect_uri twice, with another":         {"redirect_uri=https://evil.example.com/cb"},
	"redirect_uri encoded twice":               {"redirect_uri=", "redirect_uri=https%253A%252F%252Fweb.example.com%252Fcb"},
	"redirect_uri missing where there are two": {"client_id=", "client_id=two", "redirect_uri="},
	"redirect_uri empty where there are two":   {"client_id=", "client_id=two", "redirect_uri=", "redirect_uri"},
}

// badRequests are requests with a good client and redirect URI, and the error that the app is told.
var badRequests = []struct {
	name string
	edit []string
	code string
}{
	{"response_type missing", []string{"response_type="}, "invalid_request"},
	{"response_type empty", []string{"response_type=", "response_type"}, "invalid_request"},
	{"response_type token", []string{"response_type=", "response_type=token"}, "unsupported_response_type"},
	{"response_type id_token", []string{"response_type=", "response_type=id_token"}, "unsupported_response_type"},
	{"response_type none", []string{"response_type=", "response_type=none"}, "unsupported_response_type"},
	{"response_type code token", []string{"response_type=", "response_type=code+token"}, "unsupported_response_type"},
	{"response_type code code", []string{"response_type=", "response_type=code+code"}, "unsupported_response_type"},
	{"response_type in capitals", []string{"response_type=", "response_type=CODE"}, "unsupported_response_type"},
	{"response_type with a space", []string{"response_type=", "response_type=code+"}, "unsupported_response_type"},
	{"response_type twice", []string{"response_type=code"}, "invalid_request"},
	{"response_mode fragment", []string{"response_mode=fragment"}, "invalid_request"},
	{"response_mode form_post", []string{"response_mode=form_post"}, "invalid_request"},
	{"response_mode unknown", []string{"response_mode=carrier-pigeon"}, "invalid_request"},
	{"response_mode twice", []string{"response_mode=query", "response_mode=query"}, "invalid_request"},
	{"request", []string{"request=e30.e30."}, "request_not_supported"},
	{"request_uri", []string{"request_uri=urn:ietf:params:oauth:request_uri:x"}, "request_uri_not_supported"},
	{"code_challenge missing", []string{"code_challenge="}, "invalid_request"},
	{"code_challenge and its method missing", []string{"code_challenge=", "code_challenge_method="}, "invalid_request"},
	{"code_challenge_method missing", []string{"code_challenge_method="}, "invalid_request"},
	{"code_challenge_method plain", []string{"code_challenge_method=", "code_challenge_method=plain"}, "invalid_request"},
	{"code_challenge twice", []string{"code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "invalid_request"},
	{"code_challenge_method twice", []string{"code_challenge_method=S256"}, "invalid_request"},
	{"prompt unknown", []string{"prompt=select_account"}, "invalid_request"},
	{"prompt in capitals", []string{"prompt=NONE"}, "invalid_request"},
	{"prompt none with login", []string{"prompt=none+login"}, "invalid_request"},
	{"prompt none with consent", []string{"prompt=consent+none"}, "invalid_request"},
	{"prompt twice", []string{"prompt=login", "prompt=consent"}, "invalid_request"},
	{"max_age negative", []string{"max_age=-1"}, "invalid_request"},
	{"max_age a word", []string{"max_age=soon"}, "invalid_request"},
	{"max_age a fraction", []string{"max_age=1.5"}, "invalid_request"},
	{"max_age too large", []string{"max_age=99999999999999999999"}, "invalid_request"},
	{"max_age twice", []string{"max_age=1", "max_age=1"}, "invalid_request"},
	{"scope missing", []string{"scope="}, "invalid_scope"},
	{"scope empty", []string{"scope=", "scope"}, "invalid_scope"},
	{"scope twice", []string{"scope=read"}, "invalid_request"},
	{"scope not of the app", []string{"scope=", "scope=read+root"}, "invalid_scope"},
	{"scope of another case", []string{"scope=", "scope=Read"}, "invalid_scope"},
	{"scope with two spaces", []string{"scope=", "scope=read++write"}, "invalid_scope"},
	{"scope with a space before", []string{"scope=", "scope=+read"}, "invalid_scope"},
	{"scope with a space behind", []string{"scope=", "scope=read+"}, "invalid_scope"},
	{"scope with a quote", []string{"scope=", "scope=read+%22"}, "invalid_scope"},
	{"scope with a backslash", []string{"scope=", "scope=read+%5c"}, "invalid_scope"},
	{"scope with a tab", []string{"scope=", "scope=read%09write"}, "invalid_request"},
	{"scope not ASCII", []string{"scope=", "scope=l%C3%A9gume"}, "invalid_scope"},
	{"scope in thousands", []string{"scope=", "scope=read" + strings.Repeat("+a", 5000)}, "invalid_scope"},
	{"scope that repeats itself", []string{"scope=", "scope=read" + strings.Repeat("+read", 500)}, "invalid_scope"},
	{"resource unknown", []string{"resource=https://other.example.com"}, "invalid_target"},
	{"resource with a slash more", []string{"resource=https://api.example.com/"}, "invalid_target"},
	{"resource relative", []string{"resource=/api"}, "invalid_target"},
	{"resource with a fragment", []string{"resource=https://api.example.com%23a"}, "invalid_target"},
	{"resource on loopback", []string{"resource=http://127.0.0.1/api"}, "invalid_target"},
	{"resource of link-local metadata", []string{"resource=http://169.254.169.254/latest"}, "invalid_target"},
	{"resource known and unknown", []string{"resource=https://api.example.com", "resource=https://x.example.com"}, "invalid_target"},
	{"resource empty and known", []string{"resource", "resource=https://api.example.com"}, "invalid_target"},
	{"resource fifty times", strings.Fields(strings.Repeat("resource=https://api.example.com ", 50)), "invalid_target"},
	{"nonce with control characters", []string{"nonce=a%01"}, "invalid_request"},
	{"login_hint that is not UTF-8", []string{"login_hint=%ff"}, "invalid_request"},
	{"ui_locales twice", []string{"ui_locales=de", "ui_locales=en"}, "invalid_request"},
}

// edited is the query of v with members added; "name=" drops what v has by that name, and "name" is one
// that is there and empty.
func edited(v url.Values, edits ...string) string {
	v, added := url.Values(http.Header(v).Clone()), ""
	for _, e := range edits {
		name, value, found := strings.Cut(e, "=")
		if found && value == "" {
			v.Del(name)
			continue
		}
		added += "&" + name + "=" + value
	}
	return v.Encode() + added
}

// R6749-3.1.2.2-1, R6749-3.1.2.3-2, R6749-3.1.2.4-1, R6749-4.1.2.1-2, R6749-10.14-1, R6749-10.15-1, R9700-2.1-2, MCP-AS-6
func TestAuthorizeShowsWhatIsInDoubt(t *testing.T) {
	t.Parallel()
	var s *interceptor
	h := newHost(t, counted(&s), func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) { edit(s, "first").ID = "halted" }, func(s registry.Static) { edit(s, "halted").Suspended = true })
	})
	b := h.signedInAs(alice)
	for name, edits := range badTargets {
		t.Run(name, func(t *testing.T) {
			query := edited(h.request("web"), edits...)
			a := b.do("GET", "/authorize?"+query, nil)
			a.wantPage(t, http.StatusBadRequest)
			if strings.Contains(a.body, "evil") || strings.Contains(a.body, "web.example.com") {
				t.Errorf("the page repeats what was sent: %q", a.body)
			}
			if e := h.lastEvent(); e.Endpoint != "authorize" || e.Err == nil {
				t.Errorf("the event is %+v", e)
			}
			// Whatever else is wrong, it still goes nowhere.
			for _, also := range badRequests {
				a := b.do("GET", "/authorize?"+edited(h.request("web"), append(edits, also.edit...)...), nil)
				if a.StatusCode != http.StatusBadRequest || a.Header.Get("Location") != "" {
					t.Errorf("with %s: got %d, Location %q", also.name, a.StatusCode, a.Header.Get("Location"))
				}
			}
		})
	}
	if n := s.writes.Load(); n != 0 || h.pages != 0 {
		t.Errorf("refused requests made %d writes and showed %d pages", n, h.pages)
	}
}

// R6749-3.1-5, R6749-3.1.1-1, R6749-3.3-1, R6749-4.1.2.1-1, R6749-4.2-1, R6749-A-1, R7636-4.3-1, R7636-7.2-1, R8707-2-1, R9101-7-1, R9207-2-1, R9700-2.1.2-1, R9700-4.4.2-1, MCP-AS-4
func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	var s *interceptor
	h := newHost(t, counted(&s))
	for name, b := range map[string]*browser{"signed in": h.signedInAs(alice), "not signed in": h.browser()} {
		for _, test := range badRequests {
			t.Run(name+", "+test.name, func(t *testing.T) {
				b.do("GET", "/authorize?"+edited(h.request("web"), test.edit...), nil).wantRefusal(t, h, callback+"?", test.code, "xyz")
				b.do("GET", "/authorize?"+edited(h.request("web", "state", ""), test.edit...), nil).wantRefusal(t, h, callback+"?", test.code, "")
				if e := h.lastEvent(); e.Endpoint != "authorize" || e.App != "web" || e.Err == nil {
					t.Errorf("the event is %+v", e)
				}
			})
		}
	}
	if n := s.writes.Load(); n != 0 || h.pages != 0 {
		t.Errorf("refused requests made %d writes and showed %d pages", n, h.pages)
	}
}

// Each error of RFC 6749, Section 4.1.2.1 that does not come from the request's text.
func TestAuthorizeRefusesForOtherReasons(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	for name, test := range map[string]struct {
		code   string
		change func(*oauth.Config)
	}{
		"an app without the grant type": {"unauthorized_client", func(c *oauth.Config) {
			c.Apps = apps(func(s registry.Static) { edit(s, "web").Manifest.GrantTypes = []string{"client_credentials"} })
		}},
		"an app without any of the resources": {"invalid_target", func(c *oauth.Config) {
			c.Apps = apps(func(s registry.Static) { edit(s, "web").Policy.Resources = []string{"https://none.example.com"} })
		}},
		"an app that is not installed": {"access_denied", func(c *oauth.Config) {
			c.Apps = ceiling{apps(), nil, registry.ErrNotFound}
		}},
		"an installation without these scopes": {"invalid_scope", func(c *oauth.Config) {
			c.Apps = ceiling{apps(), &registry.Installation{Allowed: []string{"admin"}}, nil}
		}},
		"installations that cannot be read": {"temporarily_unavailable", func(c *oauth.Config) {
			c.Apps = ceiling{apps(), nil, down}
		}},
		"a store that cannot be read": {"temporarily_unavailable", func(c *oauth.Config) {
			c.Store = &interceptor{Store: memory.New(), get: func([]string) error { return down }}
		}},
		"a host that cannot tell who is signed in": {"server_error", func(c *oauth.Config) {
			c.SignedIn = func(*http.Request) (*oauth.Login, error) { return nil, down }
		}},
		"a host that names its own error": {"access_denied", func(c *oauth.Config) {
			c.SignedIn = func(*http.Request) (*oauth.Login, error) {
				return nil, fmt.Errorf("wrapped: %w", &oauth.Error{Code: "access_denied"})
			}
		}},
		"a login without a subject": {"server_error", func(c *oauth.Config) {
			c.SignedIn = func(*http.Request) (*oauth.Login, error) {
				return &oauth.Login{Session: "1", Time: time.Now()}, nil
			}
		}},
		"a login without a session": {"server_error", func(c *oauth.Config) {
			c.SignedIn = func(*http.Request) (*oauth.Login, error) {
				return &oauth.Login{Subject: "alice", Time: time.Now()}, nil
			}
		}},
		"a login without a time": {"server_error", func(c *oauth.Config) {
			c.SignedIn = func(*http.Request) (*oauth.Login, error) {
				return &oauth.Login{Subject: "alice", Session: "1"}, nil
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, test.change)
			v := h.request("web", "redirect_uri", callback)
			a := h.signedInAs(alice).authorize(v)
			a.wantRefusal(t, h, callback+"?", test.code, "xyz")
			if strings.Contains(a.Header.Get("Location"), "down") {
				t.Error("the app is told the cause")
			}
		})
	}
	t.Run("apps that cannot be read", func(t *testing.T) {
		t.Parallel()
		h := newHost(t, func(c *oauth.Config) {
			c.Apps = appTable{func(string) (*registry.App, error) { return nil, down }}
		})
		a := h.signedInAs(alice).authorize(h.request("web", "redirect_uri", callback))
		a.wantPage(t, http.StatusServiceUnavailable)
		if a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
	t.Run("an app table that gives another app", func(t *testing.T) {
		t.Parallel()
		h := newHost(t, func(c *oauth.Config) {
			c.Apps = appTable{func(string) (*registry.App, error) { return edit(apps(), "web"), nil }}
		})
		h.signedInAs(alice).authorize(h.request("WEB", "redirect_uri", callback)).wantPage(t, http.StatusBadRequest)
	})
}

// ceiling is a table of apps with one installation for all of them.
type ceiling struct {
	registry.Static
	installation *registry.Installation
	err          error
}

func (c ceiling) Installation(context.Context, *registry.App, string, string) (*registry.Installation, error) {
	return c.installation, c.err
}

// R9700-2.6-3, OAuth21-3.1-1
func TestAuthorizeMethods(t *testing.T) {
	t.Parallel()
	var s *interceptor
	h := newHost(t, counted(&s))
	b := h.signedInAs(alice)
	for _, method := range []string{"HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		t.Run(method, func(t *testing.T) {
			for name, target := range map[string]string{
				"a request that would be granted": "/authorize?" + h.request("first").Encode(),
				"nothing":                         "/authorize",
			} {
				a := b.do(method, target, nil)
				a.wantPage(t, http.StatusMethodNotAllowed)
				if got := a.Header.Get("Allow"); got != "GET, POST" {
					t.Errorf("%s: Allow is %q", name, got)
				}
			}
		})
	}
	t.Run("a header that overrides the method", func(t *testing.T) {
		req, err := http.NewRequest("PUT", h.url+"/authorize?"+h.request("first").Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-HTTP-Method-Override", "GET")
		read(t, b.http, req).wantPage(t, http.StatusMethodNotAllowed)
	})
	if n := s.writes.Load(); n != 0 {
		t.Errorf("made %d writes", n)
	}
}

// An app may post its request (RFC 6749, Section 3.1). It goes on as a GET of the same.
//
// R6749-3.1-2, R9700-4.12-1
func TestAuthorizePost(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	post := func(t *testing.T, target, contentType, body string) answer {
		t.Helper()
		req, err := http.NewRequest("POST", h.url+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
		}
		req.Header.Set("Origin", "https://web.example.com") // the app's page
		return read(t, b.http, req)
	}
	good := h.request("first").Encode()
	for name, contentType := range map[string]string{
		"a form": "application/x-www-form-urlencoded", "a form in UTF-8": "application/x-www-form-urlencoded; charset=UTF-8",
	} {
		t.Run(name, func(t *testing.T) {
			a := post(t, "/authorize", contentType, good)
			checkHeaders(t, a)
			if got := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || got != "/authorize?"+good {
				t.Fatalf("got %d to %q", a.StatusCode, got)
			}
			if code := b.do("GET", a.Header.Get("Location"), nil).location(t).Get("code"); code == "" {
				t.Error("the GET gave no code")
			}
		})
	}
	form := "application/x-www-form-urlencoded"
	for name, test := range map[string]struct{ target, contentType, body string }{
		"of JSON":                      {"/authorize", "application/json", "{}"},
		"of multipart":                 {"/authorize", "multipart/form-data; boundary=x", good},
		"without a type":               {"/authorize", "", good},
		"in another charset":           {"/authorize", form + "; charset=utf-16", good},
		"with parameters in the URL":   {"/authorize?" + good, form, good},
		"with only the state in it":    {"/authorize?state=x", form, good},
		"with nothing in it":           {"/authorize", form, ""},
		"with everything in the URL":   {"/authorize?" + good, form, ""},
		"of more than 200 parameters":  {"/authorize", form, good + strings.Repeat("&x=x", 200)},
		"with a broken escape":         {"/authorize", form, good + "&x=%zz"},
		"with a semicolon for a comma": {"/authorize", form, good + ";x=y"},
	} {
		t.Run("a body "+name, func(t *testing.T) {
			post(t, test.target, test.contentType, test.body).wantPage(t, http.StatusBadRequest)
		})
	}
	t.Run("a body of more than 16 KiB", func(t *testing.T) {
		post(t, "/authorize", form, good+"&x="+strings.Repeat("x", 16<<10)).wantPage(t, http.StatusRequestEntityTooLarge)
	})

	t.Run("two types", func(t *testing.T) {
		req, err := http.NewRequest("POST", h.url+"/authorize", strings.NewReader(good))
		if err != nil {
			t.Fatal(err)
		}
		req.Header["Content-Type"] = []string{form, "application/json"}
		read(t, b.http, req).wantPage(t, http.StatusBadRequest)
	})
	t.Run("a bad target goes nowhere", func(t *testing.T) {
		a := post(t, "/authorize", form, edited(h.request("web"), "redirect_uri=", "redirect_uri=https://evil.example.com/"))
		b.do("GET", a.Header.Get("Location"), nil).wantPage(t, http.StatusBadRequest)
	})
}

func TestAuthorizeBounds(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	good := h.request("web").Encode()
	for name, query := range map[string]string{
		"over 16 KiB":                  good + "&x=" + strings.Repeat("x", 16<<10),
		"over 16 KiB when encoded":     good + "&x=" + strings.Repeat("'", 6<<10),
		"of 201 parameters":            good + strings.Repeat("&x=x", 200),
		"with a broken escape":         good + "&x=%zz",
		"with a semicolon":             good + ";x=y",
		"that is not there":            "",
		"with a ticket that is huge":   "ticket=" + strings.Repeat("x", 512<<10),
		"with a ticket that is broken": "ticket=%25",
	} {
		t.Run("a query "+name, func(t *testing.T) {
			b.do("GET", "/authorize?"+query, nil).wantPage(t, http.StatusBadRequest)
		})
	}
	t.Run("a query of almost 16 KiB comes back from sign-in", func(t *testing.T) {
		b := h.browser()
		a := b.do("GET", "/authorize?"+good+"&x="+strings.Repeat("x", 16<<10-len(good)-3), nil)
		_, action := a.form(t)
		a = b.do("POST", action, url.Values{"user": {"alice"}})
		a = b.do("GET", a.Header.Get("Location"), nil)
		if kind, _ := a.form(t); kind != "consent" {
			t.Errorf("got a %s page", kind)
		}
	})
	// R6749-3.1-4
	t.Run("unknown parameters are passed over", func(t *testing.T) {
		query := h.request("first").Encode() + "&unknown=1&unknown=2&%00=x"
		if b.do("GET", "/authorize?"+query, nil).location(t).Get("code") == "" {
			t.Error("no code")
		}
	})
}

// State comes back to the byte, encoded once (RFC 6749, Section 4.1.2).
//
// R6749-4.1.2-5, R6749-3.1-5, R6749-10.14-1, R9207-2-1
func TestAuthorizeState(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	for name, state := range map[string]string{
		"plain":                "xyz",
		"of another answer":    "x&code=evil&iss=evil",
		"quotes":               `"><script>alert('1')</script>`,
		"percent":              "%41%",
		"plus and spaces":      "a+b c ",
		"not ASCII":            "zürich 東京",
		"of 4 KiB":             strings.Repeat("x", 4096),
		"of 4 KiB, not ASCII":  strings.Repeat("東x", 1024),
		"a fragment":           "#x",
		"the word null":        "null",
		"a single zero":        "0",
		"JSON":                 `{"a":["b"]}`,
		"base64 with its pads": "+/==",
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range []url.Values{h.request("first", "state", state), h.request("first", "state", state, "prompt", "bad")} {
				a := b.authorize(v)
				got := a.location(t)
				if got.Get("state") != state || len(got["state"]) != 1 || len(got["code"])+len(got["error"]) != 1 || len(got["iss"]) != 1 {
					t.Errorf("redirected with %q", got)
				}
				if n := strings.Count(a.Header.Get("Location"), "&state="+url.QueryEscape(state)); n != 1 {
					t.Errorf("Location has it %d times, in %q", n, a.Header.Get("Location"))
				}
			}
		})
	}
	for name, state := range map[string]string{"over 4 KiB": strings.Repeat("x", 4097), "with a line break": "a\r\nb", "with a NUL": "\x00",
		"that is not UTF-8": "\xff", "with a byte order mark": "\ufeffa"} {
		t.Run("one "+name+" is refused and not repeated", func(t *testing.T) {
			b.authorize(h.request("first", "state", state)).wantRefusal(t, h, callback+"?", "invalid_request", "")
		})
	}
	t.Run("two are refused and not repeated", func(t *testing.T) {
		b.do("GET", "/authorize?"+edited(h.request("first"), "state=abc"), nil).wantRefusal(t, h, callback+"?", "invalid_request", "")
	})
	// R6749-3.1-4
	t.Run("one that is empty is none", func(t *testing.T) {
		got := b.do("GET", "/authorize?"+edited(h.request("first"), "state=", "state"), nil).location(t)
		if got.Get("code") == "" || got.Has("state") {
			t.Errorf("redirected with %q", got)
		}
	})
}

// R6749-3.1.2-1, R8252-7-1, R8252-7.3-1, R8252-8.3-1, R9700-2.1-3, R9700-4.12-1
func TestAuthorizeRedirects(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) {
			native := edit(s, "pub")
			native.Policy.FirstParty = true
			native.Manifest.RedirectURIs = []string{loopback, "http://[::1]/callback", "com.example.app:/cb"}
			edit(s, "spa").Policy.FirstParty = true
			edit(s, "two").Policy.FirstParty = true
		})
	})
	b := h.signedInAs(alice)
	for name, test := range map[string]struct{ app, uri, want string }{
		"the one that is registered":    {"first", callback, callback + "?code="},
		"the only one, left out":        {"first", "", callback + "?code="},
		"one with a query, which stays": {"two", "https://two.example.com/b?x=1", "https://two.example.com/b?x=1&code="},
		"a loopback port":               {"pub", "http://127.0.0.1:53211/callback", "http://127.0.0.1:53211/callback?code="},
		"a loopback port of IPv6":       {"pub", "http://[::1]:53211/callback", "http://[::1]:53211/callback?code="},
		"a private scheme":              {"pub", "com.example.app:/cb", "com.example.app:/cb?code="},
	} {
		t.Run(name, func(t *testing.T) {
			v := h.request(test.app, "redirect_uri", test.uri)
			a := b.authorize(v)
			if got := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got, test.want) {
				t.Fatalf("got %d to %q", a.StatusCode, got)
			}
			checkHeaders(t, a)
			h.exchange(v, a.location(t).Get("code")).want(t, 200, "")

			a = b.authorize(with(v, "scope", "root"))
			a.wantRefusal(t, h, strings.TrimSuffix(test.want, "code=")+"error=", "invalid_scope", "xyz")
		})
	}
	for name, uri := range map[string]string{
		"a loopback port and another path": "http://127.0.0.1:53211/other",
		"a loopback host by name":          "http://localhost:53211/callback",
		"another loopback address":         "http://127.0.0.2/callback",
		"a port that is none":              "http://127.0.0.1:65536/callback",
		"https on loopback":                "https://127.0.0.1/callback",
		"a private scheme and more":        "com.example.app:/cb/x",
	} {
		t.Run(name, func(t *testing.T) {
			b.authorize(h.request("pub", "redirect_uri", uri)).wantPage(t, http.StatusBadRequest)
		})
	}
}

// Where pages post to and whom their forms may send the browser to.
//
// R6749-10.13-1, R9700-4.16-1, R9700-4.2.4-1
func TestAuthorizePagePolicy(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) {
			edit(s, "pub").Manifest.RedirectURIs = []string{loopback, "http://[::1]/callback", "com.example.app:/cb", "com.example.app://host/cb"}
		})
	})
	for name, test := range map[string]struct{ app, uri, want string }{
		"https":                    {"web", callback, "https://web.example.com"},
		"loopback and its port":    {"pub", "http://127.0.0.1:5555/callback", "http://127.0.0.1:5555"},
		"loopback of IPv6":         {"pub", "http://[::1]:5555/callback", "http:"}, // a source has no form for it
		"a private scheme":         {"pub", "com.example.app:/cb", "com.example.app:"},
		"a private scheme, a host": {"pub", "com.example.app://host/cb", "com.example.app://host"},
	} {
		t.Run(name, func(t *testing.T) {
			for page, b := range map[string]*browser{"signin": h.browser(), "consent": h.signedInAs(alice)} {
				a := b.authorize(h.request(test.app, "redirect_uri", test.uri))
				if kind, action := a.form(t); kind != page || !strings.HasPrefix(action, "/authorize?ticket=") {
					t.Errorf("got a %s page that posts to %q", kind, action)
				}
				checkHeaders(t, a)
				if got, want := a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'; form-action 'self' "+test.want; got != want {
					t.Errorf("Content-Security-Policy of the %s page is %q, want %q", page, got, want)
				}
			}
		})
	}
}
