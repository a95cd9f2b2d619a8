package attack

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
)

// attackCase is a request to a server that is in order, with one fault in it.
type attackCase struct {
	Attack, Name string

	Base string // authorize, exchange, refresh, credentials, introspect, revoke or api
	App  string // whose request it is; web

	Set    map[string]string // parameters to replace; "" takes one away
	Add    map[string]string // parameters that come a second time
	Raw    string            // in the place of all parameters
	Query  string            // added to the URL of a form
	Method string
	Path   string
	Header map[string][]string // null takes one away

	Want want
}

// want is the outcome.
type want struct {
	Page     int               // the status of an answer that is shown to the user and sends him nowhere
	Redirect string            // the error that the app is told by a redirect
	Status   int               // of an answer to the client itself
	Error    string            // its error; "" with a status below 400 is success
	Body     map[string]any    // the whole of its JSON
	Header   map[string]string // further headers
	Ends     bool              // the refusal ends the grant, on purpose
	Works    bool              // not refused: it is in order after all
	Quiet    bool              // no event: nothing was asked of the server
	Unread   bool              // the store was not even asked
}

var attackID = regexp.MustCompile(`A\d{3}`)

// run tries the cases of the test's line.
func run(t *testing.T) {
	t.Helper()
	id := attackID.FindString(t.Name())
	n := 0
	for _, c := range allCases(t) {
		if c.Attack == id {
			n++
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				c.try(t)
			})
		}
	}
	if n == 0 {
		t.Fatalf("%s has no cases", id)
	}
}

// namedCase is a case of any surface.
type namedCase struct {
	Attack, Name string

	try func(t *testing.T)
}

// surfaces are the files whose cases are no requests to a server.
var surfaces = map[string]func(path string) ([]namedCase, error){
	"testdata/jose_cases.json":     reader(tryToken),
	"testdata/guard_cases.json":    reader(tryToken),
	"testdata/registry_cases.json": reader(tryManifest),
	"testdata/fetch_cases.json":    reader(tryFetch),
}

// reader reads files of cases that try tries.
func reader[C any](try func(*testing.T, C)) func(path string) ([]namedCase, error) {
	return func(path string) ([]namedCase, error) {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		var cases []C
		var named []namedCase
		if err := errors.Join(d.Decode(&cases), json.Unmarshal(b, &named)); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for i := range named {
			named[i].try = func(t *testing.T) { try(t, cases[i]) }
		}
		return named, nil
	}
}

var readCases = sync.OnceValues(func() (all []namedCase, err error) {
	paths, _ := filepath.Glob("testdata/*_cases.json")
	for _, path := range paths {
		read := surfaces[path]
		if read == nil {
			read = reader(try)
		}
		cases, err := read(path)
		if err != nil {
			return nil, err
		}
		all = append(all, cases...)
	}
	return all, nil
})

