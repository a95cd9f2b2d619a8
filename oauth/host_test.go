package oauth_test

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

// host is a service that embeds the server: users, sessions, two plain pages, and a clock that tests set.
type host struct {
	t   testing.TB
	srv *oauth.Server
	url string

	config oauth.Config
	keys   *token.Keys

	mu       sync.Mutex
	now      time.Time
	sessions map[string]*oauth.Login
	events   []oauth.Event
	pages    int
}

const (
	secret   = "0123456789abcdef0123456789abcdef"
	api      = "https://api.example.com"
	files    = "https://files.example.com"
	callback = "https://web.example.com/cb"
	loopback = "http://127.0.0.1/callback"
)

func hashed(plain string) []registry.Secret {
	sum := sha256.Sum256([]byte(plain))
	return []registry.Secret{{ID: "1", Hash: sum[:]}}
}

// apps is a set with one app of each kind; change edits it.
func apps(change ...func(registry.Static)) registry.Static {
	all := []string{"read", "write", "admin"}
	code := []string{"authorization_code", "refresh_token"}
	s := registry.Static{
		{ID: "pub", Manifest: registry.Manifest{Name: "Public", AuthMethod: "none", RedirectURIs: []string{loopback}, Scopes: all}},
		{ID: "spa", Manifest: registry.Manifest{Name: "Browser app", AuthMethod: "none", RedirectURIs: []string{"https://spa.example.com/cb"}, Scopes: all}},
		{ID: "web", Secrets: hashed(secret), Manifest: registry.Manifest{Name: "Web", RedirectURIs: []string{callback}, Scopes: all, GrantTypes: code}},
		{ID: "two", Secrets: hashed(secret), Manifest: registry.Manifest{Name: "Two", AuthMethod: "client_secret_post",
			RedirectURIs: []string{"https://two.example.com/a", "https://two.example.com/b?x=1"}, Scopes: all, RequiredScopes: []string{"read"}, GrantTypes: code}},
		{ID: "first", Secrets: hashed(secret), Policy: registry.Policy{FirstParty: true}, Manifest: registry.Manifest{Name: "First", RedirectURIs: []string{callback}, Scopes: all}},
		{ID: "opaque", Secrets: hashed(secret), Policy: registry.Policy{Opaque: true}, Manifest: registry.Manifest{Name: "Opaque", RedirectURIs: []string{callback}, Scopes: all,
			GrantTypes: append(code, "client_credentials")}},
		{ID: "svc", Secrets: hashed(secret), Manifest: registry.Manifest{Name: "Service", Scopes: []string{"read", "write"}, GrantTypes: []string{"client_credentials"}}},
		{ID: "api", Secrets: hashed(secret), Policy: registry.Policy{MayIntrospect: true, Resources: []string{api}}, Manifest: registry.Manifest{Name: "API", GrantTypes: []string{"client_credentials"}}},
	}
	for _, f := range change {
		f(s)
	}
	return s
}

func edit(s registry.Static, id string) *registry.App {
	return &s[slices.IndexFunc(s, func(a registry.App) bool { return a.ID == id })]
}

func newSigner(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newKeys(t testing.TB) *token.Keys {
	t.Helper()
	keys, err := token.NewKeys(token.Key{Signer: newSigner(t)})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// newHost starts a host; change edits its configuration before.
func newHost(t testing.TB, change ...func(*oauth.Config)) *host {
	t.Helper()
	h := &host{t: t, now: time.Now().Truncate(time.Second), sessions: make(map[string]*oauth.Login), keys: newKeys(t)}
	ts := httptest.NewUnstartedServer(nil)
	h.url = "http://" + ts.Listener.Addr().String()
	h.config = oauth.Config{
		Issuer: h.url, Store: memory.New(), Keys: h.keys, Apps: apps(), Secrets: [][]byte{[]byte(secret)},
		Resources: []string{api, files},
		SignedIn:  h.signedIn, Interact: h.page, Now: h.clock,
		Observe: func(_ context.Context, e oauth.Event) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.events = append(h.events, e)
		},
	}
	for _, f := range change {
		f(&h.config)
	}
	var err error
	if h.srv, err = oauth.New(h.config); err != nil {
		t.Fatal(err)
	}
	ts.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.srv.ServeHTTP(w, r) })
	ts.Start()
	t.Cleanup(ts.Close)
	return h
}

