package browser_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// All of it works without scripts, in the console and at consent.
func TestWithoutScripts(t *testing.T) {
	b := startBrowser(t)
	a := startApp(t)
	a.server = startServer(t, a.site)
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	b.enter(t, a.server, "dev@example.com")
	b.press(t, ".cards a")
	b.press(t, "main a.button")
	if status := b.press(t, ".buttons button.main"); status != http.StatusUnprocessableEntity {
		t.Errorf("an empty form: status %d, wanted 422", status)
	}
	b.says(t, "There is a problem")
	if !value[bool](t, b, `document.activeElement.matches(".error")`) {
		t.Error("the error has no focus")
	}
	b.do(t, chromedp.SendKeys(css("#client_name"), "Plain"), chromedp.SendKeys(css("#redirect_uris"), a.site+"/callback"),
		chromedp.Click(css("#token_endpoint_auth_method-1")), chromedp.SetValue(css("#need-0"), "may"), chromedp.SetValue(css("#need-1"), "may"))
	b.press(t, ".buttons button.main")
	b.says(t, "Keep this secret")
	if value[bool](t, b, `document.querySelector("[data-copy]").checkVisibility()`) {
		t.Error("there is a button that does nothing")
	}
	secret := value[string](t, b, `document.querySelector("#secret").textContent`)
	a.id = value[string](t, b, `document.querySelector("#client-id").textContent`)
	b.press(t, ".buttons a")
	b.press(t, `form[action$="/submit"] button`)
	b.says(t, "In review")
	b.leave(t)
	b.enter(t, a.server, "admin@example.com")
	b.press(t, `nav a[href="/console/review"]`)
	b.press(t, ".rows a")
	b.press(t, `form[action$="/approve"] button`)
	b.press(t, `form[action$="/publish"] button`)
	b.leave(t)
	b.enter(t, a.server, "olga@example.com")
	b.press(t, `nav a[href="/console/directory"]`)
	b.press(t, ".rows a")
	b.press(t, `form[action$="/install"] button`)
	b.leave(t)

	// She signs in on the way, and is shown the app then.
	b.do(t, chromedp.Navigate(a.site), chromedp.Click(css("#sign-in")), chromedp.WaitVisible(css("#password")),
		chromedp.SendKeys(css("#email"), "olga@example.com"), chromedp.SendKeys(css("#password"), password),
		chromedp.Click(css("button.main")), chromedp.WaitVisible(css("#permissions")), chromedp.Click(css(`button[value="deny"]`)))
	if q := b.arrives(t, a); q.Get("error") != "access_denied" || q.Has("code") {
		t.Errorf("the app is given error %q and a code %t, wanted access_denied and none", q.Get("error"), q.Has("code"))
	}
	b.do(t, chromedp.Navigate(a.site), chromedp.Click(css("#sign-in")), chromedp.WaitVisible(css("#permissions")),
		chromedp.Click(css("#scope-1")), chromedp.Click(css(`button[value="allow"]`)))
	_, body := call(t, a.server+"/app-registry/v1/oauth/token", "", url.Values{"grant_type": {"authorization_code"}, "code": {b.arrives(t, a).Get("code")},
		"redirect_uri": {a.site + "/callback"}, "code_verifier": {verifier}, "client_id": {a.id}, "client_secret": {secret}})
	token, _ := body["access_token"].(string)
	if status, _ := call(t, a.server+"/api/me", token, nil); status != http.StatusOK || body["scope"] != "read:events" {
		t.Errorf("the API answers %d, and the scope is %v; wanted 200 and read:events", status, body["scope"])
	}
	b.do(t, chromedp.Navigate(a.server+"/console/connected"))
	b.says(t, "Plain", "See your events", "Since")
	b.do(t, chromedp.Click(css("summary")))
	b.press(t, "details button")
	b.says(t, "The app is disconnected", "You have let no app act for you.")
	if status, _ := call(t, a.server+"/api/me", token, nil); status != http.StatusUnauthorized {
		t.Errorf("disconnected, the API answers %d, wanted 401", status)
	}
	b.do(t, chromedp.Navigate(a.server+"/console/installations/"+a.id), chromedp.Click(css("summary")))
	b.press(t, "details button")
	b.says(t, "uninstalled")
	b.quiet(t, http.StatusUnprocessableEntity)
	b.policies.check(t, "/app-registry/v1/oauth/authorize", "/console/connected")
}
