package main

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/store/memory"
)

// visitor uses the console as a browser without scripts does. Each page it is shown is looked over.
type visitor struct {
	t       testing.TB
	client  *http.Client
	address string
	page    answered // shown last
}

// visit signs a user in to the console.
func visit(t testing.TB, address, email string) *visitor {
	t.Helper()
	v := &visitor{t: t, client: newBrowser(t), address: address}
	if email == "" {
		return v
	}
	v.open(http.StatusOK, "/console/")
	v.send(http.StatusOK, "/sign-in", "email", email, "password", "Password123!")
	if !strings.HasSuffix(v.page.Request.URL.Path, "/console/") {
		t.Fatalf("after signing in %s is at %s", email, v.page.Request.URL.Path)
	}
	return v
}

// open goes to a page, which must be answered with the status after all redirects.
func (v *visitor) open(status int, path string) {
	v.t.Helper()
	v.follow(status, get(v.t, v.client, v.address+path))
}

// follow goes where redirects lead, for as long as that is the console.
func (v *visitor) follow(status int, a answered) {
	v.t.Helper()
	for a.StatusCode == http.StatusSeeOther {
		to, err := a.Location()
		if err != nil || !strings.HasPrefix(to.String(), v.address+"/") {
			v.t.Fatalf("led to %v, %v; wanted a page of the service", to, err)
		}
		a = get(v.t, v.client, to.String())
	}
	v.page = a
	if a.StatusCode != status {
		v.t.Fatalf("%s %s: status %d, wanted %d:\n%s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, text(a.body))
	}
	lookOver(v.t, a)
}

var (
	formPattern   = regexp.MustCompile(`(?s)<form[^>]*method="post"(?: action="([^"]*)")?>(.*?)</form>`)
	hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// form returns the address and hidden fields of the page's form whose action ends so, with fields, name and
// value in turn, added. A form without an action leads to its own page.
func (v *visitor) form(action string, fields ...string) (string, url.Values) {
	v.t.Helper()
	for _, f := range formPattern.FindAllStringSubmatch(v.page.body, -1) {
		to := v.page.Request.URL.Path
		if f[1] != "" {
			to = html.UnescapeString(f[1])
		}
		if !strings.HasSuffix(to, action) {
			continue
		}
		values := make(url.Values)
		for _, h := range hiddenPattern.FindAllStringSubmatch(f[2], -1) {
			values.Add(html.UnescapeString(h[1]), html.UnescapeString(h[2]))
		}
		for i := 0; i < len(fields); i += 2 {
			values.Add(fields[i], fields[i+1])
		}
		u, err := v.page.Request.URL.Parse(to)
		if err != nil {
			v.t.Fatal(err)
		}
		return u.String(), values
	}
	v.t.Fatalf("%s has no form to %q:\n%s", v.page.Request.URL.Path, action, text(v.page.body))
	return "", nil
}

// send sends that form and goes on to what answers it.
func (v *visitor) send(status int, action string, fields ...string) {
	v.t.Helper()
	to, values := v.form(action, fields...)
	v.post(status, to, values)
}

func (v *visitor) post(status int, to string, values url.Values) {
	v.t.Helper()
	resp, err := v.client.PostForm(to, values)
	v.follow(status, read(v.t, resp, err))
}

// sees checks that the page says all of this.
func (v *visitor) sees(all ...string) {
	v.t.Helper()
	said := text(v.page.body)
	for _, want := range all {
		if !strings.Contains(said, want) {
			v.t.Errorf("%s does not say %q:\n%s", v.page.Request.URL.Path, want, said)
		}
	}
}

// misses checks that the page says nothing of this.
func (v *visitor) misses(all ...string) {
	v.t.Helper()
	said := text(v.page.body)
	for _, unwanted := range all {
		if strings.Contains(said, unwanted) {
			v.t.Errorf("%s says %q:\n%s", v.page.Request.URL.Path, unwanted, said)
		}
	}
}

var tagPattern = regexp.MustCompile(`(?s)<head>.*</head>|<[^>]*>`)

// text is what a page says, in one line.
func text(body string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tagPattern.ReplaceAllString(body, " "))), " ")
}

var (
	idPattern      = regexp.MustCompile(` id="([^"]*)"`)
	usePattern     = regexp.MustCompile(` (?:for|aria-describedby|aria-labelledby)="([^"]*)"`)
	labelPattern   = regexp.MustCompile(`<label for="([^"]*)"`)
	controlPattern = regexp.MustCompile(`<(?:input|textarea|select)\b[^>]*>`)
	anchorPattern  = regexp.MustCompile(`href="#([^"]*)"`)
)