// restart puts a new server in the place of the old one, as another process on the same store would be.
func (h *host) restart(change ...func(*oauth.Config)) {
	h.t.Helper()
	for _, f := range change {
		f(&h.config)
	}
	srv, err := oauth.New(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	h.srv = srv
}

func (h *host) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *host) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// lastEvent returns the newest event.
func (h *host) lastEvent() oauth.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.events) == 0 {
		h.t.Fatal("no event")
	}
	return h.events[len(h.events)-1]
}

func (h *host) signedIn(r *http.Request) (*oauth.Login, error) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[cookie.Value], nil
}

// page is the host's Interact: a sign-in form whose user field is believed, and a consent form.
func (h *host) page(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
	h.mu.Lock()
	h.pages++
	h.mu.Unlock()
	switch {
	case a.Login == nil && r.Method == http.MethodPost:
		h.start(w, &oauth.Login{Subject: r.PostFormValue("user"), Tenant: r.PostFormValue("tenant")})
		http.Redirect(w, r, a.URL, http.StatusSeeOther)
	case a.Login == nil:
		fmt.Fprintf(w, `<form class=signin method=post action="%s">`, html.EscapeString(a.URL))
	case r.Method != http.MethodPost:
		fmt.Fprintf(w, `<form class=consent method=post action="%s">scopes=%q new=%q`, html.EscapeString(a.URL), a.Scopes, a.NewScopes)
	case r.PostFormValue("allow") == "yes":
		ap := &oauth.Approval{}
		if r.PostForm.Has("scope") {
			ap.Scopes = strings.Fields(r.PostFormValue("scope"))
		}
		a.Approve(w, r, ap)
	default:
		a.Deny(w, r, nil)
	}
}

// start begins a session of l, now.
func (h *host) start(w http.ResponseWriter, l *oauth.Login) {
	id := rand.Text()
	h.mu.Lock()
	defer h.mu.Unlock()
	l.Session, l.Time = id, cmpTime(l.Time, h.now)
	h.sessions[id] = l
	http.SetCookie(w, &http.Cookie{Name: "session", Value: id, Path: "/"})
}

func cmpTime(t, zero time.Time) time.Time {
	if t.IsZero() {
		return zero
	}
	return t
}

// browser is a user agent with a cookie jar that follows no redirect by itself.
type browser struct {
	h    *host
	http *http.Client
}

func (h *host) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{h, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signedInAs returns a browser with a session of the subject.
func (h *host) signedInAs(l oauth.Login) *browser {
	b := h.browser()
	rec := httptest.NewRecorder()
	h.start(rec, &l)
	u, _ := url.Parse(h.url)
	b.http.Jar.SetCookies(u, rec.Result().Cookies())
	return b
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

func (b *browser) do(method, target string, form url.Values) answer {
	b.h.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.h.url + target
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", b.h.url)
	}
	return read(b.h.t, b.http, req)
}

func read(t testing.TB, client *http.Client, req *http.Request) answer {
	t.Helper()
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(text)}
}

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// request is a good authorization request of the app, with pairs of names and values set over it; an
// empty value removes.
func (h *host) request(app string, set ...string) url.Values {
	s, _ := h.config.Apps.(registry.Static)
	v := url.Values{"response_type": {"code"}, "client_id": {app}, "scope": {"read write"}, "state": {"xyz"},
		"code_challenge": {pkce.Challenge(verifier)}, "code_challenge_method": {"S256"}}
	if s != nil {
		v.Set("redirect_uri", edit(s, app).Manifest.RedirectURIs[0])
	}
	return with(v, set...)
}

func with(v url.Values, set ...string) url.Values {
	for i := 0; i < len(set); i += 2 {
		if set[i+1] == "" {
			v.Del(set[i])
		} else {
			v.Set(set[i], set[i+1])
		}
	}
	return v
}

var formAction = regexp.MustCompile(`<form class=(\w+) method=post action="([^"]+)">`)

