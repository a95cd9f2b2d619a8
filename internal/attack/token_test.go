package attack

import (
	"context"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"crypto/elliptic"
	"crypto/rand"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

// asks is what an app asks about, or gives up.
func (w *world) asks(app, path, tok string) *answer {
	w.t.Helper()
	return w.do(w.as(app, &request{method: http.MethodPost, path: path, params: url.Values{"token": {tok}}}))
}

// inactive checks that introspection says no more than that.
func (w *world) inactive(app, tok string) {
	w.t.Helper()
	if a := w.asks(app, "/introspect", tok); a.status != http.StatusOK || strings.TrimSpace(a.body) != `{"active":false}` {
		w.t.Errorf("introspection answers %d %s", a.status, a.body)
	}
}

func TestA171(t *testing.T) {
	for name, end := range map[string]func(w *world, s *session){
		"revoked":              func(w *world, s *session) { w.asks(s.app, "/revoke", s.access) },
		"its grant is revoked": func(w *world, s *session) { w.asks(s.app, "/revoke", s.refresh) },
		"past exp":             func(w *world, s *session) { w.pass(15 * time.Minute) },
		"the user's end":       func(w *world, s *session) { w.server.EndSubject(t.Context(), "alice") },
		"the app's grants end": func(w *world, s *session) { w.edited(s.app, func(a *registry.App) { a.Epoch++ }) },
		"consent withdrawn": func(w *world, s *session) {
			w.server.Disconnect(t.Context(), oauth.Consent{App: s.app, Subject: "alice", Tenant: "acme"})
		},
	} {
		for _, app := range []string{"web", "opaque"} {
			w := newWorld(t)
			s := w.signIn(app)
			if a := w.asks(app, "/introspect", s.access); a.json["active"] != true {
				t.Errorf("%s, %s: not active before", app, name)
			}
			end(w, s)
			w.inactive(app, s.access)
		}
	}
	w := newWorld(t)
	s := w.signIn("web")
	w.edited("web", func(a *registry.App) { a.Deleted = true })
	w.inactive("api", s.access)
}

func TestA172(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	for _, edits := range [][]edit{
		{signed(es256(signers()[1]))}, {head("alg", `"none"`), signature(nil)}, {head("typ", `"JWT"`)}, {head("typ", `"logout+jwt"`)}, {claim("iss", `"https://evil.example"`)},
	} {
		w.inactive("api", w.forge(edits...))
	}
	w.inactive("api", w.assertion())
	w.inactive("api", w.forge()) // well made by our own key, of a grant that there is not
}

// TestA177 looks for tokens among random ones.
func TestA177(t *testing.T) {
	w := newWorld(t)
	for range 300 {
		b := make([]byte, 48)
		rand.Read(b)
		a := w.asks("api", "/introspect", base64.RawURLEncoding.EncodeToString(b))
		if a.status != http.StatusOK || strings.TrimSpace(a.body) != `{"active":false}` || len(a.events) != 1 || a.events[0].Err == nil {
			t.Fatalf("got %d %s and the events %+v", a.status, a.body, a.events)
		}
	}
}

// TestA178 has a guard that remembers what introspection said.
func TestA178(t *testing.T) {
	w := newWorld(t)
	asked := 0
	g, err := resource.New(resource.Config{CacheFor: 10 * time.Second, Accept: token.VerifierConfig{Issuer: w.url, Audience: api, Now: w.clock},
		Introspect: func(ctx context.Context, tok string) (*token.Claims, error) {
			asked++
			return w.server.Introspect(ctx, tok)
		}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(tok string, need ...string) int {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+tok)
		rec := httptest.NewRecorder()
		g.Require(resource.Need{Scopes: need}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, r)
		return rec.Code
	}
	s := w.signIn("opaque")
	for _, need := range []string{"read", "admin", "read"} {
		if got, want := ask(s.access, need), map[string]int{"read": 200, "admin": 403}[need]; got != want {
			t.Errorf("%s: got %d, want %d", need, got, want)
		}
	}
	if asked != 1 {
		t.Errorf("introspection was asked %d times, want once", asked)
	}
	other := map[bool]string{true: "AAAA", false: "BBBB"}[!strings.HasSuffix(s.access, "AAAA")]
	if got := ask(s.access[:len(s.access)-4] + other); got != 401 {
		t.Errorf("a token with the same beginning gets %d", got)
	}
	w.asks("opaque", "/revoke", s.access)
	w.pass(10 * time.Second)
	if got := ask(s.access, "read"); got != 401 {
		t.Errorf("a token that was revoked gets %d once CacheFor has passed", got)
	}
}

func TestA185(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.signIn("spa")
	if a := w.asks("spa", "/revoke", s.refresh); a.status != http.StatusOK || a.body != "" {
		t.Errorf("got %d %q", a.status, a.body)
	}
	w.dead(s)
}

func TestA186(t *testing.T) {
	for _, app := range []string{"web", "opaque", "two"} {
		w := newWorld(t)
		s := w.signIn(app)
		if a := w.asks(app, "/revoke", s.refresh); a.status != http.StatusOK {
			t.Errorf("got %d", a.status)
		}
		w.inactive(app, s.access)
		w.dead(s)
		if a := w.do(&request{method: http.MethodGet, path: "/api", header: http.Header{"Authorization": {"Bearer " + s.access}}}); a.status != http.StatusUnauthorized {
			t.Errorf("the API answers %d", a.status)
		}
	}
}

func TestA187(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.signIn("web")
	w.store.fail = func(call string) error {
		if call != "get" {
			return errDown
		}
		return nil
	}
	for _, tok := range []string{s.refresh, s.access} {
		a := w.asks("web", "/revoke", tok)
		w.refused(a, 503, "temporarily_unavailable")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	w.store.fail = nil
	if !w.active(s.access) {
		t.Error("the token is revoked, though nothing was written")
	}
}

func TestA188(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	refresh := w.signIn("web")
	w.asks("web", "/revoke", refresh.refresh)
	w.dead(refresh)

	access := w.signIn("web")
	w.asks("web", "/revoke", access.access)
	if w.active(access.access) {
		t.Error("the access token works")
	}
	w.good(w.do(w.refreshRequest(access)))

	old := w.signIn("web")
	first, token := old.refresh, old.access
	old.take(t, w.do(w.refreshRequest(old)))
	w.asks("web", "/revoke", first)
	w.dead(old, token)
}

// TestA190 revokes a token and presents the same one in another spelling.
func TestA190(t *testing.T) {
	w := newWorld(t)
	s := w.signIn("web")
	parts := strings.Split(s.access, ".")
	sig, _ := base64.RawURLEncoding.DecodeString(parts[2])
	n := elliptic.P256().Params().N
	other := append(sig[:32:32], new(big.Int).Sub(n, new(big.Int).SetBytes(sig[32:])).FillBytes(make([]byte, 32))...)
	twin := parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(other)
	if !w.active(twin) {
		t.Fatal("the twin with the other s is refused: this proves nothing")
	}
	w.asks("web", "/revoke", s.access)
	for name, tok := range map[string]string{"itself": s.access, "the other s": twin, "a padding": s.access + "=", "a line break": s.access[:20] + "\n" + s.access[20:]} {
		if w.active(tok) {
			t.Errorf("%s works after the revocation", name)
		}
	}
}

func TestA192(t *testing.T) {
	w := newWorld(t)
	second, err := oauth.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range []func(s *session) string{func(s *session) string { return s.access }, func(s *session) string { return s.refresh }} {
		s := w.signIn("web")
		if _, err := second.Introspect(t.Context(), s.access); err != nil {
			t.Fatal(err)
		}
		w.asks("web", "/revoke", tok(s))
		if _, err := second.Introspect(t.Context(), s.access); err == nil {
			t.Error("the other server takes it")
		}
	}
}
