package oauth_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

var yes = url.Values{"allow": {"yes"}}

// consentPage goes to the consent page of a request and returns where its form posts.
func (b *browser) consentPage(v url.Values) string {
	b.h.t.Helper()
	kind, action := b.authorize(v).form(b.h.t)
	if kind != "consent" {
		b.h.t.Fatalf("got a %s page, want consent", kind)
	}
	return action
}

// become signs the browser in as someone else, with the library's cookie kept.
func (b *browser) become(l oauth.Login) {
	u, _ := url.Parse(b.h.url)
	b.http.Jar.SetCookies(u, b.h.signedInAs(l).http.Jar.Cookies(u))
}

func (b *browser) signOut() {
	u, _ := url.Parse(b.h.url)
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: "session", Path: "/", MaxAge: -1}})
}

func TestTicketExpires(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for name, page := range map[string]func() (*browser, string){
		"a sign-in page": func() (*browser, string) {
			b := h.browser()
			_, action := b.authorize(h.request("web")).form(t)
			return b, action
		},
		"a consent page": func() (*browser, string) {
			b := h.signedInAs(alice)
			return b, b.consentPage(h.request("web"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, action := page()
			h.pass(10*time.Minute - time.Second)
			if a := b.do("GET", action, nil); a.StatusCode != http.StatusOK {
				t.Errorf("a second before 10 minutes: got %d %q", a.StatusCode, a.body)
			}
			h.pass(time.Second)
			b.do("GET", action, nil).wantPage(t, http.StatusBadRequest)
			b.do("POST", action, yes).wantPage(t, http.StatusBadRequest)
		})
	}
}

// Whoever is sent a link to a page that another browser was shown gets nowhere, so that nobody signs in to
// a stranger's request.
//
// R6749-10.12-1, R9700-4.7.1-1
func TestTicketBelongsToBrowser(t *testing.T) {
	t.Parallel()
	var s *interceptor
	h := newHost(t, counted(&s))
	attacker := h.browser()
	_, signIn := attacker.authorize(h.request("web")).form(t)
	attacker.become(alice)
	consent := attacker.consentPage(h.request("web"))

	with := func(cookie string) *browser {
		b := h.browser()
		if cookie != "" {
			u, _ := url.Parse(h.url)
			b.http.Jar.SetCookies(u, []*http.Cookie{{Name: "oauthcore", Value: cookie, Path: "/"}})
		}
		return b
	}
	other := h.browser()
	other.authorize(h.request("web"))
	for name, b := range map[string]*browser{"no cookie": with(""), "the cookie of another browser": other,
		"a made-up cookie": with(rand.Text()), "a cookie that is too short": with("x")} {
		for _, signedIn := range []bool{false, true} {
			if signedIn {
				b.become(alice)
				name += ", signed in"
			}
			t.Run(name, func(t *testing.T) {
				for _, action := range []string{signIn, consent} {
					b.do("GET", action, nil).wantPage(t, http.StatusBadRequest)
					b.do("POST", action, url.Values{"allow": {"yes"}, "user": {"victim"}}).wantPage(t, http.StatusBadRequest)
				}
			})
		}
	}
	if n := s.writes.Load(); n != 0 {
		t.Errorf("made %d writes", n)
	}
}

func TestTicketBelongsToSession(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]oauth.Login{
		"another user":            {Subject: "bob"},
		"the same user once more": {Subject: "alice"},
		"another tenant":          {Subject: "alice", Tenant: "acme"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *interceptor
			h := newHost(t, counted(&s))
			b := h.signedInAs(alice)
			action := b.consentPage(h.request("web"))
			b.become(next)
			b.do("POST", action, yes).wantPage(t, http.StatusBadRequest)
			if n := s.writes.Load(); n != 0 {
				t.Errorf("made %d writes", n)
			}
			// A look at it shows a page of its own.
			kind, own := b.do("GET", action, nil).form(t)
			if kind != "consent" || b.do("POST", own, yes).location(t).Get("code") == "" {
				t.Error("the page of the new session is of no use")
			}
		})
	}
	t.Run("a host that keeps one session for two users", func(t *testing.T) {
		t.Parallel()
		h := newHost(t)
		now := oauth.Login{Subject: "alice", Session: "s", Time: h.now}
		h.config.SignedIn = func(*http.Request) (*oauth.Login, error) { l := now; return &l, nil }
		h.restart()
		b := h.browser()
		action := b.consentPage(h.request("web"))
		now.Subject = "bob"
		b.do("POST", action, yes).wantPage(t, http.StatusBadRequest)
		now.Subject, now.Tenant = "alice", "acme"
		b.do("POST", action, yes).wantPage(t, http.StatusBadRequest)
	})
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		var s *interceptor
		h := newHost(t, counted(&s))
		b := h.signedInAs(alice)
		action := b.consentPage(h.request("web"))
		b.signOut()
		a := b.do("POST", action, yes)
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != action {
			t.Fatalf("got %d to %q", a.StatusCode, a.Header.Get("Location"))
		}
		if kind, _ := b.do("GET", action, nil).form(t); kind != "signin" {
			t.Errorf("then got a %s page", kind)
		}
		if n := s.writes.Load(); n != 0 {
			t.Errorf("made %d writes", n)
		}
	})
}

