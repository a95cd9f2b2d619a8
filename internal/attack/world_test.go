package attack

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

const (
	api   = "https://api.example.com"
	files = "https://files.example.com"
)

// world is a server, an API behind its guard, and the apps and the user that the cases speak of. It sees all that
// is asked, answered, stored and reported.
type world struct {
	t      *testing.T
	url    string
	server *oauth.Server
	config oauth.Config
	keys   *token.Keys
	store  *recording
	http   http.RoundTripper // its own: closing a server closes the idle connections of the default one

	mu      sync.Mutex
	now     time.Time
	events  []oauth.Event
	seen    bytes.Buffer // all that others than the client could read: events, log lines
	secrets map[string]string
	login   *oauth.Login // who is signed in; nil: nobody
}

// recording is a store that counts what changes it, and fails when told to.
type recording struct {
	store.Store
	mu     sync.Mutex
	reads  int
	writes []string                // "create g/…", in order
	fail   func(call string) error // before the effect
}

func (s *recording) call(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail(name)
	}
	return nil
}

// write makes a change, and counts it if it happened.
func (s *recording) write(name string, change func() error) error {
	if err := s.call(name); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, name)
	return nil
}

func (s *recording) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if err := s.call("get"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.reads++
	s.mu.Unlock()
	return s.Store.Get(ctx, keys...)
}

func (s *recording) Create(ctx context.Context, r store.Record) error {
	return s.write("create "+r.Key[:2], func() error { return s.Store.Create(ctx, r) })
}

func (s *recording) Swap(ctx context.Context, r store.Record) error {
	return s.write("swap "+r.Key[:2], func() error { return s.Store.Swap(ctx, r) })
}

func (s *recording) read() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

func (s *recording) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writes)
}

var signers = sync.OnceValue(func() [2]*ecdsa.PrivateKey {
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		keys[i], _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return keys
})

// The secret of every confidential app is its own.
func secretOf(app string) string { return "secret-of-" + app + "-5f3759df86ce4a0bb1c3c6ee" }

func apps() registry.Static {
	hashed := func(app string) []registry.Secret {
		sum := sha256.Sum256([]byte(secretOf(app)))
		return []registry.Secret{{ID: "1", Hash: sum[:]}}
	}
	all := []string{"read", "write", "admin"}
	code := []string{"authorization_code", "refresh_token"}
	assertions, _ := token.NewKeys(token.Key{ID: "its", Signer: signers()[1]})
	return registry.Static{
		{ID: "web", Secrets: hashed("web"), Manifest: registry.Manifest{Name: "Web", RedirectURIs: []string{"https://web.example.com/cb"}, Scopes: all, GrantTypes: code}},
		{ID: "rival", Secrets: hashed("rival"), Manifest: registry.Manifest{Name: "Rival", RedirectURIs: []string{"https://rival.example.com/cb"}, Scopes: []string{"read", "write", "other"}, GrantTypes: code}},
		{ID: "two", Secrets: hashed("two"), Manifest: registry.Manifest{Name: "Two", AuthMethod: "client_secret_post",
			RedirectURIs: []string{"https://two.example.com/a", "https://two.example.com/b?x=1"}, Scopes: all, RequiredScopes: []string{"read"}, GrantTypes: code}},
		{ID: "spa", Manifest: registry.Manifest{Name: "Browser app", AuthMethod: "none", RedirectURIs: []string{"https://spa.example.com/cb"}, Scopes: all, GrantTypes: code}},
		{ID: "cli", Manifest: registry.Manifest{Name: "CLI", AuthMethod: "none", RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost/cb"}, Scopes: all, GrantTypes: code}},
		{ID: "old", Secrets: hashed("old"), Policy: registry.Policy{InsecureNoPKCE: true}, Manifest: registry.Manifest{Name: "Old", RedirectURIs: []string{"https://old.example.com/cb"}, Scopes: all, GrantTypes: code}},
		{ID: "opaque", Secrets: hashed("opaque"), Policy: registry.Policy{Opaque: true}, Manifest: registry.Manifest{Name: "Opaque", RedirectURIs: []string{"https://opaque.example.com/cb"}, Scopes: all, GrantTypes: code}},
		{ID: "job", Secrets: hashed("job"), Manifest: registry.Manifest{Name: "Job", Scopes: []string{"read", "write"}, GrantTypes: []string{"client_credentials"}}},
		{ID: "keyed", Manifest: registry.Manifest{Name: "Keyed", AuthMethod: "private_key_jwt", JWKS: assertions.JWKS(time.Now()), Scopes: []string{"read"}, GrantTypes: []string{"client_credentials"}}},
		{ID: "api", Secrets: hashed("api"), Policy: registry.Policy{MayIntrospect: true, Resources: []string{api}}, Manifest: registry.Manifest{Name: "API", GrantTypes: []string{"client_credentials"}}},
	}
}

func newWorld(t *testing.T, change ...func(*oauth.Config)) *world {
	w := &world{t: t, now: time.Unix(2_000_000_000, 0), secrets: make(map[string]string)}
	w.login = &oauth.Login{Subject: "alice", Tenant: "acme", Session: "session-of-alice-9f8e7d", Time: w.now}
	w.secrets["session"] = w.login.Session
	var err error
	if w.keys, err = token.NewKeys(token.Key{Signer: signers()[0]}); err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewUnstartedServer(nil)
	w.url = "http://" + ts.Listener.Addr().String()
	w.store = &recording{Store: memory.New()}
	log := slog.New(slog.NewJSONHandler(&locked{w}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.config = oauth.Config{
		Issuer: w.url, Store: w.store, Keys: w.keys, Apps: apps(), Secrets: [][]byte{[]byte("server-secret-of-32-bytes-000000")},
		Resources: []string{api, files}, Now: w.clock,
		SignedIn: func(*http.Request) (*oauth.Login, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.login, nil
		},
		Interact: page,
		Observe: func(_ context.Context, e oauth.Event) {
			w.mu.Lock()
			w.events = append(w.events, e)
			w.mu.Unlock()
			log.Debug("event", "event", e, "error", e.Err)
		},
	}
	for _, f := range change {
		f(&w.config)
	}
	if w.server, err = oauth.New(w.config); err != nil {
		t.Fatal(err)
	}
	guard, err := resource.New(resource.Config{FormBody: true, Introspect: w.server.Introspect, Accept: token.VerifierConfig{Issuer: w.config.Issuer, Audience: api, Keys: w.keys, Now: w.clock}})
	if err != nil {
		t.Fatal(err)
	}
	guarded := guard.Require(resource.Need{Scopes: []string{"read"}}, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, resource.Claims(r.Context()).Subject)
	}))
	ts.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api" {
			guarded.ServeHTTP(rw, r)
			return
		}
		w.server.ServeHTTP(rw, r)
	})
	ts.Config.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelError)
	ts.Start()
	w.http = ts.Client().Transport
	t.Cleanup(ts.Close)
	return w
}

