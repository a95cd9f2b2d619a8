package browser_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// enterAt presses the tabulator until the element has the focus, and Enter, which leads to another page.
func (b *browser) enterAt(t *testing.T, selector string) int64 {
	t.Helper()
	b.tab(t, selector)
	return b.follow(t, chromedp.KeyEvent(kb.Enter))
}

// typeAt presses the tabulator until the field has the focus, and types.
func (b *browser) typeAt(t *testing.T, selector, keys string) {
	t.Helper()
	b.tab(t, selector)
	b.do(t, chromedp.KeyEvent(keys))
}

// signInByKeys signs a user in to the console.
func (b *browser) signInByKeys(t *testing.T, server, email string) {
	t.Helper()
	b.do(t, chromedp.Navigate(server+"/console/"), chromedp.WaitVisible(css("#password")))
	b.typeAt(t, "#email", email)
	b.tab(t, "#password")
	b.follow(t, chromedp.KeyEvent(password), chromedp.KeyEvent(kb.Enter))
}

// An app's life without a mouse. Only the app's own site, which is not the service's, is clicked on.
func TestKeyboard(t *testing.T) {
	b := startBrowser(t)
	a := startApp(t)
	a.server = startServer(t, a.site)
	var secret, token string
	step := func(name string, do func(*testing.T)) {
		if !t.Run(name, func(t *testing.T) {
			do(t)
			b.quiet(t)
		}) {
			t.FailNow()
		}
	}
	step("a developer registers and submits an app", func(t *testing.T) {
		b.signInByKeys(t, a.server, "dev@example.com")
		b.tab(t, ".skip")
		b.do(t, chromedp.KeyEvent(kb.Enter))
		if !value[bool](t, b, `document.activeElement.matches("main")`) {
			t.Error("the skip link does not lead to the content")
		}
		b.enterAt(t, `main a[href="/console/apps"]`)
		b.enterAt(t, "main a.button")
		b.typeAt(t, "#client_name", "Seat Planner")
		b.typeAt(t, "#description", "Draws the hall.")
		b.typeAt(t, `[name="token_endpoint_auth_method"]:checked`, kb.ArrowDown) // client_secret_post
		b.typeAt(t, "#redirect_uris", a.site+"/callback")
		b.typeAt(t, "#need-0", "c") // cannot work without
		b.typeAt(t, "#need-1", "a") // asks
		b.enterAt(t, ".buttons button.main")
		b.says(t, "Keep this secret")
		secret = value[string](t, b, `document.querySelector("#secret").textContent`)
		a.id = value[string](t, b, `document.querySelector("#client-id").textContent`)
		b.enterAt(t, ".buttons a")
		b.enterAt(t, `form[action$="/submit"] button`)
		b.says(t, "Submitted.", "In review")
		b.enterAt(t, "header button")
	})
	step("an administrator reviews and publishes it", func(t *testing.T) {
		b.signInByKeys(t, a.server, "admin@example.com")
		b.enterAt(t, `nav a[href="/console/review"]`)
		b.enterAt(t, ".rows a")
		b.enterAt(t, `form[action$="/claim"] button`)
		b.enterAt(t, `form[action$="/approve"] button`)
		b.enterAt(t, `form[action$="/publish"] button`)
		b.says(t, "Published", "Live")
		b.enterAt(t, "header button")
	})
	step("an organizer finds and installs it", func(t *testing.T) {
		b.signInByKeys(t, a.server, "olga@example.com")
		b.enterAt(t, `nav a[href="/console/directory"]`)
		b.tab(t, "#q")
		b.follow(t, chromedp.KeyEvent("hall"), chromedp.KeyEvent(kb.Enter))
		b.enterAt(t, ".rows a")
		b.enterAt(t, `form[action$="/install"] button`)
		b.says(t, "Installed.")
	})
	step("she denies it", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.site), chromedp.Click(css("#sign-in")), chromedp.WaitVisible(css("#permissions")))
		b.typeAt(t, `button[value="deny"]`, kb.Enter)
		if q := b.arrives(t, a); q.Get("error") != "access_denied" || q.Has("code") {
			t.Errorf("the app is given error %q and a code %t, wanted access_denied and none", q.Get("error"), q.Has("code"))
		}
	})
	step("she lets it in, with less than it asks for", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.site), chromedp.Click(css("#sign-in")), chromedp.WaitVisible(css("#permissions")))
		b.typeAt(t, "#scope-1", " ")
		b.typeAt(t, `button[value="allow"]`, kb.Enter)
		var body map[string]any
		_, body = call(t, a.server+"/app-registry/v1/oauth/token", "", url.Values{"grant_type": {"authorization_code"}, "code": {b.arrives(t, a).Get("code")},
			"redirect_uri": {a.site + "/callback"}, "code_verifier": {verifier}, "client_id": {a.id}, "client_secret": {secret}})
		token, _ = body["access_token"].(string)
		if status, _ := call(t, a.server+"/api/me", token, nil); status != http.StatusOK || body["scope"] != "read:events" {
			t.Errorf("the API answers %d, and the scope is %v; wanted 200 and read:events", status, body["scope"])
		}
	})
	step("she disconnects it, and the API refuses it", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.server+"/console/"))
		b.enterAt(t, `nav a[href="/console/connected"]`)
		b.says(t, "Seat Planner", "See your events", "Since")
		b.typeAt(t, "summary", kb.Enter)
		b.enterAt(t, "details button")
		b.says(t, "The app is disconnected", "You have let no app act for you.")
		if status, _ := call(t, a.server+"/api/me", token, nil); status != http.StatusUnauthorized {
			t.Errorf("the API answers %d, wanted 401", status)
		}
	})
}

// tab presses the tabulator until the element has the focus. Whatever has it on the way shows it and can be
// seen.
func (b *browser) tab(t *testing.T, selector string) {
	t.Helper()
	for range 40 {
		b.do(t, chromedp.KeyEvent(kb.Tab))
		at := value[struct {
			There, Shown bool
			Element      string
		}](t, b, `(() => {
			const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
			return {There: e.matches(`+"`"+selector+"`"+`), Element: e.outerHTML.slice(0, 80),
				Shown: style.outlineStyle != "none" && parseFloat(style.outlineWidth) >= 2 && box.bottom > 0 && box.top < innerHeight && box.width > 0};
		})()`)
		if !at.Shown {
			t.Errorf("the focus does not show at %s", at.Element)
		}
		if at.There {
			return
		}
	}
	t.Fatalf("the tabulator does not lead to %s", selector)
}