func allCases(t *testing.T) []namedCase {
	t.Helper()
	all, err := readCases()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// try sends one case and judges the outcome.
func try(t *testing.T, c attackCase) {
	w := newWorld(t)
	defer w.tight()
	if c.App == "" {
		c.App = "web"
	}
	base, again := w.base(c)
	r := *base
	r.params, r.header = url.Values(http.Header(base.params).Clone()), base.header.Clone()
	if r.header == nil {
		r.header = make(http.Header)
	}
	fill := w.filler(base)
	for name, value := range c.Set {
		r.params.Del(name)
		if value != "" {
			r.params.Set(name, fill(value))
		}
	}
	for name, value := range c.Add {
		r.params.Add(name, fill(value))
	}
	for name, values := range c.Header {
		r.header[name] = nil
		for _, v := range values {
			r.header[name] = append(r.header[name], fill(v))
		}
	}
	r.raw, r.query = fill(c.Raw), fill(cmp.Or(c.Query, r.query))
	if c.Method != "" {
		r.method = c.Method
	}
	if c.Path != "" {
		r.path = c.Path
	}
	a := w.do(&r)
	judge(t, w, c, &r, a)
	if !c.Want.Works && again != nil {
		again(c.Want.Ends)
	}
}

// base is the request in order, and a check that it still is, or with over that it is not any more.
func (w *world) base(c attackCase) (r *request, again func(over bool)) {
	w.t.Helper()
	succeeds := func(r *request) func(over bool) {
		return func(over bool) {
			w.t.Helper()
			switch a := w.do(r); {
			case a.status != http.StatusOK && !over:
				w.t.Errorf("the request in order does not work any more: %d %s", a.status, a.body)
			case a.status == http.StatusOK && over:
				w.t.Error("the request in order still works")
			}
		}
	}
	switch c.Base {
	case "authorize":
		s := &session{app: c.App, verifier: "a-verifier-of-forty-three-characters-000000"}
		r := w.authorizeRequest(s)
		return r, func(bool) {
			if a := w.authorize(w.authorizeRequest(s)); a.location().Get("code") == "" {
				w.t.Errorf("the request in order does not work any more: %d %s", a.status, a.body)
			}
		}
	case "consent":
		target, cookies := w.consentPage(&session{app: c.App, verifier: "a-verifier-of-forty-three-characters-000000"})
		r := &request{method: http.MethodPost, header: make(http.Header)}
		r.path, r.query, _ = strings.Cut(target, "?")
		for _, c := range cookies {
			r.header.Add("Cookie", c.Name+"="+c.Value)
		}
		return r, func(bool) {
			if a := w.do(r); w.keep("code", a.location().Get("code")) == "" {
				w.t.Errorf("the form in order gets %d %s", a.status, a.body)
			}
		}
	case "exchange":
		r := w.exchangeRequest(w.begin(c.App))
		return r, succeeds(r)
	case "refresh":
		r := w.refreshRequest(w.signIn(c.App))
		return r, succeeds(r)
	case "credentials":
		r := w.as(c.App, &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}})
		return r, succeeds(r)
	case "introspect":
		s := w.signIn(c.App)
		r := w.as(c.App, &request{method: http.MethodPost, path: "/introspect", params: url.Values{"token": {s.access}}})
		return r, func(over bool) {
			if got := w.active(s.access); got == over {
				w.t.Errorf("the token is active: %t", got)
			}
		}
	case "revoke":
		s := w.signIn(c.App)
		r := w.as(c.App, &request{method: http.MethodPost, path: "/revoke", params: url.Values{"token": {s.refresh}}})
		return r, func(over bool) {
			if got := w.active(s.access); got == over {
				w.t.Errorf("the token is active: %t", got)
			}
		}
	case "api":
		s := w.signIn(c.App)
		r := &request{method: http.MethodGet, path: "/api", header: http.Header{"Authorization": {"Bearer " + s.access}}}
		return r, succeeds(r)
	}
	w.t.Fatalf("unknown base %q", c.Base)
	return nil, nil
}

var placeholder = regexp.MustCompile(`\{[A-Za-z][^{}]*\}`)

// repeated are the values that a file cannot hold: so many letters, dots, scopes or parameters, and a byte.
var repeated = map[string]func(n int) string{
	"byte":       func(n int) string { return string([]byte{byte(n)}) },
	"long":       func(n int) string { return strings.Repeat("a", n) },
	"dots":       func(n int) string { return strings.Repeat(".", n) },
	"parameters": func(n int) string { return strings.TrimSuffix(strings.Repeat("a&", n), "&") },
	"scopes": func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(" s" + strconv.Itoa(i))
		}
		return b.String()[1:]
	},
}