// lookOver checks what holds for every page of the console.
func lookOver(t testing.TB, a answered) {
	t.Helper()
	path := a.Request.URL.Path
	if !strings.Contains(path, "/console/") {
		return
	}
	h := a.Header
	if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") ||
		!strings.Contains(csp, "form-action 'self'") || !strings.Contains(csp, "base-uri 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("%s: Content-Security-Policy is %q", path, csp)
	}
	if h.Get("X-Frame-Options") != "DENY" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("%s: headers %v", path, h)
	}
	for _, once := range []string{"<h1>", "<title>", "<main ", `<html lang="en">`, `class="skip"`} {
		if n := strings.Count(a.body, once); n != 1 {
			t.Errorf("%s has %d of %s, wanted 1", path, n, once)
		}
	}
	for _, inline := range []string{"style=", "onclick=", `href="javascript:`, "<style", "<script>"} {
		if strings.Contains(a.body, inline) {
			t.Errorf("%s has %s", path, inline)
		}
	}
	if strings.Contains(a.body, "ZgotmplZ") || strings.Contains(a.body, "&lt;no value&gt;") {
		t.Errorf("%s has a value that the template could not place", path)
	}
	var ids, labelled []string
	for _, m := range idPattern.FindAllStringSubmatch(a.body, -1) {
		if slices.Contains(ids, m[1]) {
			t.Errorf("%s has two elements of the id %q", path, m[1])
		}
		ids = append(ids, m[1])
	}
	for _, m := range slices.Concat(usePattern.FindAllStringSubmatch(a.body, -1), anchorPattern.FindAllStringSubmatch(a.body, -1)) {
		for id := range strings.FieldsSeq(m[1]) {
			if !slices.Contains(ids, id) {
				t.Errorf("%s names the id %q, which nothing has", path, id)
			}
		}
	}
	for _, m := range labelPattern.FindAllStringSubmatch(a.body, -1) {
		labelled = append(labelled, m[1])
	}
	for _, control := range controlPattern.FindAllString(a.body, -1) {
		if strings.Contains(control, `type="hidden"`) {
			continue
		}
		if id := idPattern.FindStringSubmatch(control); id == nil || !slices.Contains(labelled, id[1]) {
			t.Errorf("%s has a field without a label: %s", path, control)
		}
	}
	if failed := strings.Contains(a.body, "<title>Error: "); failed != strings.Contains(a.body, `role="alert"`) {
		t.Errorf("%s: an error in the title is %t, and on the page it is not so", path, failed)
	}
}

// newAppForm is what a developer writes, name and value in turn.
func newAppForm(name, redirect string) []string {
	return []string{"client_name", name, "description", "Does what " + name + " does.", "redirect_uris", redirect,
		"token_endpoint_auth_method", "client_secret_basic", "grant_types", "people",
		"need read:events", "must", "need write:events", "may", "categories", "seating, check-in"}
}

var (
	secretPattern = regexp.MustCompile(`<code id="secret"[^>]*>([^<]*)</code>`)
	clientPattern = regexp.MustCompile(`<code id="client-id">([^<]*)</code>`)
)

// registers makes an app by the form, and returns its ID and secret.
func (v *visitor) registers(name, redirect string) (id, secret string) {
	v.t.Helper()
	v.open(http.StatusOK, "/console/apps/new")
	v.send(http.StatusCreated, "/apps/new", newAppForm(name, redirect)...)
	return v.shownSecret()
}

func (v *visitor) shownSecret() (id, secret string) {
	v.t.Helper()
	shown, client := secretPattern.FindStringSubmatch(v.page.body), clientPattern.FindStringSubmatch(v.page.body)
	if shown == nil || client == nil || len(shown[1]) < 40 {
		v.t.Fatalf("%s shows no secret", v.page.Request.URL.Path)
	}
	return client[1], shown[1]
}

// publishes takes a new app of the developer's through review by the forms.
func (v *visitor) publishes(id string, reviewer *visitor) {
	v.t.Helper()
	v.open(http.StatusOK, "/console/apps/"+id)
	v.send(http.StatusOK, "/submit")
	reviewer.open(http.StatusOK, "/console/review/"+id)
	reviewer.send(http.StatusOK, "/approve")
	reviewer.send(http.StatusOK, "/publish", "listed", "yes", "shared", "yes")
}

// demo serves the demonstration, or another configuration, and returns the address.
func demo(t testing.TB, conf *config) string {
	t.Helper()
	if conf == nil {
		conf = demonstration()
	}
	_, address := serveOn(t, conf, memory.New(), "")
	return address
}