func TestTicketTampered(t *testing.T) {
	t.Parallel()
	var s *interceptor
	h := newHost(t, counted(&s))
	b := h.signedInAs(alice)
	path, text, _ := strings.Cut(b.consentPage(h.request("web")), "=")
	path += "="
	refused := func(t *testing.T, text string) {
		t.Helper()
		b.do("GET", path+text, nil).wantPage(t, http.StatusBadRequest)
		b.do("POST", path+text, yes).wantPage(t, http.StatusBadRequest)
	}
	t.Run("in any character", func(t *testing.T) {
		for i := 0; i < len(text); i += 1 + len(text)/100 {
			other := "A"
			if text[i] == 'A' {
				other = "B"
			}
			refused(t, text[:i]+other+text[i+1:])
		}
	})
	for name, text := range map[string]string{
		"cut short": text[:len(text)-4], "lengthened": text + "AAAA", "padded": text + "%3D",
		"twice": text + text, "empty": "", "a word": "ticket", "a refresh token": h.login("first").str("refresh_token"),
		"an opaque token": h.login("opaque").str("access_token"),
	} {
		t.Run(name, func(t *testing.T) { refused(t, text) })
	}
	t.Run("sealed by another secret", func(t *testing.T) {
		before := s.writes.Load()
		h.restart(func(c *oauth.Config) { c.Secrets = [][]byte{[]byte(strings.Repeat("n", 32))} })
		refused(t, text)
		h.restart(func(c *oauth.Config) { c.Secrets = [][]byte{[]byte(strings.Repeat("n", 32)), []byte(secret)} })
		if s.writes.Load() != before {
			t.Error("made writes")
		}
		if b.do("POST", path+text, yes).location(t).Get("code") == "" {
			t.Error("no code under a secret that still opens")
		}
	})
}

// Two servers may have the same secrets; their tickets are still their own.
func TestTicketBelongsToIssuer(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	action := b.consentPage(h.request("web"))
	h.restart(func(c *oauth.Config) { c.Issuer = "http://localhost" })
	b.do("GET", action, nil).wantPage(t, http.StatusBadRequest)
}

// A form works once. To send it again says so, and changes neither the grant nor the consent.
func TestTicketReplayed(t *testing.T) {
	t.Parallel()
	var s *interceptor
	h := newHost(t, counted(&s))
	b := h.signedInAs(alice)
	v := h.request("web")
	action := b.consentPage(v)
	code := b.do("POST", action, url.Values{"allow": {"yes"}, "scope": {"read"}}).location(t).Get("code")
	consent := onlyConsent(t, h, "alice")
	before := s.writes.Load()
	for range 2 {
		h.pass(time.Second)
		a := b.do("POST", action, url.Values{"allow": {"yes"}, "scope": {"read write"}})
		a.wantPage(t, http.StatusBadRequest)
		if !strings.Contains(a.body, "sent before") {
			t.Errorf("the page says %q", a.body)
		}
	}
	if s.writes.Load() != before {
		t.Error("the replay wrote")
	}
	sameConsent(t, onlyConsent(t, h, "alice"), consent)
	if got := h.exchange(v, code).want(t, 200, "").str("scope"); got != "read" {
		t.Errorf("scope is %q", got)
	}
}

// The return from sign-in works once as well, where no page is needed.
func TestTicketOfSignInReplayed(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.browser()
	v := h.request("first")
	_, action := b.authorize(v).form(t)
	a := b.do("POST", action, url.Values{"user": {"alice"}})
	code := b.do("GET", a.Header.Get("Location"), nil).location(t).Get("code")
	b.do("GET", a.Header.Get("Location"), nil).wantPage(t, http.StatusBadRequest)
	h.exchange(v, code).want(t, 200, "")
}

