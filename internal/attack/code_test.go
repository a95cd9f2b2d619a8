package attack

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
)

func TestA041(t *testing.T) { run(t) }
func TestA047(t *testing.T) { run(t) }
func TestA048(t *testing.T) { run(t) }
func TestA050(t *testing.T) { run(t) }
func TestA053(t *testing.T) { run(t) }
func TestA057(t *testing.T) { run(t) }

// refused checks an answer to the client itself, and what every refusal owes but that nothing was written.
func (w *world) refused(a *answer, status int, code string) {
	w.t.Helper()
	if a.status != status || a.str("error") != code || a.str("access_token") != "" {
		w.t.Errorf("got %d %s, want %d %q", a.status, a.body, status, code)
	}
	if len(a.events) != 1 || a.events[0].Err == nil {
		w.t.Errorf("events %+v, want one with an error", a.events)
	}
}

// good checks that a request succeeds.
func (w *world) good(a *answer) *answer {
	w.t.Helper()
	if a.status != http.StatusOK {
		w.t.Errorf("got %d %s, want 200", a.status, a.body)
	}
	return a
}

// unchanged checks that f writes nothing.
func (w *world) unchanged(f func()) {
	w.t.Helper()
	before := w.store.written()
	f()
	if n := w.store.written() - before; n != 0 {
		w.t.Errorf("%d writes, want none", n)
	}
}

// dead checks that nothing of a session works any more.
func (w *world) dead(s *session, access ...string) {
	w.t.Helper()
	for i, tok := range append(access, s.access) {
		if tok != "" && w.active(tok) {
			w.t.Errorf("access token %d still works", i)
		}
	}
	if s.refresh != "" {
		if a := w.do(w.refreshRequest(s)); a.status != http.StatusBadRequest || a.str("error") != "invalid_grant" {
			w.t.Errorf("the refresh token gets %d %s", a.status, a.body)
		}
	}
}

// with returns the request with other parameters: pairs of a name and a value.
func (r *request) with(pairs ...string) *request {
	c := *r
	c.params, c.header = url.Values(http.Header(r.params).Clone()), r.header.Clone()
	for i := 0; i < len(pairs); i += 2 {
		c.params.Set(pairs[i], pairs[i+1])
	}
	return &c
}

func TestA034(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.begin("web")
	exchange := w.exchangeRequest(s)
	s.take(t, w.do(exchange))
	a := w.do(exchange)
	w.refused(a, 400, "invalid_grant")
	if !a.events[0].Reused {
		t.Errorf("the event is %+v, want Reused", a.events[0])
	}
	w.dead(s)
}

func TestA035(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.begin("web")
	exchange := w.exchangeRequest(s)
	s.take(t, w.do(exchange))
	w.unchanged(func() {
		w.refused(w.do(exchange.with("code_verifier", strings.Repeat("a", 43))), 400, "invalid_grant")
		w.refused(w.do(exchange.with("redirect_uri", "https://evil.example")), 400, "invalid_grant")
		w.refused(w.do(w.as("rival", exchange.with())), 400, "invalid_grant")
	})
	w.good(w.do(w.refreshRequest(s)))
}

func TestA036(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	other, s := w.signIn("web"), w.begin("web")
	exchange := w.exchangeRequest(s)
	s.take(t, w.do(exchange))
	w.refused(w.do(exchange), 400, "invalid_grant")
	w.dead(s)
	if !w.active(other.access) {
		t.Error("another grant of the same user and app is over too")
	}
	w.good(w.do(w.refreshRequest(other)))
}

