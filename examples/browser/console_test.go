package browser_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// css selects by CSS alone: a plain string would also find text.
type css = chromedp.CSS

// follow does something that leads to another page, and waits for that. It returns the status.
func (b *browser) follow(t *testing.T, steps ...chromedp.Action[chromedp.Void]) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	resp, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		path := value[string](t, b, `location.pathname`)
		b.quiet(t)
		t.Fatalf("at %s: %v", path, err)
	}
	return resp.Status
}

// press follows a link or button.
func (b *browser) press(t *testing.T, selector string) int64 {
	t.Helper()
	return b.follow(t, chromedp.Click(css(selector)))
}

// says checks that the page says all of this.
func (b *browser) says(t *testing.T, all ...string) {
	t.Helper()
	said := strings.Join(strings.Fields(value[string](t, b, `document.body.innerText`)), " ")
	for _, want := range all {
		if !strings.Contains(said, want) {
			t.Errorf("%s does not say %q: %s", value[string](t, b, `location.pathname`), want, said)
		}
	}
}

// enter signs a user in to the console.
func (b *browser) enter(t *testing.T, server, email string) {
	t.Helper()
	b.do(t, chromedp.Navigate(server+"/console/"), chromedp.WaitVisible(css("#password")),
		chromedp.SendKeys(css("#email"), email), chromedp.SendKeys(css("#password"), password))
	b.press(t, "button.main")
	b.do(t, chromedp.WaitVisible(css(".cards")))
}

// leave signs the user out.
func (b *browser) leave(t *testing.T) {
	t.Helper()
	b.press(t, "header button")
}