// R6749-10.12-1, R9700-4.7.1-1
func TestTicketOrigin(t *testing.T) {
	t.Parallel()
	var s *interceptor
	h := newHost(t, counted(&s))
	b := h.signedInAs(alice)
	post := func(t *testing.T, action string, header ...string) answer {
		t.Helper()
		req, err := http.NewRequest("POST", h.url+action, strings.NewReader(yes.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		return read(t, b.http, req)
	}
	action := b.consentPage(h.request("web"))
	for name, header := range map[string][]string{
		"another origin":                     {"Origin", "https://evil.example.com"},
		"another port":                       {"Origin", h.url + "0"},
		"an origin that hides itself":        {"Origin", "null"},
		"another site":                       {"Sec-Fetch-Site", "cross-site"},
		"another host of the site":           {"Sec-Fetch-Site", "same-site"},
		"another site, with its origin":      {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com"},
		"another site that hides its origin": {"Sec-Fetch-Site", "cross-site", "Origin", "null"},
	} {
		t.Run(name, func(t *testing.T) {
			post(t, action, header...).wantPage(t, http.StatusForbidden)
		})
	}
	if n := s.writes.Load(); n != 0 {
		t.Errorf("made %d writes", n)
	}
	for name, header := range map[string][]string{
		"our own origin":        {"Origin", h.url},
		"our own site":          {"Sec-Fetch-Site", "same-origin", "Origin", h.url},
		"the address bar":       {"Sec-Fetch-Site", "none"},
		"a client without both": nil,
	} {
		t.Run(name+" may", func(t *testing.T) {
			if post(t, b.consentPage(h.request("web", "prompt", "consent")), header...).location(t).Get("code") == "" {
				t.Error("no code")
			}
		})
	}
	// Behind a proxy that sends another Host, the issuer's origin is ours.
	t.Run("the issuer's origin may", func(t *testing.T) {
		h.restart(func(c *oauth.Config) { c.Issuer = "http://localhost" })
		action := b.consentPage(h.request("web", "prompt", "consent"))
		if post(t, action, "Origin", "http://localhost").location(t).Get("code") == "" {
			t.Error("no code")
		}
	})
}

func TestTicketStandsAlone(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	action := b.consentPage(h.request("web"))
	_, text, _ := strings.Cut(action, "?")
	for name, query := range map[string]string{
		"a request before it":       h.request("web").Encode() + "&" + text,
		"a request behind it":       text + "&" + h.request("web").Encode(),
		"a scope":                   text + "&scope=admin",
		"something unknown":         text + "&utm_source=x",
		"itself once more":          text + "&" + text,
		"an empty ticket beside it": text + "&ticket=",
	} {
		t.Run(name, func(t *testing.T) {
			b.do("GET", "/authorize?"+query, nil).wantPage(t, http.StatusBadRequest)
			b.do("POST", "/authorize?"+query, yes).wantPage(t, http.StatusBadRequest)
		})
	}
}

// A sign-in page is no consent page: what is posted to it approves nothing, whoever is signed in by then.
func TestTicketOfSignInDoesNotApprove(t *testing.T) {
	t.Parallel()
	var s *interceptor
	h := newHost(t, counted(&s))
	b := h.browser()
	_, action := b.authorize(h.request("web")).form(t)
	b.become(alice) // in another tab
	a := b.do("POST", action, yes)
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != action {
		t.Fatalf("got %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	if kind, _ := b.do("GET", action, nil).form(t); kind != "consent" {
		t.Errorf("then got a %s page", kind)
	}
	if n := s.writes.Load(); n != 0 {
		t.Errorf("made %d writes", n)
	}
}

// A host that approves where there is nothing to approve gets a page that says so.
//
// R6749-10.12-1
func TestApproveOutsideTheForm(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(h *host) answer{
		"on a GET":          func(h *host) answer { return h.signedInAs(alice).authorize(h.request("web")) },
		"on a sign-in page": func(h *host) answer { return h.browser().authorize(h.request("web")) },
		"on the POST of a sign-in page": func(h *host) answer {
			b := h.browser()
			b.h.config.Interact = h.page
			h.restart()
			_, action := b.authorize(h.request("web")).form(h.t)
			h.restart(func(c *oauth.Config) {
				c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) { a.Approve(w, r, nil) }
			})
			return b.do("POST", action, yes)
		},
		"on a GET, for a first party that asks for consent": func(h *host) answer {
			return h.signedInAs(alice).authorize(h.request("first", "prompt", "consent"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *interceptor
			h := newHost(t, counted(&s), func(c *oauth.Config) {
				c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) { a.Approve(w, r, nil) }
			})
			a := start(h)
			if a.StatusCode != http.StatusBadRequest || a.Header.Get("Location") != "" || !strings.Contains(a.body, "consent page") {
				t.Errorf("got %d, Location %q, %q", a.StatusCode, a.Header.Get("Location"), a.body)
			}
			if n := s.writes.Load(); n != 0 {
				t.Errorf("made %d writes", n)
			}
		})
	}
}

// The first answer counts.
func TestApproveOnce(t *testing.T) {
	t.Parallel()
	approve := func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) { a.Approve(w, r, nil) }
	deny := func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) { a.Deny(w, r, nil) }
	type answerer = func(http.ResponseWriter, *http.Request, *oauth.Authorization)
	for name, test := range map[string]struct {
		first, second answerer
		code          bool
	}{
		"approve, approve": {approve, approve, true},
		"approve, deny":    {approve, deny, true},
		"deny, approve":    {deny, approve, false},
		"deny, deny":       {deny, deny, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *interceptor
			h := newHost(t, counted(&s))
			h.restart(func(c *oauth.Config) {
				c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
					if r.Method == http.MethodGet {
						h.page(w, r, a)
						return
					}
					test.first(w, r, a)
					test.second(w, r, a)
				}
			})
			b := h.signedInAs(alice)
			events := len(h.events)
			a := b.do("POST", b.consentPage(h.request("web")), nil)
			checkHeaders(t, a)
			got := a.location(t)
			if got.Has("code") != test.code || got.Has("error") == test.code || a.body != "" {
				t.Errorf("redirected with %q, body %q", got, a.body)
			}
			writes := int64(0)
			if test.code {
				writes = 2 // consent and grant
			}
			if n := s.writes.Load(); n != writes {
				t.Errorf("made %d writes, want %d", n, writes)
			}
			if n := len(h.events) - events; n != 2 { // one for the page, one for its form
				t.Errorf("reported %d events", n)
			}
		})
	}
}