// filler puts values in the place of what a case names: {refresh_token} and the like of the request in order,
// {long 5000} for so many letters, {basic id secret} for an Authorization header, {secret app} for an app's own,
// {access of app}, {refresh of app} and {code of app} for what another grant has, {ticket of another} for the page
// of another browser.
func (w *world) filler(base *request) func(string) string {
	return func(s string) string {
		return placeholder.ReplaceAllStringFunc(s, func(name string) string {
			f := strings.Fields(strings.Trim(name, "{}"))
			switch {
			case len(f) == 2 && repeated[f[0]] != nil:
				n, _ := strconv.Atoi(f[1])
				return repeated[f[0]](n)
			case len(f) == 3 && f[0] == "basic":
				r := &http.Request{Header: make(http.Header)}
				r.SetBasicAuth(f[1], strings.ReplaceAll(f[2], "own", secretOf(f[1])))
				return r.Header.Get("Authorization")
			case len(f) == 3 && f[0] == "ticket":
				target, _ := w.consentPage(&session{app: "web", verifier: "a-verifier-of-forty-three-characters-000000"})
				_, query, _ := strings.Cut(target, "?")
				return query
			case len(f) == 2 && f[0] == "secret":
				return secretOf(f[1])
			case len(f) == 3 && f[0] == "access":
				return w.signIn(f[2]).access
			case len(f) == 3 && f[0] == "refresh":
				return w.signIn(f[2]).refresh
			case len(f) == 3 && f[0] == "code":
				return w.begin(f[2]).code
			case len(f) == 1 && base.params.Has(f[0]):
				return base.params.Get(f[0])
			case len(f) == 1 && base.header.Get(f[0]) != "":
				return base.header.Get(f[0])
			case len(f) == 1 && f[0] == "issuer":
				return w.url
			case len(f) == 1 && f[0] == "ISSUER":
				return strings.ToUpper(w.url)
			}
			w.t.Fatalf("unknown placeholder %s", name)
			return ""
		})
	}
}

// judge holds an answer to what a case wants, and a refusal to what every refusal owes.
func judge(t *testing.T, w *world, c attackCase, r *request, a *answer) {
	t.Helper()
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s is %q", name, a.header[name])
		}
	}
	if text := fmt.Sprint(a.header, a.body, a.events); strings.Contains(text, "evil.example") {
		t.Errorf("what the request said comes back: %s", text)
	}
	switch want := c.Want; {
	case want.Works:
		w.worked(c, r, a)
	case want.Page != 0:
		shown(t, a, want.Page)
	case want.Redirect != "":
		redirected(t, w, r, a, want.Redirect)
	default:
		if a.status != want.Status || a.str("error") != want.Error {
			t.Errorf("got %d %s, want %d %q", a.status, a.body, want.Status, want.Error)
		}
		told(t, r, a)
	}
	for name, value := range c.Want.Header {
		if got := a.header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if c.Want.Body != nil {
		got, _ := json.Marshal(a.json)
		wanted, _ := json.Marshal(c.Want.Body)
		if string(got) != string(wanted) {
			t.Errorf("got %s, want %s", a.body, wanted)
		}
	}
	if c.Want.Works || c.Want.Error == "" && c.Want.Page == 0 && c.Want.Redirect == "" && a.status < 400 {
		return
	}
	refusal(t, w, c, r, a)
}

// worked checks that a request did what it asks for, and not only that nobody complained.
func (w *world) worked(c attackCase, r *request, a *answer) {
	w.t.Helper()
	if a.status >= 400 || a.location().Has("error") {
		w.t.Errorf("got %d %s %s, want success", a.status, a.header.Get("Location"), a.body)
		return
	}
	if c.Base != "authorize" && c.Base != "api" && c.Base != "revoke" {
		told(w.t, r, a)
	}
	switch c.Base {
	case "authorize":
		if !strings.HasPrefix(a.body, "consent ") {
			w.t.Errorf("no page: %d %s", a.status, a.body)
		}
	case "introspect":
		if a.json["active"] != true {
			w.t.Errorf("introspection says %s", a.body)
		}
	case "revoke":
		refresh := w.as(c.App, &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.params.Get("token")}}})
		if again := w.do(refresh); again.str("error") != "invalid_grant" || a.body != "" {
			w.t.Errorf("the answer is %q, and the token then gets %d %s", a.body, again.status, again.body)
		}
	case "exchange", "refresh", "credentials":
		if !w.active(a.str("access_token")) {
			w.t.Errorf("no token: %s", a.body)
		}
	}
}

