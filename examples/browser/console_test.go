package browser_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
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
	step("an organizer finds and installs it", func(t *testing.T) {
		b.enter(t, a.server, "olga@example.com")
		b.press(t, `nav a[href="/console/directory"]`)
		b.look(t, "directory")
		b.follow(t, chromedp.SendKeys(css("#q"), "hall"), chromedp.Submit(css("#q")))
		b.says(t, "Seat Planner", "by Devika & Daughters")
		b.press(t, ".rows a")
		b.look(t, "offer")
		b.press(t, `form[action$="/install"] button`)
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
		b.do(t, chromedp.Click(css(`button[value="allow"]`)))
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
	step("she disconnects it, and the API refuses it", func(t *testing.T) {
		b.do(t, chromedp.Navigate(a.server+"/console/"))
		b.press(t, `nav a[href="/console/connected"]`)
		b.says(t, "Seat Planner", "See your events", "Create and change events", "Since")
		b.look(t, "connected")
		b.do(t, chromedp.Click(css("summary")), chromedp.WaitVisible(css("details button")))
		b.look(t, "connected-open")
		b.press(t, "details button")
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
