package clients_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// request is the address of an authorization request of the app.
func request(c *oauth2.Config, opts ...oauth2.AuthCodeOption) string {
	return c.AuthCodeURL("s", append([]oauth2.AuthCodeOption{oauth2.S256ChallengeOption(oauth2.GenerateVerifier())}, opts...)...)
}

// nextSecond returns when a new second has begun: times of authentication are compared in whole seconds,
// so that a sign-in counts as new until then.
func nextSecond() {
	now := time.Now()
	<-time.After(now.Truncate(time.Second).Add(time.Second).Sub(now))
}

func param(name, value string) oauth2.AuthCodeOption { return oauth2.SetAuthURLParam(name, value) }

func TestSignInPage(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	t.Run("a wrong password shows the page again", func(t *testing.T) {
		for _, email := range []string{ada, "nobody@example.com"} {
			b := newBrowser(t)
			p := b.signIn(b.open(request(web(s, "read:events"))), email, "wrong")
			if p.status != http.StatusUnauthorized || p.title != "Error: Sign in" || !strings.Contains(p.text, "password is wrong") {
				t.Errorf("%s: status %d, title %q, text %q; wanted 401 and the fault", email, p.status, p.title, p.text)
			}
			if got := p.forms[0].fields; got.Get("email") != email || got.Get("password") != "" {
				t.Errorf("%s: the form keeps e-mail %q and a password %t, wanted the e-mail only", email, got.Get("email"), got.Get("password") != "")
			}
		}
	})
	t.Run("it names the app and takes the hint", func(t *testing.T) {
		p := newBrowser(t).open(request(web(s, "read:events"), param("login_hint", ada)))
		if !strings.Contains(p.text, "My Site") || p.forms[0].fields.Get("email") != ada {
			t.Errorf("text %q, e-mail %q; wanted the app's name and %q", p.text, p.forms[0].fields.Get("email"), ada)
		}
	})
	t.Run("a sign-in begins a session of its own", func(t *testing.T) {
		b := newBrowser(t)
		p := b.open(request(web(s, "read:events")))
		home, _ := url.Parse(s.issuer + "/")
		session := func() string {
			for _, c := range b.client.Jar.Cookies(home) {
				if c.Name == "session" {
					return c.Value
				}
			}
			return ""
		}
		b.client.Jar.SetCookies(home, []*http.Cookie{{Name: "session", Value: "fixed by a stranger", Path: "/"}})
		b.signIn(p, ada, adaPassword)
		first := session()
		if first == "" || first == "fixed by a stranger" {
			t.Fatalf("after the sign-in the cookie is %q", first)
		}
		nextSecond()
		b.signIn(b.open(request(web(s, "read:events"), param("prompt", "login"))), ada, adaPassword)
		if session() == first {
			t.Error("a second sign-in kept the first one's cookie")
		}
	})
	t.Run("a page is for the browser that opened it", func(t *testing.T) {
		b, stranger := newBrowser(t), newBrowser(t)
		p := b.open(request(web(s, "read:events")))
		if got := stranger.signIn(p, ada, adaPassword); got.status != http.StatusBadRequest && got.status != http.StatusForbidden {
			t.Errorf("another browser's form: status %d, wanted a refusal", got.status)
		}
	})
	t.Run("signing out is done from the home page", func(t *testing.T) {
		b := newBrowser(t)
		b.signIn(b.open(request(web(s, "read:events"))), ada, adaPassword)
		home := b.open(s.issuer + "/")
		if !strings.Contains(home.text, "Signed in as "+ada) {
			t.Errorf("the home page says %q, wanted who is signed in", home.text)
		}
		if p := b.submit(home, nil); !strings.Contains(p.text, "Nobody is signed in") {
			t.Errorf("after signing out the home page says %q", p.text)
		}
		if p := b.open(request(web(s, "read:events"))); p.title != "Sign in" {
			t.Errorf("after signing out the app leads to %q, wanted the sign-in page", p.title)
		}
	})
}