// What a form says of the request has no effect: the ticket has it all.
func TestTicketKeepsTheRequest(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	v := h.request("web", "scope", "read", "resource", files)
	a := b.do("POST", b.consentPage(v), url.Values{"allow": {"yes"}, "scope": {"read write admin"}, "client_id": {"two"},
		"redirect_uri": {"https://two.example.com/a"}, "state": {"evil"}, "resource": {api}, "response_type": {"token"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"plain"}, "prompt": {"none"},
		"ticket": {"x"}, "user": {"bob"}})
	if !strings.HasPrefix(a.Header.Get("Location"), callback+"?") || a.location(t).Get("state") != "xyz" {
		t.Fatalf("redirected to %q", a.Header.Get("Location"))
	}
	r := h.exchange(v, a.location(t).Get("code")).want(t, 200, "")
	claims, err := h.srv.Introspect(t.Context(), r.str("access_token"))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject != "alice" || claims.ClientID != "web" || len(claims.Audience) != 1 || claims.Audience[0] != files || r.str("scope") != "read" {
		t.Errorf("claims are %+v, scope %q", claims, r.str("scope"))
	}
}

// What changes while the page is open counts when the form comes back.
func TestTicketMeetsAChange(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*registry.App)
		check  func(*testing.T, *host, answer)
	}{
		"the app is suspended": {func(a *registry.App) { a.Suspended = true }, func(t *testing.T, h *host, a answer) { a.wantPage(t, http.StatusBadRequest) }},
		"the redirect URI goes": {func(a *registry.App) { a.Manifest.RedirectURIs = []string{"https://new.example.com/"} },
			func(t *testing.T, h *host, a answer) { a.wantPage(t, http.StatusBadRequest) }},
		"a scope goes": {func(a *registry.App) { a.Manifest.Scopes = []string{"read"} },
			func(t *testing.T, h *host, a answer) { a.wantRefusal(t, h, callback+"?", "invalid_scope", "xyz") }},
		"the grant type goes": {func(a *registry.App) { a.Manifest.GrantTypes = []string{"refresh_token"} },
			func(t *testing.T, h *host, a answer) {
				a.wantRefusal(t, h, callback+"?", "unauthorized_client", "xyz")
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			b := h.signedInAs(alice)
			action := b.consentPage(h.request("web"))
			h.restart(func(c *oauth.Config) {
				c.Apps = apps(func(s registry.Static) { test.change(edit(s, "web")) })
			})
			test.check(t, h, b.do("POST", action, yes))
		})
	}
}