// atOnce runs f so many times, all released together.
func atOnce(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// serve is a request in process, for races, where thousands of connections would measure the network.
func (w *world) serve(srv http.Handler, r *request) *httptest.ResponseRecorder {
	req := httptest.NewRequest(r.method, r.path, strings.NewReader(r.params.Encode()))
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	srv.ServeHTTP(rec, req)
	return rec
}

// TestA037 is the one documented rule of a raced code: one wins, and those who come second end the grant, for a
// code that comes twice is stolen. The case Code/OneWinner of package oauthtest races one on the SQL stores, in the
// tests of package sqlstore.
func TestA037(t *testing.T) {
	for range 5 {
		w := newWorld(t)
		second, err := oauth.New(w.config)
		if err != nil {
			t.Fatal(err)
		}
		s := w.begin("web")
		exchange := w.exchangeRequest(s)
		var won atomic.Int64
		var winner tokens
		atOnce(1000, func(i int) {
			rec := w.serve([]http.Handler{w.server, second}[i%2], exchange)
			switch {
			case rec.Code == http.StatusOK:
				won.Add(1)
				decode(rec.Body.Bytes(), &winner)
			case rec.Code != http.StatusBadRequest || !strings.Contains(rec.Body.String(), `"invalid_grant"`):
				t.Errorf("got %d %s", rec.Code, rec.Body)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d exchanges succeeded, want one", won.Load())
		}
		w.refused(w.do(exchange), 400, "invalid_grant")
		s.access, s.refresh = winner.Access, winner.Refresh
		w.dead(s)
	}
}

// tokens are what an answer in a race gives.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// TestA038 loses the process after the write that spends the code, before its answer.
func TestA038(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.begin("web")
	exchange := w.exchangeRequest(s)
	s.take(t, w.do(exchange)) // which never arrives
	restarted, err := oauth.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.server = restarted
	w.refused(w.do(exchange), 400, "invalid_grant")
	w.dead(s)
	again := w.signIn("web")
	w.good(w.do(w.refreshRequest(again)))
}

var errDown = errors.New("the database is down: server-secret-of-32-bytes")

// TestA039 fails the one write of an exchange: there is no half of it.
func TestA039(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.begin("web")
	exchange := w.exchangeRequest(s)
	w.store.fail = func(call string) error {
		if strings.HasPrefix(call, "swap g/") {
			return errDown
		}
		return nil
	}
	w.refused(w.do(exchange), 503, "temporarily_unavailable")
	w.store.fail = nil
	w.good(w.do(exchange))
}

// TestA042 begins more requests in the same browser, of other apps and then of another user: each code stays what its
// own request was.
func TestA042(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := url.Parse(w.url)
	browse := func(r *request) *answer {
		r.header = make(http.Header)
		for _, c := range jar.Cookies(at) {
			r.header.Add("Cookie", c.String())
		}
		a := w.do(r)
		jar.SetCookies(at, (&http.Response{Header: a.header}).Cookies())
		return a
	}
	open := func(app, scope string) (s *session, target string) {
		s = &session{app: app, verifier: w.keep("verifier of "+app, pkce.NewVerifier())}
		a := browse(w.authorizeRequest(s).with("scope", scope))
		target, ok := strings.CutPrefix(a.body, "consent ")
		if !ok {
			t.Fatalf("no consent page: %d %s", a.status, a.body)
		}
		return s, target
	}
	approve := func(s *session, target string) {
		a := browse(&request{method: http.MethodPost, path: target})
		if s.code = w.keep("code of "+s.app, a.location().Get("code")); s.code == "" {
			t.Fatalf("no code for %s: %d %s", s.app, a.status, a.header.Get("Location"))
		}
	}
	first, page := open("web", "read write")
	second, other := open("rival", "read")
	approve(second, other)
	approve(first, page)
	w.signedIn(&oauth.Login{Subject: "bob", Tenant: "other", Session: "session-of-bob", Time: w.now})
	third, page := open("spa", "admin")
	approve(third, page)

	w.unchanged(func() {
		w.refused(w.do(w.exchangeRequest(first).with("code_verifier", second.verifier)), 400, "invalid_grant")
		w.refused(w.do(w.exchangeRequest(first).with("redirect_uri", w.redirect("rival"))), 400, "invalid_grant")
		w.refused(w.do(w.as("rival", w.exchangeRequest(first).with())), 400, "invalid_grant")
	})
	for _, want := range []struct {
		s              *session
		subject, scope string
	}{{first, "alice", "read write"}, {second, "alice", "read"}, {third, "bob", "admin"}} {
		want.s.take(t, w.do(w.exchangeRequest(want.s)))
		c, err := w.server.Introspect(t.Context(), want.s.access)
		if err != nil || c.ClientID != want.s.app || c.Subject != want.subject || strings.Join(c.Scopes, " ") != want.scope {
			t.Errorf("the token of %s is %+v, %v", want.s.app, c, err)
		}
	}
}

// TestA043 has too a request that named no redirect URI, which an app with one registered may leave out: what the
// token request then names was never asked for.
func TestA043(t *testing.T) {
	run(t)
	w := newWorld(t)
	defer w.tight()
	s := &session{app: "web", verifier: w.keep("verifier", pkce.NewVerifier())}
	ask := w.authorizeRequest(s)
	ask.params.Del("redirect_uri")
	s.code = w.keep("code", w.authorize(ask).location().Get("code"))
	exchange := w.exchangeRequest(s)
	w.unchanged(func() {
		w.refused(w.do(exchange), 400, "invalid_grant")
		w.refused(w.do(exchange.with("redirect_uri", "https://evil.example")), 400, "invalid_grant")
	})
	exchange.params.Del("redirect_uri")
	s.take(t, w.do(exchange))
}

// TestA044 has two issuers on one store, with the same keys and secrets.
func TestA044(t *testing.T) {
	shared := &recording{Store: newWorld(t).store.Store}
	x := newWorld(t, func(c *oauth.Config) { c.Store = store.Namespace(shared, "x/") })
	y := newWorld(t, func(c *oauth.Config) { c.Store = store.Namespace(shared, "y/") })
	s := x.begin("web")
	exchange := x.exchangeRequest(s)
	y.refused(y.do(exchange), 400, "invalid_grant")
	s.take(t, x.do(exchange))
	y.refused(y.do(y.refreshRequest(s)), 400, "invalid_grant")
	if y.active(s.access) {
		t.Error("another issuer takes the access token")
	}
	x.good(x.do(x.refreshRequest(s)))
}

// TestA045 looks at codes: all differ, and no byte that is random in one stays or counts up in the next.
func TestA045(t *testing.T) {
	w := newWorld(t)
	seen := make(map[string]bool)
	var sets [48]map[byte]bool
	for range 300 {
		code, err := base64.RawURLEncoding.DecodeString(w.begin("spa").code)
		if err != nil || len(code) < 48 {
			t.Fatalf("a code of %d bytes, %v", len(code), err)
		}
		seen[string(code)] = true
		for i := range sets {
			if sets[i] == nil {
				sets[i] = make(map[byte]bool)
			}
			sets[i][code[i]] = true
		}
	}
	if len(seen) != 300 {
		t.Errorf("%d codes of 300 are different", len(seen))
	}
	// The first byte says what it is. 16 bytes name the grant, 32 are the proof: 384 bits.
	for i, values := range sets[1:] {
		if len(values) < 120 {
			t.Errorf("byte %d has %d values in 300 codes", i+1, len(values))
		}
	}
}

// TestA046 reads every byte that the store was given.
func TestA046(t *testing.T) {
	var mu sync.Mutex
	var stored strings.Builder
	w := newWorld(t)
	w.config.Store = &tapped{w.config.Store, func(r store.Record) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&stored, "%s\n%s\n%q\n", r.Key, r.Value, r.Labels)
	}}
	var err error
	if w.server, err = oauth.New(w.config); err != nil {
		t.Fatal(err)
	}
	for _, app := range []string{"web", "opaque", "spa", "two"} {
		s := w.signIn(app)
		s.take(t, w.do(w.refreshRequest(s)))
		w.do(w.as(app, &request{method: http.MethodPost, path: "/revoke", params: url.Values{"token": {s.access}}}))
	}
	text := stored.String()
	for name, secret := range w.secrets {
		raw, _ := base64.RawURLEncoding.DecodeString(secret)
		for _, form := range []string{secret, string(raw), hex.EncodeToString([]byte(secret)), hex.EncodeToString(raw)} {
			if len(form) > 8 && strings.Contains(text, form) {
				t.Errorf("the store was given the %s", name)
			}
		}
	}
	if len(text) < 1000 {
		t.Errorf("the store was given %d bytes", len(text))
	}
}

// tapped shows what is written.
type tapped struct {
	store.Store
	see func(store.Record)
}

func (s *tapped) Create(ctx context.Context, r store.Record) error {
	s.see(r)
	return s.Store.Create(ctx, r)
}

func (s *tapped) Swap(ctx context.Context, r store.Record) error {
	s.see(r)
	return s.Store.Swap(ctx, r)
}

func TestA051(t *testing.T) {
	for name, end := range map[string]func(*world) error{
		"the user is gone": func(w *world) error { return w.server.EndSubject(t.Context(), "alice") },
		"the consent is withdrawn": func(w *world) error {
			return w.server.Disconnect(t.Context(), oauth.Consent{App: "web", Subject: "alice", Tenant: "acme"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer w.tight()
			s := w.begin("web")
			if err := end(w); err != nil {
				t.Fatal(err)
			}
			w.unchanged(func() { w.refused(w.do(w.exchangeRequest(s)), 400, "invalid_grant") })
		})
	}
}

// edited changes an app of the world, as its owner or the platform would.
func (w *world) edited(id string, change func(*registry.App)) {
	all := w.config.Apps.(registry.Static)
	change(&all[slices.IndexFunc(all, func(a registry.App) bool { return a.ID == id })])
}

func TestA052(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*registry.App)
		status int
		code   string
	}{
		"suspended":                        {func(a *registry.App) { a.Suspended = true }, 401, "invalid_client"},
		"deleted":                          {func(a *registry.App) { a.Deleted = true }, 401, "invalid_client"},
		"without the redirect URI":         {func(a *registry.App) { a.Manifest.RedirectURIs = []string{"https://new.example.com"} }, 400, "invalid_grant"},
		"its grants were ended":            {func(a *registry.App) { a.Epoch++ }, 400, "invalid_grant"},
		"not allowed to use codes anymore": {func(a *registry.App) { a.Manifest.GrantTypes = []string{"client_credentials"} }, 400, "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer w.tight()
			exchange := w.exchangeRequest(w.begin("web"))
			w.edited("web", c.change)
			w.unchanged(func() { w.refused(w.do(exchange), c.status, c.code) })
		})
	}
}

