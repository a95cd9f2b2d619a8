package attack

import (
	"bytes"
	"context"
	"crypto"
	"crypto/md5"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

// credentials is a request of an app for a token of its own.
func (w *world) credentials(app string) *request {
	return w.as(app, &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}})
}

// TestA390 replaces a key by the book, which is announcing it for longer than anyone keeps the old document: every
// token verifies for as long as it lives, whichever document of the last ten minutes the API has.
func TestA390(t *testing.T) {
	w := newWorld(t)
	began := w.now
	if err := w.keys.Replace(
		token.Key{ID: "old", Signer: signers()[0], NotAfter: began.Add(30*time.Minute + 15*time.Minute)},
		token.Key{ID: "new", Signer: signers()[1], NotBefore: began.Add(30 * time.Minute)},
	); err != nil {
		t.Fatal(err)
	}
	var tokens []string
	var documents [][]byte // one a minute
	for minute := range 60 {
		documents = append(documents, w.keys.JWKS(w.clock()))
		tokens = append(tokens, w.good(w.do(w.credentials("job"))).str("access_token"))
		for _, age := range []int{0, 5, 10} {
			if age > minute {
				continue
			}
			v, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, JWKS: documents[minute-age], Now: w.clock})
			if err != nil {
				t.Fatal(err)
			}
			for lived, tok := range slices.Backward(tokens[max(0, len(tokens)-15):]) {
				if _, err := v.Verify(t.Context(), tok); err != nil {
					t.Errorf("minute %d, with keys of %d minutes ago, token %d: %v", minute, age, lived, err)
				}
			}
		}
		w.pass(time.Minute)
	}
}

// unwilling is a signer in a box that does not answer.
type unwilling struct{ crypto.Signer }

func (unwilling) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the box does not answer")
}

func TestA392(t *testing.T) {
	for name, key := range map[string]token.Key{
		"a signer that fails":   {Signer: unwilling{signers()[0]}},
		"a key that is over":    {Signer: signers()[0], NotAfter: time.Unix(1_999_999_999, 0)},
		"a key that is to come": {Signer: signers()[0], NotBefore: time.Unix(2_100_000_000, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer w.tight()
			s, begun := w.signIn("web"), w.begin("web")
			if err := w.keys.Replace(key); err != nil {
				t.Fatal(err)
			}
			w.unchanged(func() {
				for _, r := range []*request{w.refreshRequest(s), w.exchangeRequest(begun), w.credentials("job")} {
					w.refused(w.do(r), 500, "server_error")
				}
			})
			if err := w.keys.Replace(token.Key{Signer: signers()[0]}); err != nil {
				t.Fatal(err)
			}
			w.good(w.do(w.refreshRequest(s)))
			w.good(w.do(w.exchangeRequest(begun)))
		})
	}
}