// Pages of one browser stand side by side.
func TestTicketsSideBySide(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.signedInAs(alice)
	one, two := b.consentPage(h.request("web")), b.consentPage(h.request("two"))
	for _, action := range []string{two, one} {
		if b.do("POST", action, yes).location(t).Get("code") == "" {
			t.Error("no code")
		}
	}
}

func TestTicketCookie(t *testing.T) {
	t.Parallel()
	serve := func(h *host, target string, cookies ...*http.Cookie) *http.Response {
		r := httptest.NewRequest("GET", target, nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		rec := httptest.NewRecorder()
		h.srv.ServeHTTP(rec, r)
		return rec.Result()
	}
	for name, test := range map[string]struct {
		issuer, cookie string
		secure         bool
	}{
		"on https":         {"https://auth.example.com", "__Host-oauthcore", true},
		"on http loopback": {"http://127.0.0.1:8080", "oauthcore", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, func(c *oauth.Config) { c.Issuer = test.issuer })
			target := test.issuer + "/authorize?" + h.request("web").Encode()
			cookies := serve(h, target).Cookies()
			if len(cookies) != 1 {
				t.Fatalf("set %d cookies", len(cookies))
			}
			c := cookies[0]
			if c.Name != test.cookie || c.Secure != test.secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode ||
				c.Path != "/" || c.Domain != "" || c.MaxAge != 0 || !c.Expires.IsZero() || len(c.Value) < 26 {
				t.Errorf("set %s", c.Raw)
			}
			if again := serve(h, target, c).Cookies(); len(again) != 0 {
				t.Errorf("set it again: %d cookies", len(again))
			}
			if other := serve(h, target).Cookies(); len(other) != 1 || other[0].Value == c.Value {
				t.Error("another browser got the same cookie")
			}
			if short := serve(h, target, &http.Cookie{Name: c.Name, Value: "x"}).Cookies(); len(short) != 1 {
				t.Error("a value that is not ours was kept")
			}
			// The name without its prefix is another cookie, which any host of the domain could set.
			if test.secure {
				if plain := serve(h, target, &http.Cookie{Name: "oauthcore", Value: c.Value}).Cookies(); len(plain) != 1 {
					t.Error("a cookie without the prefix was taken")
				}
			}
		})
	}
	t.Run("none where there is no page", func(t *testing.T) {
		h := newHost(t)
		for _, v := range []url.Values{h.request("web", "prompt", "none"), h.request("web", "scope", "root")} {
			if got := h.browser().authorize(v).Cookies(); len(got) != 0 {
				t.Errorf("set %d cookies", len(got))
			}
		}
	})
}

// TestTicketOfAnotherPage: a form approves what its page said. If the app or its installation has changed
// since, the page comes again.
func TestTicketOfAnotherPage(t *testing.T) {
	allowed := url.Values{"allow": {"yes"}}
	for name, change := range map[string]func(*platform){
		"the installation grew": func(p *platform) { p.allow("a", "b") },
		"the app has another name": func(p *platform) {
			p.update(func(a *registry.App) error { a.Manifest.Name = "Other"; return nil })
		},
		"the app is for another API": func(p *platform) {
			p.update(func(a *registry.App) error { a.Policy.Resources = []string{files}; return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t)
			p.allow("a")
			v := p.ask("a", "b")
			b := p.signedInAs(oauth.Login{Subject: "alice", Tenant: acme})
			_, action := b.authorize(v).form(t)
			change(p)
			again := b.do("POST", action, allowed)
			if again.StatusCode != http.StatusSeeOther || !strings.HasPrefix(again.Header.Get("Location"), "/") {
				t.Fatalf("the old form got %d to %q, want the page again", again.StatusCode, again.Header.Get("Location"))
			}
			if got := connected(t, p.host, "alice"); len(got) != 0 {
				t.Errorf("the old form was remembered: %+v", got)
			}
			_, action = b.do("GET", again.Header.Get("Location"), nil).form(t)
			p.exchange(v, b.do("POST", action, allowed).location(t).Get("code")).want(t, 200, "")
		})
	}
}