// locked is where the log goes.
type locked struct{ w *world }

func (l *locked) Write(b []byte) (int, error) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.w.seen.Write(b)
}

// page is a consent page whose form says yes, and a sign-in page that nobody uses.
func page(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
	switch {
	case a.Login == nil:
		fmt.Fprint(w, "sign in")
	case r.Method == http.MethodPost && r.PostFormValue("deny") == "":
		a.Approve(w, r, nil)
	case r.Method == http.MethodPost:
		a.Deny(w, r, nil)
	default:
		fmt.Fprintf(w, "consent %s", a.URL)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// keep makes a value one that nobody but the client may ever read again.
func (w *world) keep(name, value string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if value != "" {
		w.secrets[name] = value
	}
	return value
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
	events []oauth.Event // that the request caused
	reads  int           // of the store
	writes int           // to it
}

func (a *answer) str(member string) string { s, _ := a.json[member].(string); return s }

// location is the query of the redirect.
func (a *answer) location() url.Values {
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		return nil
	}
	return u.Query()
}

// send makes one request, which follows no redirect.
func (w *world) send(req *http.Request) *answer {
	w.t.Helper()
	w.mu.Lock()
	events := len(w.events)
	w.mu.Unlock()
	reads, writes := w.store.read(), w.store.written()
	res, err := w.http.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.Close { // net/http has taken the header away
		res.Header.Set("Connection", "close")
	}
	a := &answer{status: res.StatusCode, header: res.Header, body: string(body), reads: w.store.read() - reads, writes: w.store.written() - writes}
	json.Unmarshal(body, &a.json)
	w.mu.Lock()
	a.events = append(a.events, w.events[events:]...)
	w.mu.Unlock()
	for _, name := range []string{"access_token", "refresh_token"} {
		w.keep(name+" "+rand.Text(), a.str(name))
	}
	return a
}

// request is one to an endpoint, before it is sent: a form or, at authorize, a query.
type request struct {
	method, path string
	params       url.Values
	header       http.Header
	raw          string // in the place of params
	query        string // beside a form
}

func (w *world) do(r *request) *answer {
	w.t.Helper()
	encoded := cmp.Or(r.raw, r.params.Encode())
	target, body := w.url+r.path, io.Reader(nil)
	if r.method == http.MethodGet && r.path != "/api" {
		target += "?" + encoded
	} else if r.method != http.MethodGet {
		body = strings.NewReader(encoded)
	}
	if r.query != "" {
		target += "?" + r.query
	}
	req, err := http.NewRequest(r.method, target, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	return w.send(req)
}

// as gives a form the authentication of an app.
func (w *world) as(app string, r *request) *request {
	if r.header == nil {
		r.header = make(http.Header)
	}
	switch app {
	case "spa", "cli":
		r.params.Set("client_id", app)
	case "two":
		r.params.Set("client_id", app)
		r.params.Set("client_secret", w.keep("secret of two", secretOf(app)))
	default:
		basic := &http.Request{Header: r.header}
		basic.SetBasicAuth(app, w.keep("secret of "+app, secretOf(app)))
		w.keep("Basic of "+app, strings.TrimPrefix(r.header.Get("Authorization"), "Basic "))
	}
	return r
}

// session is what an app has got so far.
type session struct{ app, verifier, code, refresh, access string }

func (w *world) redirect(app string) string {
	for _, a := range w.config.Apps.(registry.Static) {
		if a.ID == app && len(a.Manifest.RedirectURIs) > 0 {
			return a.Manifest.RedirectURIs[0]
		}
	}
	return ""
}

// authorizeRequest is one that is in order.
func (w *world) authorizeRequest(s *session) *request {
	return &request{method: http.MethodGet, path: "/authorize", params: url.Values{
		"response_type": {"code"}, "client_id": {s.app}, "redirect_uri": {w.redirect(s.app)}, "scope": {"read write"}, "state": {"xyz"},
		"code_challenge": {pkce.Challenge(s.verifier)}, "code_challenge_method": {"S256"}}}
}

// authorize goes through the pages, and returns the answer that goes to the app.
func (w *world) authorize(r *request) *answer {
	w.t.Helper()
	return w.approve(w.do(r))
}

// approve says yes on the page that an answer is. Another answer stays as it is.
func (w *world) approve(a *answer) *answer {
	w.t.Helper()
	target, consent := strings.CutPrefix(a.body, "consent ")
	if a.status != http.StatusOK || !consent {
		return a
	}
	req, err := http.NewRequest(http.MethodPost, w.url+target, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.keep("ticket "+rand.Text(), strings.TrimPrefix(target, "/authorize?ticket="))
	for _, line := range a.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil {
			w.keep("cookie", c.Value)
			req.AddCookie(c)
		}
	}
	return w.send(req)
}

// begin gets a code.
func (w *world) begin(app string) *session {
	w.t.Helper()
	s := &session{app: app, verifier: pkce.NewVerifier()}
	w.keep("verifier "+rand.Text(), s.verifier)
	a := w.authorize(w.authorizeRequest(s))
	if s.code = w.keep("code "+rand.Text(), a.location().Get("code")); s.code == "" {
		w.t.Fatalf("no code for %s: %d %s %s", app, a.status, a.header.Get("Location"), a.body)
	}
	return s
}

func (w *world) exchangeRequest(s *session) *request {
	return w.as(s.app, &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"authorization_code"}, "code": {s.code},
		"code_verifier": {s.verifier}, "redirect_uri": {w.redirect(s.app)}}})
}