// TestA393 finds no key that everyone knows: not by default, and not in what is published.
func TestA393(t *testing.T) {
	w := newWorld(t)
	c := w.config
	c.Keys = nil
	if _, err := oauth.New(c); err == nil || !strings.Contains(err.Error(), "Keys") {
		t.Errorf("without keys: %v", err)
	}
	c = w.config
	c.Secrets = nil
	one, err := oauth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.server = one
	s := w.signIn("opaque")
	if !w.active(s.access) {
		t.Fatal("its own token is not active")
	}
	if w.server, err = oauth.New(c); err != nil {
		t.Fatal(err)
	}
	if w.active(s.access) {
		t.Error("two servers without secrets have the same one")
	}
	private := regexp.MustCompile(`BEGIN (\w+ )*PRIVATE ` + `KEY|"d" *: *"`)
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testdata/") {
			return err
		}
		b, err := os.ReadFile(path)
		if m := private.Find(b); m != nil {
			t.Errorf("%s has %q in it", path, m)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestA395 prints all there is while whole flows run. TestNothingLeaks of package oauth goes on from here, with
// every hook and every dialect.
func TestA395(t *testing.T) {
	w := newWorld(t)
	show := func(values ...any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, v := range values {
			fmt.Fprintf(&w.seen, "%v %+v %#v %s %q\n", v, v, v, v, v)
			if b, err := json.Marshal(v); err == nil {
				w.seen.Write(b)
			}
		}
	}
	w.keep("server secret", string(w.config.Secrets[0]))
	private, err := signers()[0].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	w.keep("private key", new(big.Int).SetBytes(private).String()) // as fmt prints it
	show(w.config, w.server, w.keys, token.Key{Signer: signers()[0]})
	for _, app := range []string{"web", "spa", "two", "opaque"} {
		s := w.signIn(app)
		s.take(t, w.do(w.refreshRequest(s)))
		w.do(w.exchangeRequest(s))
		w.do(w.refreshRequest(s).with("refresh_token", s.refresh+"x"))
		for _, tok := range []string{s.access, s.refresh} {
			c, err := w.server.Introspect(t.Context(), tok)
			show(c, err)
			w.do(w.as("api", &request{method: http.MethodPost, path: "/introspect", params: url.Values{"token": {tok}}}))
			w.do(w.as("rival", &request{method: http.MethodPost, path: "/revoke", params: url.Values{"token": {tok}}}))
		}
		a, _ := w.config.Apps.App(t.Context(), app)
		show(a, *a)
	}
	issued, err := w.server.Issue(t.Context(), "web", oauth.Approval{Login: w.login})
	if err != nil {
		t.Fatal(err)
	}
	w.keep("access token", issued.AccessToken)
	w.keep("refresh token", issued.RefreshToken)
	fmt.Fprintf(&w.seen, "%v %+v %#v", issued, *issued, issued) // its JSON is the wire
	w.do(w.credentials("job"))
	if len(w.secrets) < 30 || w.seen.Len() < 10_000 {
		t.Errorf("%d secrets in %d bytes", len(w.secrets), w.seen.Len())
	}
	w.tight()
}

// TestA396 sends more than is asked for: nothing of it is kept.
func TestA396(t *testing.T) {
	var stored bytes.Buffer
	w := newWorld(t, func(c *oauth.Config) {
		c.Store = &tapped{c.Store, func(r store.Record) { fmt.Fprintf(&stored, "%s %q %s\n", r.Key, r.Labels, r.Value) }}
	})
	s := &session{app: "web", verifier: "a-verifier-of-forty-three-characters-000000"}
	extra := func(r *request) *request {
		return r.with("password", "kept-by-nobody", "username", "kept-by-nobody", "nonce", "kept-by-nobody", "login_hint", "kept-by-nobody", "id_token_hint", "kept-by-nobody")
	}
	r := extra(w.authorizeRequest(s))
	r.params.Set("state", "kept-by-nobody")
	s.code = w.authorize(r).location().Get("code")
	s.take(t, w.do(extra(w.exchangeRequest(s))))
	s.take(t, w.do(extra(w.refreshRequest(s))))
	for _, value := range []string{"kept-by-nobody", s.verifier, secretOf("web")} {
		if strings.Contains(stored.String(), value) {
			t.Errorf("%q was stored", value)
		}
	}
	if stored.Len() == 0 {
		t.Error("nothing was stored")
	}
}

func TestA397(t *testing.T) {
	plain, secret := registry.NewSecret(time.Now())
	app := registry.App{ID: "web", Secrets: []registry.Secret{secret}}
	for _, v := range []any{app, &app, secret, registry.Static{app}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		encoded, _ := json.Marshal(secret.Hash)
		for _, hash := range []string{plain, strings.Trim(string(encoded), `"`), fmt.Sprintf("%x", secret.Hash)} {
			if text := string(b) + fmt.Sprintf("%v %+v %#v", v, v, v); strings.Contains(text, hash) {
				t.Errorf("%T shows its secret or the hash", v)
			}
		}
	}
}

// TestA399 asks about users: the library knows none, so the page comes whoever is named.
func TestA399(t *testing.T) {
	w := newWorld(t)
	w.signIn("web") // alice is known to the store now
	ask := func(signedIn *oauth.Login, pairs ...string) string {
		w.signedIn(signedIn)
		a := w.do(w.authorizeRequest(&session{app: "web", verifier: strings.Repeat("v", 43)}).with(pairs...))
		a.header.Del("Date")
		a.header.Del("Set-Cookie")
		return fmt.Sprint(a.status, a.header, strings.TrimRight(a.body, "-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), len(a.events))
	}
	for _, prompt := range []string{"login", "none", "consent"} {
		known, unknown := ask(nil, "prompt", prompt, "login_hint", "alice"), ask(nil, "prompt", prompt, "login_hint", "nobody")
		if known != unknown {
			t.Errorf("prompt=%s: a known user gets %s, an unknown one %s", prompt, known, unknown)
		}
	}
}

// asked shows the keys that are read.
type asked struct {
	store.Store
	mu   sync.Mutex
	keys []string
}

func (s *asked) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	s.mu.Lock()
	s.keys = append(s.keys, keys...)
	s.mu.Unlock()
	return s.Store.Get(ctx, keys...)
}

// TestA401 looks at what the store is asked for: the hash of a handle, the id of a grant, and never a part of what
// proves either.
func TestA401(t *testing.T) {
	for name, p := range map[string]*oauth.Profile{"tokens that carry their facts": nil, "handles": {Handles: true}} {
		t.Run(name, func(t *testing.T) {
			reads := new(asked)
			w := newWorld(t, func(c *oauth.Config) { reads.Store, c.Store, c.Profile = c.Store, reads, p })
			s := w.signIn("web")
			old := *s
			s.take(t, w.do(w.refreshRequest(s)))
			for _, tok := range []string{s.access, s.refresh, s.access[:len(s.access)-1] + "0"} {
				w.active(tok)
			}
			keys := strings.Join(reads.keys, "\n")
			for _, secret := range []string{s.access, s.refresh, old.access, old.refresh, old.code} {
				for tail := secret[len(secret)-32:]; len(tail) >= 8; tail = tail[1:] {
					if strings.Contains(keys, tail[:8]) {
						t.Fatalf("a key holds a part of a secret")
					}
				}
			}
			if keys == "" {
				t.Error("nothing was read")
			}
		})
	}
}

func TestA402(t *testing.T) {
	const salt, argon = "c29tZXNhbHRzb21lc2FsdA", "wUQ4gk0Ey4Ue4+eQjC0zNzYC1y3eVz5J2uIYJyYqE4c"
	weak := md5.Sum([]byte("guessable"))
	weaker := sha1.Sum([]byte("guessable"))
	for name, c := range map[string]struct {
		hash []byte
		ok   bool
	}{
		"MD5":                    {weak[:], false},
		"SHA-1":                  {weaker[:], false},
		"plain":                  {[]byte("guessable"), false},
		"nothing":                {nil, false},
		"MD5-crypt":              {[]byte("$1$abcdefgh$G//4keteveJp0qb8z2DE/1"), false},
		"bcrypt of cost 9":       {[]byte("$2b$09$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"), false},
		"bcrypt of cost 10":      {[]byte("$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"), true},
		"argon2i":                {[]byte("$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + argon), false},
		"argon2id":               {[]byte("$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + argon), true},
		"argon2id of a gibibyte": {[]byte("$argon2id$v=19$m=1048576,t=2,p=1$" + salt + "$" + argon), false},
	} {
		app := registry.App{ID: "web", Secrets: []registry.Secret{{ID: "1", Hash: c.hash}}, Manifest: registry.Manifest{
			Name: "Web", RedirectURIs: []string{"https://web.example.com/cb"}, Scopes: []string{"read"}}}
		if err := (registry.Static{app}).Validate(); (err == nil) != c.ok {
			t.Errorf("%s: got %v, want accepted: %t", name, err, c.ok)
		}
	}
	// 32 bytes pass for a SHA-256, and MD5 in hexadecimal has as many: it then is the hash of nothing.
	app := registry.App{Secrets: []registry.Secret{{ID: "1", Hash: fmt.Appendf(nil, "%x", weak)}}}
	if _, ok := app.CheckSecret("guessable", time.Now()); ok {
		t.Error("an MD5 in hexadecimal authenticates")
	}
}

// TestA403 fails in every way: each failure is one event with what failed and who, and in the end there is a wait.
func TestA403(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) { c.Address = func(*http.Request) string { return "192.0.2.1" } })
	defer w.tight()
	wrong := func(path string) *request {
		r := w.as("web", &request{method: http.MethodPost, path: path, params: url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}})
		r.header.Set("Authorization", "Basic d2ViOndyb25n")
		return r
	}
	for _, path := range []string{"/token", "/introspect", "/revoke"} {
		a := w.do(wrong(path))
		w.refused(a, 401, "invalid_client")
		if e := a.events[0]; e.Endpoint != path[1:] || e.App != "web" || e.Remote != "192.0.2.1" {
			t.Errorf("%s: the event is %+v", path, e)
		}
	}
	for range 200 {
		w.do(wrong("/token"))
	}
	a := w.do(wrong("/token"))
	w.refused(a, 429, "temporarily_unavailable")
	if got := a.header.Get("Retry-After"); got == "" {
		t.Error("429 without Retry-After")
	}
	w.pass(time.Hour)
	w.refused(w.do(wrong("/token")), 401, "invalid_client")
}

// inProcess answers without a network, and returns status and bytes allocated.
func inProcess(srv http.Handler, method, path string, header http.Header, body string) (int, uint64) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		r.Header[name] = values
	}
	rec := httptest.NewRecorder()
	bytes := allocated(func() { srv.ServeHTTP(rec, r) })
	return rec.Code, bytes
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// quiet is a world for many requests: it keeps no events.
func quiet(c *oauth.Config) { c.Observe = nil }

// within checks that f ends in time, in the best of five tries: other work of the machine makes it slow at times,
// a flaw always.
func within(t *testing.T, limit time.Duration, name string, f func()) {
	t.Helper()
	least := time.Hour
	for range 5 {
		began := time.Now()
		f()
		if least = min(least, time.Since(began)); least <= limit*slower {
			return
		}
	}
	t.Errorf("%s took %v, want %v", name, least, limit)
}

// fillers are texts that parsers with a flaw take long for.
var fillers = map[string]func(n int) string{
	"letters":  func(n int) string { return strings.Repeat("a", n) },
	"dots":     func(n int) string { return strings.Repeat(".", n) },
	"spaces":   func(n int) string { return strings.Repeat(" a", n/2) },
	"encoded":  func(n int) string { return strings.Repeat("%41", n/3) },
	"pairs":    func(n int) string { return strings.Repeat("a=b&", n/4) },
	"nested":   func(n int) string { return strings.Repeat("[", n) },
	"brackets": func(n int) string { return strings.Repeat(`{"a":`, n/5) },
	"NUL":      func(n int) string { return strings.Repeat("\x00", n) },
	"not text": func(n int) string { return strings.Repeat("\xff", n) },
	"slashes":  func(n int) string { return strings.Repeat("/../", n/4) },
}

// TestA404 fills every parameter with much of the same: no panic, no 500, quick, and memory in proportion.
func TestA404(t *testing.T) {
	w := newWorld(t, quiet)
	const most = 64 << 10
	ask := func(path, name, text string) (int, uint64) {
		if path == "/authorize" {
			return inProcess(w.server, "GET", path+"?"+url.Values{name: {text}, "client_id": {"web"}}.Encode(), nil, "")
		}
		header := http.Header{"Authorization": {basicOf("web", secretOf("web"))}}
		if name == "" {
			return inProcess(w.server, "POST", path, header, text)
		}
		return inProcess(w.server, "POST", path, header, url.Values{"grant_type": {"refresh_token"}, name: {text}}.Encode())
	}
	for filler, make := range fillers {
		text := make(most)
		for _, p := range []struct{ path, name string }{{"/authorize", "scope"}, {"/authorize", "redirect_uri"}, {"/authorize", "state"}, {"/authorize", "code_challenge"},
			{"/authorize", "client_id"}, {"/authorize", "resource"}, {"/authorize", "prompt"}, {"/authorize", "ticket"}, {"/token", ""}, {"/token", "refresh_token"}, {"/token", "scope"},
			{"/token", "resource"}, {"/token", "client_assertion"}, {"/introspect", "token"}, {"/revoke", "token"}, {"/revoke", ""}} {
			var status int
			var bytes uint64
			within(t, 100*time.Millisecond, fmt.Sprintf("%s of %s at %s", filler, p.name, p.path), func() {
				status, bytes = ask(p.path, p.name, text)
			})
			if status >= 500 {
				t.Errorf("%s of %s at %s: %d", filler, p.name, p.path, status)
			}
			if bytes > 16*most {
				t.Errorf("%s of %s at %s: %d bytes for %d", filler, p.name, p.path, bytes, most)
			}
		}
	}
}

// TestA405 hangs up on everything.
func TestA405(t *testing.T) {
	w := newWorld(t, quiet)
	s := w.signIn("web")
	before := runtime.NumGoroutine()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 1000 {
		for _, r := range []*request{w.credentials("job"), w.refreshRequest(s).with("scope", "admin"),
			w.as("api", &request{method: http.MethodPost, path: "/introspect", params: url.Values{"token": {s.access}}})} {
			req := httptest.NewRequestWithContext(gone, r.method, r.path, strings.NewReader(r.params.Encode()))
			req.Header = r.header.Clone()
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w.server.ServeHTTP(httptest.NewRecorder(), req)
		}
	}
	for range 100 {
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > before+2 {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// TestA406 sends what was never sent before, again and again: what is remembered of it has an end.
func TestA406(t *testing.T) {
	w := newWorld(t, quiet, func(c *oauth.Config) {
		c.Address = func(r *http.Request) string { return r.Header.Get("X-Address") }
	})
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	empty := heap()
	const strangers = 100_000
	for i := range strangers {
		one := fmt.Sprintf("%d.example", i)
		r := httptest.NewRequest("POST", "/token", strings.NewReader("grant_type=client_credentials"))
		r.Host, r.Header = one, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Address": {fmt.Sprintf("2001:db8:%x:%x::1", i>>16, i&0xffff)},
			"Authorization": {basicOf(one, "x")}, "Accept-Language": {one}, "User-Agent": {one}}
		w.server.ServeHTTP(httptest.NewRecorder(), r)
	}
	// Address and client_id are kept by a hash of 16 bytes, no more than 2^16 of them: of all it would be 6 MiB.
	grown := heap() - empty
	t.Logf("%d bytes for %d strangers", grown, strangers)
	if grown > 4<<20 {
		t.Errorf("%d strangers take %d bytes", strangers, grown)
	}
}

// TestA407 holds what is matched to time in proportion: four times the text may not take more than some ten times
// as long.
func TestA407(t *testing.T) {
	check := func(name string, f func(n int)) {
		best := func(n int) time.Duration {
			least := time.Hour
			for range 5 {
				began := time.Now()
				f(n)
				least = min(least, time.Since(began))
			}
			return least
		}
		short, long := best(8<<10), best(64<<10)
		if long > 10*time.Millisecond && long > 40*short {
			t.Errorf("%s: 8 KiB take %v, 64 KiB %v", name, short, long)
		}
	}
	for filler, make := range fillers {
		check("a redirect URI of "+filler, func(n int) {
			m := registry.Manifest{RedirectURIs: []string{"https://" + make(n)}}
			m.Validate()
			m.AllowsRedirect("http://127.0.0.1:" + make(n))
		})
		check("a scope of "+filler, func(n int) {
			m := registry.Manifest{Scopes: []string{make(n)}}
			m.Validate()
		})
		w := newWorld(t, quiet)
		guard, err := resource.New(resource.Config{Accept: token.VerifierConfig{Issuer: w.url, Audience: api, Keys: w.keys}})
		if err != nil {
			t.Fatal(err)
		}
		check("a header of "+filler, func(n int) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "Bearer "+make(n))
			r.Header.Set("User-Agent", make(n))
			guard.Check(r, resource.Need{})
		})
	}
}

// TestA408 leaves things out: each is named.
func TestA408(t *testing.T) {
	_, err := oauth.New(oauth.Config{})
	for _, field := range []string{"Issuer", "Store", "Keys", "Apps", "Resources"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("New(Config{}) says %v, without %s", err, field)
		}
	}
	w := newWorld(t)
	for name, set := range map[string]func(*oauth.Config, time.Duration){
		"CodeLifetime":    func(c *oauth.Config, d time.Duration) { c.CodeLifetime = d },
		"AccessLifetime":  func(c *oauth.Config, d time.Duration) { c.AccessLifetime = d },
		"RefreshLifetime": func(c *oauth.Config, d time.Duration) { c.RefreshLifetime = d },
		"GrantLifetime":   func(c *oauth.Config, d time.Duration) { c.GrantLifetime = d },
		"RefreshGrace":    func(c *oauth.Config, d time.Duration) { c.RefreshGrace = d },
	} {
		for _, d := range []time.Duration{-time.Second, 1<<63 - 1} {
			if name == "RefreshGrace" && d < 0 { // which is strict mode
				continue
			}
			c := w.config
			set(&c, d)
			if srv, err := oauth.New(c); srv != nil || err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s of %v: %v", name, d, err)
			}
		}
	}
	if v, err := token.NewVerifier(token.VerifierConfig{}); v != nil || err == nil || !strings.Contains(err.Error(), "Issuer") || !strings.Contains(err.Error(), "Audience") {
		t.Errorf("NewVerifier: %v", err)
	}
	if k, err := token.NewKeys(); k != nil || err == nil {
		t.Errorf("NewKeys: %v", err)
	}
	if g, err := resource.New(resource.Config{}); g != nil || err == nil {
		t.Errorf("resource.New: %v", err)
	}
	if r, err := registry.New(registry.Config{}); r != nil || err == nil || !strings.Contains(err.Error(), "Store") {
		t.Errorf("registry.New: %v", err)
	}
}