// refusal checks what every refused request owes.
func refusal(t *testing.T, w *world, c attackCase, r *request, a *answer) {
	t.Helper()
	var e *oauth.Error
	if a.writes != 0 && !c.Want.Ends {
		t.Errorf("%d writes to the store: %q", a.writes, w.store.writes[len(w.store.writes)-a.writes:])
	}
	if a.reads != 0 && c.Want.Unread {
		t.Errorf("%d reads of the store, want none", a.reads)
	}
	switch events := a.events; {
	case c.Base == "api" || c.Want.Quiet:
		if len(events) > 0 {
			t.Errorf("events %+v, want none", events)
		}
	case len(events) != 1:
		t.Errorf("%d events, want one", len(events))
	case !errors.As(events[0].Err, &e) || e.Code != cmp.Or(c.Want.Error, c.Want.Redirect, e.Code) || "/"+events[0].Endpoint != r.path:
		t.Errorf("the event tells of another refusal: %+v", events[0])
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	text := a.body
	for name, values := range a.header {
		if name != "Location" && name != "Set-Cookie" { // state and issuer go back, and a cookie is the browser's
			text += strings.Join(values, "\n")
		}
	}
	w.leaks("the refusal holds", text)
}

// shown checks a refusal that the user sees.
func shown(t *testing.T, a *answer, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("got %d %s, want %d", a.status, a.body, status)
	}
	if to := a.header.Get("Location"); to != "" {
		t.Errorf("redirected to %q", to)
	}
	for name, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("Content-Security-Policy is %q", csp)
	}
	if got := a.header.Values("Set-Cookie"); len(got) > 0 {
		t.Errorf("it sets a cookie: %q", got)
	}
}

// redirected checks a refusal that goes to the app: at its registered URI, with state and issuer as they were,
// and without a code.
func redirected(t *testing.T, w *world, r *request, a *answer, code string) {
	t.Helper()
	to, q := a.header.Get("Location"), a.location()
	if a.status != http.StatusSeeOther || q.Get("error") != code {
		t.Fatalf("got %d %s %s, want a redirect with %q", a.status, to, a.body, code)
	}
	app := r.params.Get("client_id")
	if registered := w.redirect(app); !strings.HasPrefix(to, registered+"?") {
		t.Errorf("redirected to %q, want %q", to, registered)
	}
	if q.Get("iss") != w.url || len(q["iss"]) != 1 || q.Has("code") || len(q["error"]) != 1 {
		t.Errorf("redirected to %q", to)
	}
	if sent := r.params["state"]; len(sent) == 1 && code != "invalid_request" && q.Get("state") != sent[0] {
		t.Errorf("state is %q, want %q", q.Get("state"), sent[0])
	}
	if strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r > '~' }) {
		t.Errorf("redirected to %q", to)
	}
}

// told checks an answer to the client itself.
func told(t *testing.T, r *request, a *answer) {
	t.Helper()
	if r.path == "/api" {
		challenge := a.header.Get("WWW-Authenticate")
		if a.status == http.StatusUnauthorized != strings.HasPrefix(challenge, "Bearer") && a.status != http.StatusBadRequest && a.status != http.StatusForbidden {
			t.Errorf("status %d with the challenge %q", a.status, challenge)
		}
		return
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"} {
		if got := a.header.Get(name); got != want && a.status != http.StatusNotFound {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	challenge := a.header.Get("WWW-Authenticate")
	if used := len(r.header["Authorization"]) > 0; (a.status == http.StatusUnauthorized && used) != strings.HasPrefix(challenge, `Basic realm="`) {
		t.Errorf("status %d with the challenge %q", a.status, challenge)
	}
	if a.status >= 400 && a.status != http.StatusNotFound && r.method != http.MethodHead {
		if _, ok := a.json["access_token"]; ok || !slices.Contains([]string{"error", "error,error_description"}, members(a.json)) {
			t.Errorf("a refusal of %s", a.body)
		}
	}
}

// members are the names of an object, in order.
func members(object map[string]any) string {
	var names []string
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func decode(b []byte, v any) { json.Unmarshal(b, v) }