func (w *world) refreshRequest(s *session) *request {
	return w.as(s.app, &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.refresh}}})
}

// take keeps the tokens of an answer.
func (s *session) take(t *testing.T, a *answer) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("no tokens for %s: %d %s", s.app, a.status, a.body)
	}
	s.access, s.refresh = a.str("access_token"), cmp.Or(a.str("refresh_token"), s.refresh)
}

// signIn gets tokens.
func (w *world) signIn(app string) *session {
	w.t.Helper()
	s := w.begin(app)
	s.take(w.t, w.do(w.exchangeRequest(s)))
	return s
}

// active reports whether an access token is worth anything.
func (w *world) active(tok string) bool {
	w.t.Helper()
	_, err := w.server.Introspect(w.t.Context(), tok)
	if err != nil && !errors.Is(err, token.ErrInvalid) {
		w.t.Fatal(err)
	}
	return err == nil
}

// tight checks that no secret is in what others could read. It is called at the end of every test.
func (w *world) tight() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leaks("events or logs hold", w.seen.String())
}

// leaks reports the secrets in a text.
func (w *world) leaks(where, text string) {
	w.t.Helper()
	for name, value := range w.secrets {
		if strings.Contains(text, value) {
			w.t.Errorf("%s the %s", where, strings.TrimRight(name, " ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
		}
	}
}