// form returns the kind and the target of the page's form.
func (a answer) form(t testing.TB) (kind, action string) {
	t.Helper()
	m := formAction.FindStringSubmatch(a.body)
	if m == nil {
		t.Fatalf("no form in the answer: %d %q", a.StatusCode, a.body)
	}
	return m[1], html.UnescapeString(m[2])
}

// location returns the query that the app gets.
func (a answer) location(t testing.TB) url.Values {
	t.Helper()
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("got %d %q, want a redirect", a.StatusCode, a.body)
	}
	u, err := a.Response.Location()
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func (b *browser) authorize(v url.Values) answer { return b.do("GET", "/authorize?"+v.Encode(), nil) }

// code goes through the pages as a user who allows everything, and returns the code.
func (b *browser) code(v url.Values) string {
	b.h.t.Helper()
	a := b.authorize(v)
	if a.StatusCode == http.StatusOK {
		kind, action := a.form(b.h.t)
		if kind != "consent" {
			b.h.t.Fatalf("got a %s page, want consent", kind)
		}
		a = b.do("POST", action, url.Values{"allow": {"yes"}})
	}
	code := a.location(b.h.t).Get("code")
	if code == "" {
		b.h.t.Fatalf("no code in %v", a.location(b.h.t))
	}
	return code
}

// reply is an answer in JSON.
type reply struct {
	answer
	json map[string]any
}

func (r reply) str(name string) string { s, _ := r.json[name].(string); return s }

// want checks status and error code.
func (r reply) want(t testing.TB, status int, code string) reply {
	t.Helper()
	if r.StatusCode != status || r.str("error") != code {
		t.Fatalf("got %d %s, want %d %q", r.StatusCode, r.body, status, code)
	}
	return r
}

// post sends a form to an endpoint as the app, by the method that it registered.
func (h *host) post(app, path string, form url.Values) reply {
	h.t.Helper()
	form = url.Values(http.Header(form).Clone())
	header := http.Header{}
	switch app {
	case "":
	case "pub", "spa":
		form.Set("client_id", app)
	case "two":
		form.Set("client_id", app)
		form.Set("client_secret", secret)
	default:
		header.Set("Authorization", basic(app, secret))
	}
	return h.raw(path, header, form.Encode())
}

func basic(id, password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(password))
	return r.Header.Get("Authorization")
}

func (h *host) raw(path string, header http.Header, body string) reply {
	h.t.Helper()
	req, err := http.NewRequest("POST", h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header = header
	req.Header.Set("Content-Type", cmp.Or(header.Get("Content-Type"), "application/x-www-form-urlencoded"))
	a := read(h.t, http.DefaultClient, req)
	r := reply{answer: a}
	if a.body != "" {
		if err := json.Unmarshal([]byte(a.body), &r.json); err != nil {
			h.t.Fatalf("%s: %d %q: %v", path, a.StatusCode, a.body, err)
		}
	}
	if got := a.Header.Get("Content-Type"); got != "application/json" {
		h.t.Errorf("%s: Content-Type is %q", path, got)
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		h.t.Errorf("%s: Cache-Control is %q", path, got)
	}
	return r
}

// exchange redeems a code of the request v.
func (h *host) exchange(v url.Values, code string, set ...string) reply {
	h.t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}}
	if uri := v.Get("redirect_uri"); uri != "" {
		form.Set("redirect_uri", uri)
	}
	return h.post(v.Get("client_id"), "/token", with(form, set...))
}

func (h *host) refresh(app, tok string, set ...string) reply {
	h.t.Helper()
	return h.post(app, "/token", with(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok}}, set...))
}

// introspect asks as the app that a token was given to.
func (h *host) introspect(app, tok string) reply {
	h.t.Helper()
	return h.post(app, "/introspect", url.Values{"token": {tok}})
}

// active reports whether the token is worth anything now, in process.
func (h *host) active(tok string) bool {
	h.t.Helper()
	_, err := h.srv.Introspect(h.t.Context(), tok)
	return err == nil
}

// login gives alice tokens for the app by the whole flow.
func (h *host) login(app string, set ...string) reply {
	h.t.Helper()
	v := h.request(app, set...)
	return h.exchange(v, h.signedInAs(oauth.Login{Subject: "alice"}).code(v)).want(h.t, 200, "")
}