func TestConsentPage(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	b := newBrowser(t)
	b.signIn(b.open(request(web(s, "read:events"))), ada, adaPassword)

	t.Run("it says who asks, for what, and where it leads", func(t *testing.T) {
		p := b.open(request(cli(s, "read:events", "write:events")))
		for _, want := range []string{"My CLI", "cli", "this service", "127.0.0.1:4711", "See your events", "Create and change events", ada, s.audience()} {
			if !strings.Contains(p.text, want) {
				t.Errorf("the page does not say %q: %q", want, p.text)
			}
		}
		if got := p.forms[0].fields["scope"]; !slices.Equal(got, []string{"read:events", "write:events"}) {
			t.Errorf("boxes ticked: %v, wanted both", got)
		}
	})
	t.Run("it cannot be framed, cached or scripted", func(t *testing.T) {
		p := b.open(request(cli(s, "read:events")))
		policies := p.header.Values("Content-Security-Policy")
		all := strings.Join(policies, "; ")
		for _, want := range []string{"default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action"} {
			if !strings.Contains(all, want) {
				t.Errorf("Content-Security-Policy is %q, wanted %q in it", policies, want)
			}
		}
		if strings.Contains(all, "unsafe") {
			t.Errorf("Content-Security-Policy is %q", policies)
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff"} {
			if got := p.header.Get(name); got != want {
				t.Errorf("%s is %q, wanted %q", name, got, want)
			}
		}
	})
	t.Run("denying tells the app", func(t *testing.T) {
		p := b.decide(b.open(request(web(s, "read:events"))), "deny", nil)
		if q := p.answer(s, "s"); q.Get("error") != "access_denied" || q.Has("code") {
			t.Errorf("the redirect has error %q and a code %t, wanted access_denied and none", q.Get("error"), q.Has("code"))
		}
	})
	t.Run("a form is good once", func(t *testing.T) {
		p := b.open(request(web(s, "read:events")))
		b.decide(p, "allow", nil).answer(s, "s")
		if again := b.decide(p, "allow", nil); again.status != http.StatusBadRequest || again.to != nil {
			t.Errorf("the second time: status %d, redirect %v; wanted 400 and a page", again.status, again.to)
		}
	})
	t.Run("a form sent by another site is refused", func(t *testing.T) {
		p := b.open(request(web(s, "read:events"), param("prompt", "consent")))
		f := p.forms[0]
		f.fields.Set("decision", "allow")
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.action.String(), strings.NewReader(f.fields.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if got := b.show(r); got.to != nil || got.status != http.StatusForbidden && got.status != http.StatusBadRequest {
			t.Errorf("status %d, redirect %v; wanted a refusal", got.status, got.to)
		}
	})
	t.Run("a form of someone who has left is refused", func(t *testing.T) {
		other := newBrowser(t)
		p := other.signIn(other.open(request(web(s, "read:events"), param("prompt", "consent"))), ada, adaPassword)
		nextSecond()
		other.signIn(other.open(request(web(s, "read:events"), param("prompt", "login"))), bob, bobPassword)
		if got := other.decide(p, "allow", nil); got.to != nil || got.status != http.StatusBadRequest {
			t.Errorf("ada's page in bob's session: status %d, redirect %v; wanted 400 and a page", got.status, got.to)
		}
	})
	t.Run("a first-party app asks nothing", func(t *testing.T) {
		own := client(s, "own", "", site, oauth2.AuthStyleInParams, "read:events")
		if q := b.open(request(own)).answer(s, "s"); q.Get("code") == "" {
			t.Errorf("the redirect has error %q, wanted a code", q.Get("error"))
		}
	})
}

// What the user unticks is not granted, says so, and is not asked again.
func TestNarrowing(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	b := newBrowser(t)
	c := web(s, "read:events", "write:events")
	verifier := oauth2.GenerateVerifier()
	p := b.signIn(b.open(c.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier))), ada, adaPassword)

	if none := b.decide(p, "allow", []string{}); none.status != http.StatusUnprocessableEntity || !strings.HasPrefix(none.title, "Error: ") {
		t.Errorf("with no box ticked: status %d, title %q; wanted 422 and the page again", none.status, none.title)
	}
	q := b.decide(p, "allow", []string{"read:events", "admin:everything"}).answer(s, "s")
	tok, err := c.Exchange(t.Context(), q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if got := words(tok.Extra("scope")); !slices.Equal(got, []string{"read:events"}) {
		t.Errorf("the answer says scope %v, wanted read:events", got)
	}
	if a := me(t, s, tok.AccessToken); a.status != http.StatusOK || len(a.body["scopes"].([]any)) != 1 {
		t.Errorf("the API sees %v, wanted one scope", a.body)
	}
	widened := post(t, s.tokenURL(), "web", webSecret, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {tok.RefreshToken}, "scope": {"read:events write:events"}})
	if widened.status != http.StatusBadRequest || widened.body["error"] != "invalid_scope" {
		t.Errorf("a refresh that widens: status %d, %v; wanted 400 invalid_scope", widened.status, widened.body["error"])
	}
	if q := b.open(request(c)).answer(s, "s"); q.Get("code") == "" {
		t.Errorf("the same request again: error %q, wanted a code without a page", q.Get("error"))
	}
}

func TestRememberedConsent(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	b := newBrowser(t)
	for _, c := range []*oauth2.Config{web(s, "read:events"), cli(s, "read:events")} {
		authorize(b, s, c, oauth2.GenerateVerifier())
	}
	t.Run("the same request asks nothing", func(t *testing.T) {
		if q := b.open(request(web(s, "read:events"))).answer(s, "s"); q.Get("code") == "" {
			t.Errorf("the redirect has error %q, wanted a code", q.Get("error"))
		}
	})
	t.Run("a new scope is asked", func(t *testing.T) {
		p := b.open(request(web(s, "read:events", "write:events")))
		if !p.isConsent() || strings.Count(p.text, "(allowed before)") != 1 {
			t.Errorf("got page %q: %q; wanted the consent page with one scope allowed before", p.title, p.text)
		}
	})
	t.Run("another user is asked", func(t *testing.T) {
		b := newBrowser(t)
		if p := b.signIn(b.open(request(web(s, "read:events"))), bob, bobPassword); !p.isConsent() {
			t.Errorf("got page %q, wanted the consent page", p.title)
		}
	})
	t.Run("a public app on a loopback address asks each time", func(t *testing.T) {
		if p := b.open(request(cli(s, "read:events"))); !p.isConsent() {
			t.Errorf("got page %q, redirect %v; wanted the consent page", p.title, p.to)
		}
	})
}