// call asks for what is at the address, with the form or the token that is not empty.
func call(t *testing.T, address, tok string, form url.Values) (status int, body map[string]any) {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if tok != "" {
		r.Header.Set("Authorization", "Bearer "+tok)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_ = json.NewDecoder(resp.Body).Decode(&body) // of some answers there is none
	return resp.StatusCode, body
}

// An app's life in the console, from its registration to the day a user disconnects it. No sub-test starts
// anew.
func TestConsole(t *testing.T) {
	b := startBrowser(t)
	a := startApp(t)
	a.server = startServer(t, a.site)
	var secret, token string
	step := func(name string, do func(*testing.T)) {
		if !t.Run(name, do) {
			t.FailNow() // the rest would wait for pages that do not come
		}
	}

	step("a wrong password is said where it was typed", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.server+"/console/apps/new"), chromedp.WaitVisible(css("#password")))
		b.look(t, "sign-in")
		b.do(t, chromedp.SendKeys(css("#email"), "dev@example.com"), chromedp.SendKeys(css("#password"), "wrong"))
		if status := b.press(t, "button.main"); status != http.StatusUnauthorized {
			t.Errorf("status %d, wanted 401", status)
		}
		b.says(t, "There is a problem", "The e-mail address or the password is wrong.")
		if !value[bool](t, b, `document.activeElement.matches(".error") && document.querySelector("#email").value == "dev@example.com" && document.querySelector("#password").value == ""`) {
			t.Error("the error has no focus, or the e-mail is not kept, or the password is")
		}
		b.look(t, "sign-in-wrong")
		b.do(t, chromedp.SendKeys(css("#password"), password))
		b.press(t, "button.main")
		if at := value[string](t, b, `location.pathname`); at != "/console/apps/new" {
			t.Errorf("after signing in at %s, wanted where the visitor was going", at)
		}
		b.quiet(t, http.StatusUnauthorized)
	})
	step("a developer registers an app and sees its secret once", func(t *testing.T) {
		b.look(t, "app-new")
		b.do(t, chromedp.SendKeys(css("#client_name"), "Seat Planner"), chromedp.SendKeys(css("#description"), "Draws the hall and gives everyone a seat."),
			chromedp.SendKeys(css("#redirect_uris"), "http://elsewhere.example/back"), chromedp.Click(css("#token_endpoint_auth_method-1")),
			chromedp.SetValue(css("#need-0"), "must"), chromedp.SetValue(css("#need-1"), "may"), chromedp.SendKeys(css("#categories"), "seating, check-in"))
		if status := b.press(t, ".buttons button.main"); status != http.StatusUnprocessableEntity {
			t.Errorf("status %d, wanted 422", status)
		}
		b.look(t, "app-new-wrong")
		b.follow(t, chromedp.Clear(css("#redirect_uris")), chromedp.SendKeys(css("#redirect_uris"), a.site+"/callback"), chromedp.Click(css(".buttons button.main")))
		b.says(t, "Keep this secret", "Copy the secret")
		secret = value[string](t, b, `document.querySelector("#secret").textContent`)
		a.id = value[string](t, b, `document.querySelector("#client-id").textContent`)
		b.look(t, "secret")
		b.press(t, ".buttons a")
		if strings.Contains(value[string](t, b, `document.documentElement.outerHTML`), secret) {
			t.Error("the app's page has the secret")
		}
		b.look(t, "app-draft")
		b.press(t, `form[action$="/submit"] button`)
		b.says(t, "Submitted.", "In review")
		b.press(t, "nav li:nth-child(1) a")
		b.look(t, "apps")
		b.press(t, "nav li:last-child a")
		b.look(t, "profile")
		b.do(t, chromedp.SendKeys(css("#name"), "Devika & Daughters"))
		b.press(t, "main button.main")
		b.leave(t)
		b.quiet(t, http.StatusUnprocessableEntity)
	})
	step("an administrator reviews and publishes it", func(t *testing.T) {
		b.enter(t, a.server, "admin@example.com")
		b.look(t, "home")
		b.press(t, `nav a[href="/console/review"]`)
		b.look(t, "review-queue")
		b.press(t, ".rows a")
		b.press(t, `form[action$="/claim"] button`)
		b.press(t, `form[action$="/reject"] button`)
		b.says(t, "There is a problem", "What has to change: Missing")
		b.look(t, "review")
		b.press(t, `form[action$="/approve"] button`)
		b.look(t, "review-approved")
		b.press(t, `form[action$="/publish"] button`)
		b.says(t, "Published", "Live")
		b.leave(t)
		b.quiet(t, http.StatusUnprocessableEntity)
	})
	step("an organizer finds and installs it, by keyboard alone", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.server+"/console/"), chromedp.WaitVisible(css("#password")))
		b.tab(t, "#email")
		b.do(t, chromedp.KeyEvent("olga@example.com"))
		b.tab(t, "#password")
		b.follow(t, chromedp.KeyEvent(password), chromedp.KeyEvent(kb.Enter))
		b.tab(t, ".skip")
		b.do(t, chromedp.KeyEvent(kb.Enter))
		if !value[bool](t, b, `document.activeElement.matches("main")`) {
			t.Error("the skip link does not lead to the content")
		}
		b.tab(t, `main a[href="/console/directory"]`)
		b.follow(t, chromedp.KeyEvent(kb.Enter))
		b.look(t, "directory")
		b.tab(t, "#q")
		b.follow(t, chromedp.KeyEvent("hall"), chromedp.KeyEvent(kb.Enter))
		b.says(t, "Seat Planner", "by Devika & Daughters")
		b.tab(t, ".rows a")
		b.follow(t, chromedp.KeyEvent(kb.Enter))
		b.look(t, "offer")
		b.tab(t, `form[action$="/install"] button`)
		b.follow(t, chromedp.KeyEvent(kb.Enter))
		b.says(t, "Installed.")
		b.look(t, "installation")
		b.press(t, `nav a[href="/console/installations"]`)
		b.look(t, "installations")
		b.quiet(t)
	})
	step("she lets it in, and the API serves it", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.site), chromedp.Click(css("#sign-in")), chromedp.WaitVisible(css("#permissions")))
		b.says(t, "Allow Seat Planner?", "Published by Devika Developer", "See your events (the app needs this)")
		b.look(t, "consent")
		b.tab(t, `button[value="allow"]`)
		b.do(t, chromedp.KeyEvent(kb.Enter))
		q := b.arrives(t, a)
		status, body := call(t, a.server+"/app-registry/v1/oauth/token", "", url.Values{"grant_type": {"authorization_code"}, "code": {q.Get("code")},
			"redirect_uri": {a.site + "/callback"}, "code_verifier": {verifier}, "client_id": {a.id}, "client_secret": {secret}})
		token, _ = body["access_token"].(string)
		if token == "" {
			t.Fatalf("token: status %d, error %v", status, body["error"])
		}
		if status, body := call(t, a.server+"/api/me", token, nil); status != http.StatusOK || body["sub"] != "olga@example.com" {
			t.Errorf("the API answers %d, %v", status, body)
		}
		b.quiet(t)
	})
	step("she disconnects it by keyboard alone, and the API refuses it", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.server+"/console/"))
		b.tab(t, `nav a[href="/console/connected"]`)
		b.follow(t, chromedp.KeyEvent(kb.Enter))
		b.says(t, "Seat Planner", "See your events", "Create and change events", "Since")
		b.look(t, "connected")
		b.tab(t, "summary")
		b.do(t, chromedp.KeyEvent(kb.Enter))
		b.tab(t, "details button")
		b.look(t, "connected-open")
		b.follow(t, chromedp.KeyEvent(kb.Enter))
		b.says(t, "The app is disconnected", "You have let no app act for you.")
		b.look(t, "disconnected")
		if status, _ := call(t, a.server+"/api/me", token, nil); status != http.StatusUnauthorized {
			t.Errorf("the API answers %d, wanted 401", status)
		}
		b.quiet(t)
	})
	step("she uninstalls it", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.server+"/console/installations/"+a.id), chromedp.Click(css("summary")))
		b.press(t, "details button")
		b.says(t, "uninstalled", "no apps yet")
		b.leave(t)
		b.quiet(t)
	})
	step("its developer sees its use", func(t *testing.T) {
		b.enter(t, a.server, "dev@example.com")
		b.do(t, chromedp.Navigate(a.server+"/console/apps/"+a.id))
		b.says(t, "Use in the last 30 days", "Requests served")
		b.look(t, "app-live")
		b.do(t, chromedp.Navigate(a.server+"/console/nowhere"))
		b.look(t, "not-found")
		b.leave(t)
		b.quiet(t, http.StatusNotFound)
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

// All of it works without scripts.
func TestConsoleWithoutScripts(t *testing.T) {
	b := startBrowser(t)
	server := startServer(t, "http://localhost:1")
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	b.enter(t, server, "dev@example.com")
	b.press(t, ".cards a")
	b.press(t, "main a.button")
	if status := b.press(t, ".buttons button.main"); status != http.StatusUnprocessableEntity {
		t.Errorf("an empty form: status %d, wanted 422", status)
	}
	b.says(t, "There is a problem")
	if !value[bool](t, b, `document.activeElement.matches(".error")`) {
		t.Error("the error has no focus")
	}
	b.do(t, chromedp.SendKeys(css("#client_name"), "Plain"), chromedp.SendKeys(css("#redirect_uris"), "https://plain.example/back"), chromedp.SetValue(css("#need-0"), "may"))
	b.press(t, ".buttons button.main")
	b.says(t, "Keep this secret")
	if value[bool](t, b, `document.querySelector("[data-copy]").checkVisibility()`) {
		t.Error("there is a button that does nothing")
	}
	b.press(t, ".buttons a")
	b.press(t, `form[action$="/submit"] button`)
	b.says(t, "In review")
	b.leave(t)
	b.enter(t, server, "admin@example.com")
	b.press(t, `nav a[href="/console/review"]`)
	b.press(t, ".rows a")
	b.press(t, `form[action$="/approve"] button`)
	b.press(t, `form[action$="/publish"] button`)
	b.leave(t)
	b.enter(t, server, "olga@example.com")
	b.press(t, `nav a[href="/console/directory"]`)
	b.press(t, ".rows a")
	b.press(t, `form[action$="/install"] button`)
	b.do(t, chromedp.Click(css("summary")))
	b.press(t, "details button")
	b.says(t, "uninstalled")
	b.quiet(t, http.StatusUnprocessableEntity)
}
