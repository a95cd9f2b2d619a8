package attack

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// TestA303 posts a consent form as another site's page would make a browser do it, asks for it by GET, and posts it
// again once it was answered.
func TestA303(t *testing.T) {
	run(t)
	w := newWorld(t)
	defer w.tight()
	target, cookies := w.consentPage(&session{app: "web", verifier: strings.Repeat("v", 43)})
	if a := w.do(&request{method: http.MethodGet, path: target}); a.location().Has("code") || a.writes != 0 {
		t.Errorf("a GET got %d %q", a.status, a.header.Get("Location"))
	}
	if a := w.answerPage(target, cookies, nil); w.keep("code", a.location().Get("code")) == "" {
		t.Errorf("the form in order got %d %s", a.status, a.body)
	}
	w.nothingCame(w.answerPage(target, cookies, nil))
}

// TestA304 has a victim finish what an attacker began: the ticket belongs to the attacker's browser.
func TestA304(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	victim := w.login
	s := &session{app: "web", verifier: strings.Repeat("v", 43)}
	_, own := w.consentPage(s)
	w.signedIn(&oauth.Login{Subject: "mallory", Session: w.keep("session", "session-of-mallory"), Time: w.now})
	target, _ := w.consentPage(s)
	w.signedIn(victim)
	for name, cookies := range map[string][]*http.Cookie{"with a cookie of her own": own, "without": nil} {
		t.Run(name, func(t *testing.T) {
			w.nothingCame(w.answerPage(target, cookies, nil))
			r := &request{method: http.MethodGet, path: target, header: make(http.Header)}
			for _, c := range cookies {
				r.header.Add("Cookie", c.Name+"="+c.Value)
			}
			req, err := http.NewRequest(r.method, w.url+r.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = r.header
			w.nothingCame(w.send(req))
		})
	}
}

// TestA305 puts markup into all that the library's own page could repeat. The host's pages are html/template's
// business, as the examples show.
func TestA305(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := &session{app: "web", verifier: strings.Repeat("v", 43)}
	for _, value := range []string{"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "javascript:alert(1)"} {
		for name := range w.authorizeRequest(s).params {
			r := w.authorizeRequest(s).with(name, value)
			if name != "client_id" {
				r.params.Set("redirect_uri", "https://evil.example/"+value)
			}
			a := w.do(r)
			shown(t, a, http.StatusBadRequest)
			if strings.Contains(a.body, value) || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s: got %q %q", name, a.header.Get("Content-Type"), a.body)
			}
		}
		a := w.do(&request{method: http.MethodGet, path: "/authorize", params: url.Values{"ticket": {value}}})
		if strings.Contains(a.body, value) {
			t.Errorf("a ticket is repeated: %q", a.body)
		}
	}
}

// asksAgain reports whether a request shows the consent page.
func (w *world) asksAgain(r *request) bool {
	w.t.Helper()
	a := w.do(r)
	w.keep("code", a.location().Get("code"))
	return strings.HasPrefix(a.body, "consent ")
}

// TestA306 signs in twice: who can be impersonated on the device is asked for every time.
func TestA306(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	for app, want := range map[string]bool{"web": false, "spa": false, "cli": true} {
		w.signIn(app)
		if got := w.asksAgain(w.authorizeRequest(&session{app: app, verifier: strings.Repeat("v", 43)})); got != want {
			t.Errorf("%s: the page comes again: %t, want %t", app, got, want)
		}
		none := w.authorizeRequest(&session{app: app, verifier: strings.Repeat("v", 43)}).with("prompt", "none")
		if a := w.do(none); want && a.location().Get("error") != "consent_required" {
			t.Errorf("%s without a page: %d %q", app, a.status, a.header.Get("Location"))
		}
	}
}

func TestA308(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world, r *request)
		want   bool
	}{
		"nothing":                {func(*world, *request) {}, false},
		"less is asked for":      {func(_ *world, r *request) { r.params.Set("scope", "read") }, false},
		"more is asked for":      {func(_ *world, r *request) { r.params.Set("scope", "read write admin") }, true},
		"another resource":       {func(_ *world, r *request) { r.params.Set("resource", files) }, true},
		"the app has a new name": {func(w *world, _ *request) { w.edited("web", func(a *registry.App) { a.Manifest.Name = "Your bank" }) }, true},
		"it has a new address": {func(w *world, _ *request) {
			w.edited("web", func(a *registry.App) {
				a.Manifest.RedirectURIs = []string{a.Manifest.RedirectURIs[0], "https://evil.example/cb"}
			})
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer w.tight()
			w.signIn("web")
			r := w.authorizeRequest(&session{app: "web", verifier: strings.Repeat("v", 43)})
			c.change(w, r)
			if got := w.asksAgain(r); got != c.want {
				t.Errorf("the page comes again: %t, want %t", got, c.want)
			}
		})
	}
}

// TestA309 approves more than was asked for: the rest is cut.
func TestA309(t *testing.T) {
	approve := []string{"read", "admin", "unknown"}
	w := newWorld(t, func(c *oauth.Config) {
		c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
			if r.Method == http.MethodPost {
				a.Approve(w, r, &oauth.Approval{Scopes: approve})
				return
			}
			page(w, r, a)
		}
	})
	defer w.tight()
	if got := w.good(w.do(w.exchangeRequest(w.begin("web")))).str("scope"); got != "read" {
		t.Errorf("got the scope %q, want read", got)
	}
	if list, _, err := w.server.Consents(t.Context(), "alice", ""); err != nil || len(list) != 1 || strings.Join(list[0].Scopes, " ") != "read" {
		t.Errorf("remembered are %+v, %v", list, err)
	}
}

func TestA311(t *testing.T) {
	run(t)
	m := registry.Manifest{Name: "a\xffb", RedirectURIs: []string{"https://web.example.com/cb"}, Scopes: []string{"read"}}
	if err := m.Validate(); err == nil {
		t.Error("a name of invalid UTF-8 was accepted")
	}
	var told *oauth.Authorization
	w := newWorld(t, func(c *oauth.Config) {
		c.Interact = func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
			told = a
			page(w, r, a)
		}
	})
	defer w.tight()
	w.edited("rival", func(a *registry.App) { a.Manifest.Name = "Web" }) // as another's
	w.begin("rival")
	if told == nil || told.App.ID != "rival" || told.RedirectURI != "https://rival.example.com/cb" {
		t.Errorf("the page is told %+v", told)
	}
}