func TestPrompt(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	c := web(s, "read:events")
	t.Run("none without a session is login_required", func(t *testing.T) {
		q := newBrowser(t).open(request(c, param("prompt", "none"))).answer(s, "s")
		if q.Get("error") != "login_required" {
			t.Errorf("error %q, wanted login_required", q.Get("error"))
		}
	})

	b := newBrowser(t)
	p := b.signIn(b.open(request(c)), ada, adaPassword)
	t.Run("none without consent is consent_required", func(t *testing.T) {
		q := b.open(request(c, param("prompt", "none"))).answer(s, "s")
		if q.Get("error") != "consent_required" {
			t.Errorf("error %q, wanted consent_required", q.Get("error"))
		}
	})
	b.decide(p, "allow", nil).answer(s, "s")
	t.Run("none with session and consent gives a code", func(t *testing.T) {
		if q := b.open(request(c, param("prompt", "none"))).answer(s, "s"); q.Get("code") == "" {
			t.Errorf("error %q, wanted a code", q.Get("error"))
		}
	})
	t.Run("consent asks again", func(t *testing.T) {
		if p := b.open(request(c, param("prompt", "consent"))); !p.isConsent() {
			t.Errorf("got page %q, wanted the consent page", p.title)
		}
	})
	t.Run("login signs in again, once", func(t *testing.T) {
		nextSecond()
		p := b.signIn(b.open(request(c, param("prompt", "login"))), ada, adaPassword)
		if q := p.answer(s, "s"); q.Get("code") == "" {
			t.Errorf("error %q, wanted a code", q.Get("error"))
		}
	})
	t.Run("max_age of zero signs in again", func(t *testing.T) {
		nextSecond()
		p := b.open(request(c, param("max_age", "0")))
		if p.title != "Sign in" {
			t.Fatalf("got page %q, redirect %v; wanted the sign-in page", p.title, p.to)
		}
		if q := b.signIn(p, ada, adaPassword).answer(s, "s"); q.Get("code") == "" {
			t.Errorf("error %q, wanted a code", q.Get("error"))
		}
	})
	t.Run("max_age that is met asks nothing", func(t *testing.T) {
		if q := b.open(request(c, param("max_age", "3600"))).answer(s, "s"); q.Get("code") == "" {
			t.Errorf("error %q, wanted a code", q.Get("error"))
		}
	})
	t.Run("the token says when the user signed in", func(t *testing.T) {
		verifier := oauth2.GenerateVerifier()
		tok, err := c.Exchange(t.Context(), authorize(b, s, c, verifier), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		at, _ := verified(t, s, tok.AccessToken, "ES256")["auth_time"].(float64)
		if age := time.Since(time.Unix(int64(at), 0)); age < -time.Second || age > time.Minute {
			t.Errorf("auth_time was %v ago", age)
		}
	})
}

func TestRequestRefused(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	b := newBrowser(t)
	c := web(s, "read:events")
	for name, address := range map[string]string{
		"an unknown app":       request(client(s, "nobody", "", site, oauth2.AuthStyleInParams, "read:events")),
		"another redirect URI": request(client(s, "web", "", site+"/other", oauth2.AuthStyleInParams, "read:events")),
	} {
		t.Run(name+" is shown here", func(t *testing.T) {
			p := b.open(address)
			if p.status != http.StatusBadRequest || p.to != nil || p.header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("status %d, redirect %v, X-Frame-Options %q; wanted 400, none, DENY", p.status, p.to, p.header.Get("X-Frame-Options"))
			}
		})
	}
	for _, test := range []struct{ name, address, code string }{
		{"a scope the app may not have", request(web(s, "read:events", "admin:everything")), "invalid_scope"},
		{"no challenge", c.AuthCodeURL("s"), "invalid_request"},
		{"a challenge computed by removing characters", c.AuthCodeURL("s", param("code_challenge", "ab3dEf"), param("code_challenge_method", "S256")), "invalid_request"},
		{"the plain method", request(c, param("code_challenge_method", "plain")), "invalid_request"},
		{"another response type", request(c, param("response_type", "token")), "unsupported_response_type"},
		{"an unknown resource", request(c, param("resource", "https://elsewhere.example")), "invalid_target"},
	} {
		t.Run(test.name+" is told to the app", func(t *testing.T) {
			q := b.open(test.address).answer(s, "s")
			if q.Get("error") != test.code || q.Get("error_description") == "" {
				t.Errorf("error %q, %q; wanted %q and why", q.Get("error"), q.Get("error_description"), test.code)
			}
		})
	}
}
