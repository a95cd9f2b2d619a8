package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
)

// What an app says of itself is text on the consent page, whatever it holds.
func TestConsentPageEscapes(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script>`
	conf := demonstration()
	conf.Scopes["read:events"] = evil
	conf.Users[0].Name = evil
	conf.Apps = append(conf.Apps, registry.App{
		ID: "evil", Owner: "dev@eventzr.com",
		Manifest: registry.Manifest{Name: evil, Description: evil, AuthMethod: "none",
			RedirectURIs: []string{"https://evil.example/cb"}, Scopes: []string{"read:events", "write:events"}},
	})
	s := serve(t, conf, "")
	c := newBrowser(t)
	page := openConsent(t, s, c, "evil", "https://evil.example/cb", pkce.NewVerifier())
	if strings.Contains(page.body, "<script") || !strings.Contains(page.body, "&lt;script&gt;") {
		t.Errorf("the page has a script:\n%s", page.body)
	}
	if strings.Contains(page.body, "style=") || strings.Contains(page.body, "javascript:") {
		t.Errorf("the page has inline style or script:\n%s", page.body)
	}
}

// The page says who published the app, and fixes the scopes it cannot work without.
func TestConsentPage(t *testing.T) {
	t.Parallel()
	s := serve(t, demonstration(), "")
	c := newBrowser(t)
	page := openConsent(t, s, c, "demo-cli", "http://127.0.0.1:4711/callback", pkce.NewVerifier())
	for _, want := range []string{"Demo CLI", "Devika Developer", "127.0.0.1:4711", "See your events", "(the app needs this)", "Reads and writes events from a shell.", `<html lang="en">`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page does not say %q:\n%s", want, page.body)
		}
	}
	if n := strings.Count(page.body, `name="scope" type="checkbox"`); n != 1 {
		t.Errorf("%d scopes are the user's choice, wanted 1", n)
	}
	before := page
	before.body = hiddenPattern.ReplaceAllString(page.body, "") // as it was when the app needed nothing
	if back := submit(t, c, before, url.Values{"decision": {"allow"}, "scope": {"write:events"}}); back.StatusCode != http.StatusConflict ||
		!strings.Contains(back.body, "has come to need a permission") {
		t.Errorf("without what the app needs: status %d\n%s", back.StatusCode, back.body)
	}
	back := submit(t, c, page, url.Values{"decision": {"allow"}})
	if to, err := back.Location(); err != nil || !to.Query().Has("code") {
		t.Errorf("with the required scope alone: status %d, %v; wanted a code", back.StatusCode, err)
	}
}

func TestRedirectHost(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"https://myapp.com/callback":      "myapp.com",
		"https://myapp.com:8443/callback": "myapp.com:8443",
		"http://127.0.0.1:4711/callback":  "127.0.0.1:4711",
		"com.example.app:/callback":       "com.example.app: on this device",
	} {
		if got := redirectHost(uri); got != want {
			t.Errorf("redirectHost(%q) = %q, wanted %q", uri, got, want)
		}
	}
}

// The page of the demonstration's app shows only what can be pasted into a shell without harm.
func TestCallbackPage(t *testing.T) {
	t.Parallel()
	s := serve(t, demonstration(), "")
	for _, test := range []struct {
		name, query string
		status      int
		want        string
	}{
		{"a code", "code=Ab-_1.~", http.StatusOK, "code=Ab-_1.~ "},
		{"a code with a command in it", "code=x;rm+-rf+~", http.StatusBadRequest, "There is none here"},
		{"a code with a line end", "code=x%0Arm", http.StatusBadRequest, "There is none here"},
		{"a code with markup", "code=%3Cb%3E", http.StatusBadRequest, "There is none here"},
		{"a refusal", "error=access_denied", http.StatusOK, "<code>access_denied</code>"},
		{"a refusal with text of a stranger", "error=Call+0900", http.StatusBadRequest, "There is none here"},
		{"nothing", "", http.StatusBadRequest, "There is none here"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := get(t, http.DefaultClient, s.issuer+"/callback?"+test.query)
			if a.StatusCode != test.status || !strings.Contains(a.body, test.want) {
				t.Errorf("status %d, wanted %d and %q:\n%s", a.StatusCode, test.status, test.want, a.body)
			}
		})
	}
}

// Pages that are not the library's are guarded like those that are.
func TestOwnPages(t *testing.T) {
	t.Parallel()
	s := serve(t, demonstration(), "")
	for _, path := range []string{"/", "/callback?code=x"} {
		a := get(t, http.DefaultClient, s.issuer+path)
		policies := strings.Join(a.Header.Values("Content-Security-Policy"), "; ")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(policies, want) {
				t.Errorf("%s: Content-Security-Policy is %q, wanted %q in it", path, policies, want)
			}
		}
		if a.Header.Get("X-Frame-Options") != "DENY" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: X-Frame-Options %q, Cache-Control %q; wanted DENY and no-store", path, a.Header.Get("X-Frame-Options"), a.Header.Get("Cache-Control"))
		}
	}
	if a := get(t, http.DefaultClient, s.issuer+"/style.css"); a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/css") {
		t.Errorf("style.css: status %d, %q", a.StatusCode, a.Header.Get("Content-Type"))
	}
}

// Another site cannot sign a user out.
func TestSignOutFromElsewhere(t *testing.T) {
	t.Parallel()
	s := serve(t, demonstration(), "")
	for site, want := range map[string]int{"cross-site": http.StatusForbidden, "same-origin": http.StatusSeeOther} {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", s.issuer+"/sign-out", nil)
		r.Header.Set("Sec-Fetch-Site", site)
		resp, err := newBrowser(t).Do(r)
		if a := read(t, resp, err); a.StatusCode != want {
			t.Errorf("sent by %s: status %d, wanted %d", site, a.StatusCode, want)
		}
	}
}