// TestA410 names one app and changes another within.
func TestA410(t *testing.T) {
	reg, err := registry.New(registry.Config{Store: memory.New()})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"mine", "yours"} {
		if err := reg.Create(t.Context(), &registry.App{ID: id, Owner: id, Tenant: "acme"}); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*registry.App){
		"ID":     func(a *registry.App) { a.ID = "yours" },
		"owner":  func(a *registry.App) { a.Owner = "yours" },
		"tenant": func(a *registry.App) { a.Tenant = "evil" },
	} {
		if _, err := reg.Update(t.Context(), "mine", func(a *registry.App) error { a.Paused = true; change(a); return nil }); err == nil {
			t.Errorf("another %s was accepted", name)
		}
	}
	mine := registry.Actor{Subject: "mine", Tenant: "acme"}
	if _, err := reg.Update(t.Context(), "yours", func(a *registry.App) error { return a.Halt(mine, true) }); err == nil {
		t.Error("a stranger paused an app")
	}
	for _, id := range []string{"mine", "yours"} {
		if a, err := reg.App(t.Context(), id); err != nil || a.ID != id || a.Owner != id || a.Paused {
			t.Errorf("%s is now %+v, %v", id, a, err)
		}
	}
}

// TestA411 ends everything and signs in again, all in one second: what counts is the order and not the clock.
func TestA411(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	before := w.signIn("web")
	if err := w.server.EndSubject(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	after := w.signIn("web")
	w.dead(before)
	if !w.active(after.access) {
		t.Error("what came after is over too")
	}
	w.good(w.do(w.refreshRequest(after)))
}

func TestA412(t *testing.T) {
	w := newWorld(t)
	s := w.begin("web")
	a := w.good(w.do(w.exchangeRequest(s)))
	if got := a.json["expires_in"]; got != 900.0 {
		t.Errorf("expires_in is %v, want 15 minutes", got)
	}
	c := w.config
	c.AccessLifetime = 24*time.Hour + time.Second
	if _, err := oauth.New(c); err == nil {
		t.Error("more than a day was accepted")
	}
	s.take(t, a)
	for range 13 { // idle for less than 30 days each, and more than a year together
		w.pass(29 * 24 * time.Hour)
		if a = w.do(w.refreshRequest(s)); a.status == http.StatusOK {
			s.take(t, a)
		}
	}
	w.refused(a, 400, "invalid_grant")
}

// TestA413 looks at the one cookie. It says which browser it is and nothing about a session, so that a new sign-in
// need not change it: the form of a consent page is bound to the session besides, which A032 holds.
func TestA413(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) { c.Issuer = "https://auth.example.com" })
	seen := make(map[string]bool)
	for range 50 {
		a := w.do(w.authorizeRequest(&session{app: "web", verifier: strings.Repeat("v", 43)}))
		lines := a.header.Values("Set-Cookie")
		if len(lines) != 1 {
			t.Fatalf("cookies %q", lines)
		}
		c, err := http.ParseSetCookie(lines[0])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("the cookie is %q", lines[0])
		}
		if seen[c.Value] || len(c.Value) < 26 || len(c.Value) > 64 {
			t.Errorf("its value is a repetition or has %d characters", len(c.Value))
		}
		seen[c.Value] = true
	}
}

// TestA414 holds the dependencies to versions without known flaws, and CI to asking whether that is still so.
func TestA414(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for path, floor := range map[string][3]int{"github.com/go-jose/go-jose/v4": {4, 1, 8}, "golang.org/x/crypto": {0, 58, 0}} {
		m := regexp.MustCompile(regexp.QuoteMeta(path) + ` v(\d+)\.(\d+)\.(\d+)\n`).FindStringSubmatch(string(mod))
		var have [3]int
		for i := range have {
			if len(m) == 4 {
				fmt.Sscan(m[i+1], &have[i])
			}
		}
		if slices.Compare(have[:], floor[:]) < 0 {
			t.Errorf("%s is %v, want at least %v", path, have, floor)
		}
	}
	ci, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(ci), "govulncheck") {
		t.Error("CI does not run govulncheck")
	}
}

// basicOf is an Authorization header.
func basicOf(id, secret string) string {
	r := &http.Request{Header: make(http.Header)}
	r.SetBasicAuth(id, secret)
	return r.Header.Get("Authorization")
}