// TestA055 sweeps away all that codes leave behind, once it is not needed any more.
func TestA055(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) { c.GrantLifetime, c.RefreshLifetime = time.Hour, time.Hour })
	for range 100 {
		s := w.signIn("web")
		w.refused(w.do(w.exchangeRequest(s)), 400, "invalid_grant")
		w.begin("web") // never redeemed
	}
	w.pass(3 * time.Hour)
	n, err := w.store.Sweep(t.Context(), w.now.Unix(), 1000)
	if err != nil || n != 200 {
		t.Errorf("%d records were swept, %v, want all 200 grants", n, err)
	}
}

func TestA056(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) { c.GrantLifetime, c.RefreshLifetime = time.Hour, time.Hour })
	defer w.tight()
	s := w.signIn("web")
	w.pass(3 * time.Hour)
	if _, err := w.store.Sweep(t.Context(), w.now.Unix(), 1000); err != nil {
		t.Fatal(err)
	}
	w.unchanged(func() { w.refused(w.do(w.exchangeRequest(s)), 400, "invalid_grant") })
}

// TestA059 runs whole flows of many users and apps side by side.
func TestA059(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) {
		c.SignedIn = func(r *http.Request) (*oauth.Login, error) {
			user := r.Header.Get("X-User")
			return &oauth.Login{Subject: user, Session: user, Time: time.Unix(1, 0)}, nil
		}
	})
	all := []string{"web", "rival", "spa", "opaque"}
	atOnce(60, func(i int) {
		user, app := fmt.Sprintf("user%d", i), all[i%len(all)]
		s := &session{app: app, verifier: strings.Repeat("v", 43+i%10)}
		r := w.authorizeRequest(s)
		r.params.Set("scope", "read")
		get := httptest.NewRequest("GET", "/authorize?"+r.params.Encode(), nil)
		get.Header.Set("X-User", user)
		rec := httptest.NewRecorder()
		w.server.ServeHTTP(rec, get)
		if target, ok := strings.CutPrefix(rec.Body.String(), "consent "); ok {
			post := httptest.NewRequest("POST", target, nil)
			post.Header.Set("X-User", user)
			for _, c := range rec.Result().Cookies() {
				post.AddCookie(c)
			}
			rec = httptest.NewRecorder()
			w.server.ServeHTTP(rec, post)
		}
		to, _ := url.Parse(rec.Header().Get("Location"))
		s.code = to.Query().Get("code")
		exchange := w.serve(w.server, w.exchangeRequest(s))
		var got struct {
			AccessToken string `json:"access_token"`
		}
		decode(exchange.Body.Bytes(), &got)
		c, err := w.server.Introspect(t.Context(), got.AccessToken)
		if err != nil || c.Subject != user || c.ClientID != app || !slices.Equal(c.Scopes, []string{"read"}) {
			t.Errorf("%s with %s got %+v, %v", user, app, c, err)
		}
	})
}
