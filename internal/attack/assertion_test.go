package attack

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

const bearerType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion makes a client assertion of the app keyed, by its own key, with the edits.
func (w *world) assertion(edits ...edit) string {
	f := &forgery{sign: es256(signers()[1])}
	now := w.clock().Unix()
	f.header = []member{{"alg", `"ES256"`}, {"kid", `"its"`}}
	f.claims = []member{{"iss", `"keyed"`}, {"sub", `"keyed"`}, {"aud", text(w.url)}, {"exp", fmt.Sprint(now + 60)}, {"jti", text(fmt.Sprint("jti-", time.Now().UnixNano()))}}
	for _, e := range edits {
		e(f)
	}
	return w.keep("assertion "+fmt.Sprint(len(w.secrets)), f.String())
}

// present asks for a token with an assertion.
func (w *world) present(assertion string) *request {
	return &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}, "scope": {"read"},
		"client_assertion_type": {bearerType}, "client_assertion": {assertion}}}
}

// unauthenticated tries edits of an assertion, each by itself: it authenticates nobody, and nothing is kept of it.
func unauthenticated(t *testing.T, all func(w *world) map[string][]edit) {
	t.Helper()
	w := newWorld(t)
	defer w.tight()
	for name, edits := range all(w) {
		w.unchanged(func() {
			if a := w.do(w.present(w.assertion(edits...))); a.status != http.StatusUnauthorized || a.str("error") != "invalid_client" || len(a.events) != 1 {
				t.Errorf("%s: got %d %s", name, a.status, a.body)
			}
		})
	}
	w.good(w.do(w.present(w.assertion())))
}

func TestA102(t *testing.T) {
	unauthenticated(t, func(*world) map[string][]edit {
		return map[string][]edit{
			"iss of another": {claim("iss", `"web"`)}, "sub of another": {claim("sub", `"web"`)}, "both of another": {claim("iss", `"web"`), claim("sub", `"web"`)},
			"no iss": {claim("iss", "")}, "no sub": {claim("sub", "")}, "neither": {claim("iss", ""), claim("sub", "")}, "sub a list": {claim("sub", `["keyed"]`)},
		}
	})
}

func TestA104(t *testing.T) {
	unauthenticated(t, func(w *world) map[string][]edit {
		return map[string][]edit{
			"the token endpoint": {claim("aud", text(w.url+"/token"))}, "the issuer and another": {claim("aud", `[`+text(w.url)+`,"https://evil.example"]`)},
			"a list of the issuer": {claim("aud", `[`+text(w.url)+`]`)}, "another": {claim("aud", `"https://evil.example"`)}, "none": {claim("aud", "")},
			"empty": {claim("aud", `""`)}, "a slash more": {claim("aud", text(w.url+"/"))}, "null": {claim("aud", "null")},
		}
	})
}

func TestA105(t *testing.T) {
	unauthenticated(t, func(w *world) map[string][]edit {
		now := w.clock().Unix()
		at := func(name string, d int64) []edit { return []edit{claim(name, fmt.Sprint(now+d))} }
		return map[string][]edit{
			"no exp": {claim("exp", "")}, "exp long past": at("exp", -61), "a year": at("exp", 366*24*3600), "six minutes": at("exp", 361+60),
			"iat ahead": at("iat", 120), "nbf ahead": at("nbf", 120), "exp a string": {claim("exp", text(fmt.Sprint(now+60)))}, "exp null": {claim("exp", "null")},
		}
	})
}

func TestA106(t *testing.T) {
	unauthenticated(t, func(*world) map[string][]edit {
		return map[string][]edit{"none": {claim("jti", "")}, "empty": {claim("jti", `""`)}, "a number": {claim("jti", "7")}, "4 KiB": {claim("jti", text(strings.Repeat("j", 4<<10)))}}
	})
}

// TestA107 presents one assertion at once to two servers on one store.
func TestA107(t *testing.T) {
	for range 10 {
		w := newWorld(t)
		second, err := oauth.New(w.config)
		if err != nil {
			t.Fatal(err)
		}
		r := w.present(w.assertion())
		var won atomic.Int64
		atOnce(60, func(i int) {
			switch rec := w.serve([]http.Handler{w.server, second}[i%2], r); rec.Code {
			case http.StatusOK:
				won.Add(1)
			case http.StatusUnauthorized:
			default:
				t.Errorf("got %d %s", rec.Code, rec.Body)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d succeeded, want one", won.Load())
		}
	}
}

// TestA108 spends a jti for somebody else: only an assertion that is good in all counts, and for its own app alone.
func TestA108(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) {
		all := c.Apps.(registry.Static)
		twin := all[slices.IndexFunc(all, func(a registry.App) bool { return a.ID == "keyed" })]
		twin.ID = "twin"
		c.Apps = append(all, twin)
	})
	defer w.tight()
	jti := claim("jti", `"the-victim's"`)
	w.unchanged(func() {
		for _, spoil := range []edit{signed(es256(signers()[0])), signature(make([]byte, 64)), claim("aud", `"https://evil.example"`), head("alg", `"none"`)} {
			w.refused(w.do(w.present(w.assertion(jti, spoil))), 401, "invalid_client")
		}
	})
	twins := w.present(w.assertion(jti, claim("iss", `"twin"`), claim("sub", `"twin"`)))
	own := w.present(w.assertion(jti))
	for _, r := range []*request{twins, own} {
		w.good(w.do(r))
		w.unchanged(func() { w.refused(w.do(r), 401, "invalid_client") })
	}
}

// TestA109 uses many assertions: what is kept of each is swept once it could not be used anyhow.
func TestA109(t *testing.T) {
	w := newWorld(t)
	for i := range 200 {
		w.good(w.do(w.present(w.assertion(claim("jti", text(fmt.Sprint("many-", i)))))))
	}
	w.pass(3 * time.Hour)
	if n, err := w.store.Sweep(t.Context(), w.now.Unix(), 1000); err != nil || n != 200 {
		t.Errorf("%d records swept, %v, want 200", n, err)
	}
}

func TestA110(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	a := w.assertion()
	w.good(w.do(w.present(a)))
	w.pass(61 * time.Second) // past exp, within the skew
	if _, err := w.store.Sweep(t.Context(), w.now.Unix(), 1000); err != nil {
		t.Fatal(err)
	}
	w.unchanged(func() { w.refused(w.do(w.present(a)), 401, "invalid_client") })
}

func TestA111(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	w.store.fail = func(call string) error {
		if strings.HasPrefix(call, "create m/") {
			return errDown
		}
		return nil
	}
	a := w.assertion()
	w.refused(w.do(w.present(a)), 503, "temporarily_unavailable")
	w.store.fail = nil
	w.good(w.do(w.present(a)))
}

// TestA113 puts what a policy might look at into headers and claims that nobody has verified.
func TestA113(t *testing.T) {
	evil := signed(es256(signers()[0]))
	unauthenticated(t, func(*world) map[string][]edit {
		return map[string][]edit{
			"a claim of first party": {claim("first_party", "true"), evil}, "a header of trust": {head("trusted", "true"), evil},
			"the app's kid and another key": {head("kid", `"its"`), evil},
		}
	})
}

func TestA114(t *testing.T) {
	at := silent(t)
	ring, _ := token.NewKeys(token.Key{Signer: signers()[0]})
	var set struct{ Keys []map[string]any }
	decode(ring.JWKS(time.Now()), &set)
	jwk := fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, set.Keys[0]["x"], set.Keys[0]["y"])
	evil := signed(es256(signers()[0]))
	unauthenticated(t, func(*world) map[string][]edit {
		return map[string][]edit{
			"another app's key": {evil}, "jwk": {head("jwk", jwk), evil}, "jwk and no kid": {head("jwk", jwk), head("kid", ""), evil},
			"jku": {head("jku", text(at)), evil}, "x5u": {head("x5u", text(at)), evil}, "x5c": {head("x5c", `["MIIB"]`), evil},
		}
	})
}

// TestA115 names keys that nobody has, for an app whose keys are fetched.
func TestA115(t *testing.T) {
	source := &rotating{}
	ts := httptest.NewTLSServer(source)
	t.Cleanup(ts.Close)
	w := newWorld(t, func(c *oauth.Config) { c.Fetch, c.InsecureFetch = ts.Client(), true })
	source.keys, _ = token.NewKeys(token.Key{ID: "its", Signer: signers()[1]})
	w.edited("keyed", func(a *registry.App) { a.Manifest.JWKS, a.Manifest.JWKSURI = nil, ts.URL })
	w.good(w.do(w.present(w.assertion())))
	atOnce(200, func(i int) {
		rec := w.serve(w.server, w.present(w.assertionOf(fmt.Sprint("kid-", i))))
		if rec.Code != http.StatusUnauthorized && rec.Code != http.StatusServiceUnavailable && rec.Code != http.StatusTooManyRequests {
			t.Errorf("got %d %s", rec.Code, rec.Body)
		}
	})
	if n := source.asked.Load(); n > 2 {
		t.Errorf("200 unknown kids were asked about %d times", n)
	}
}

// assertionOf is one of an unknown key. It may be called by many goroutines.
func (w *world) assertionOf(kid string) string {
	f := &forgery{sign: es256(signers()[0])}
	now := w.clock().Unix()
	f.header = []member{{"alg", `"ES256"`}, {"kid", text(kid)}}
	f.claims = []member{{"iss", `"keyed"`}, {"sub", `"keyed"`}, {"aud", text(w.url)}, {"exp", fmt.Sprint(now + 60)}, {"jti", text(kid)}}
	return f.String()
}

func TestA116(t *testing.T) {
	unauthenticated(t, func(*world) map[string][]edit {
		all := make(map[string][]edit)
		for _, typ := range []string{"at+jwt", "application/at+jwt", "dpop+jwt", "oauth-authz-req+jwt", "logout+jwt", "token-introspection+jwt"} {
			all[typ] = []edit{head("typ", text(typ))}
		}
		return all
	})
	w := newWorld(t)
	for _, typ := range []string{"client-authentication+jwt", "JWT"} {
		w.good(w.do(w.present(w.assertion(head("typ", text(typ))))))
	}
}

// TestA123 deletes an app while it asks: what is handed out after that is worth nothing.
func TestA123(t *testing.T) {
	for range 20 {
		w := newWorld(t)
		var mu sync.Mutex
		deleted := false
		w.config.Apps = &changing{Static: w.config.Apps.(registry.Static), change: func(a registry.App) registry.App {
			mu.Lock()
			defer mu.Unlock()
			if deleted {
				a.Deleted = true
				a.Epoch++
			}
			return a
		}}
		srv, err := oauth.New(w.config)
		if err != nil {
			t.Fatal(err)
		}
		r := w.as("job", &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}})
		var tokens sync.Map
		atOnce(40, func(i int) {
			if i == 20 {
				mu.Lock()
				deleted = true
				mu.Unlock()
				return
			}
			rec := w.serve(srv, r)
			var got struct {
				Access string `json:"access_token"`
			}
			decode(rec.Body.Bytes(), &got)
			switch {
			case rec.Code == http.StatusOK:
				tokens.Store(got.Access, true)
			case rec.Code != http.StatusUnauthorized:
				t.Errorf("got %d %s", rec.Code, rec.Body)
			}
		})
		if rec := w.serve(srv, r); rec.Code != http.StatusUnauthorized {
			t.Errorf("a deleted app gets %d", rec.Code)
		}
		tokens.Range(func(tok, _ any) bool {
			if _, err := srv.Introspect(t.Context(), tok.(string)); err == nil {
				t.Error("a token of a deleted app is active")
			}
			return true
		})
	}
}

// TestA082 names another app beside an assertion too.
func TestA082(t *testing.T) {
	run(t)
	w := newWorld(t)
	defer w.tight()
	r := w.present(w.assertion())
	w.unchanged(func() {
		for _, other := range []string{"web", "job", "nobody", "KEYED"} {
			w.refused(w.do(r.with("client_id", other)), 401, "invalid_client")
		}
	})
	w.good(w.do(r.with("client_id", "keyed")))
}

// TestA122 takes JWTs for what they are not: a client's assertion for a grant, a grant and an access token for an
// assertion.
func TestA122(t *testing.T) {
	run(t)
	w := newWorld(t)
	defer w.tight()
	assertion := w.assertion()
	asGrant := w.as("job", &request{method: http.MethodPost, path: "/token", params: url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}, "scope": {"read"}}})
	access := w.good(w.do(w.present(w.assertion()))).str("access_token")
	w.unchanged(func() {
		w.refused(w.do(asGrant), 400, "unsupported_grant_type")
		for name, tok := range map[string]string{
			"an access token": access, "an access token that is an assertion but for its type": w.assertion(head("typ", `"at+jwt"`)),
			"a user's grant": w.assertion(claim("sub", `"alice"`)), "a grant by its type": w.assertion(head("typ", `"authorization-grant+jwt"`)),
			"a grant for the token endpoint": w.assertion(claim("aud", text(w.url+"/token"))),
		} {
			if a := w.do(w.present(tok)); a.status != http.StatusUnauthorized || a.str("error") != "invalid_client" {
				t.Errorf("%s: got %d %s", name, a.status, a.body)
			}
		}
	})
	w.good(w.do(w.present(assertion))) // which the attempt as a grant has not spent
}

// TestA084 authenticates with letters that forms and Basic credentials write otherwise.
func TestA084(t *testing.T) {
	for _, id := range []string{"a:b", "a+b", "a%b", "a b", "a&b=c"} {
		const secret = "s:e+c%r e&t="
		sum := sha256.Sum256([]byte(secret))
		w := newWorld(t, func(c *oauth.Config) {
			c.Apps = append(c.Apps.(registry.Static), registry.App{ID: id, Secrets: []registry.Secret{{ID: "1", Hash: sum[:]}},
				Manifest: registry.Manifest{Name: "Odd", Scopes: []string{"read"}, GrantTypes: []string{"client_credentials"}}})
		})
		ask := func(user, password string) *answer {
			basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
			return w.do(&request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}}, header: http.Header{"Authorization": {"Basic " + basic}}})
		}
		if a := ask(url.QueryEscape(id), url.QueryEscape(secret)); a.status != http.StatusOK {
			t.Errorf("%q as a form writes it: %d %s", id, a.status, a.body)
		}
		if a := ask(id, secret); a.status == http.StatusOK {
			t.Errorf("%q as it is: %d", id, a.status)
		}
	}
}

// TestA096 compares the answers for an unknown app and a wrong secret. BenchmarkTimeEquality of package oauth has the
// times.
func TestA096(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	ask := func(id string) *answer {
		return w.do(&request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}},
			header: http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(id+":wrong"))}}})
	}
	unknown, known := ask("nbd"), ask("job")
	unknown.header.Del("Date")
	known.header.Del("Date")
	if unknown.status != known.status || unknown.body != known.body || fmt.Sprint(unknown.header) != fmt.Sprint(known.header) {
		t.Errorf("unknown: %d %v %s; known: %d %v %s", unknown.status, unknown.header, unknown.body, known.status, known.header, known.body)
	}
}

// TestA097 guesses at a secret: each guess is an event, those who go on are told to wait, and the right one passes.
func TestA097(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	waited := false
	for i := range 300 {
		a := w.do(&request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}},
			header: http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "job:guess%d", i))}}})
		if len(a.events) != 1 || a.events[0].App != "job" || a.events[0].Err == nil {
			t.Fatalf("the events are %+v", a.events)
		}
		waited = waited || a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") != ""
	}
	if !waited {
		t.Error("nobody was told to wait")
	}
	w.good(w.do(w.as("job", &request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}}})))
}

func TestA098(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	sum := func(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }
	w.edited("job", func(a *registry.App) {
		a.Secrets = []registry.Secret{{ID: "old", Hash: sum("the old one"), NotAfter: w.now.Add(time.Hour)}, {ID: "new", Hash: sum("the new one")}}
	})
	ask := func(secret string) int {
		return w.do(&request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}},
			header: http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("job:"+url.QueryEscape(secret)))}}}).status
	}
	for range 2 {
		if old, now := ask("the old one"), ask("the new one"); old != 200 || now != 200 {
			t.Errorf("in the overlap the old one gets %d, the new one %d", old, now)
		}
	}
	w.pass(time.Hour)
	if old, now := ask("the old one"), ask("the new one"); old != 401 || now != 200 {
		t.Errorf("after it the old one gets %d, the new one %d", old, now)
	}
}

func TestA099(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"two"}, "client_secret": {"wrong"}}
	body := w.do(&request{method: http.MethodPost, path: "/token", params: form})
	header := w.do(&request{method: http.MethodPost, path: "/token", params: url.Values{"grant_type": {"client_credentials"}}, header: http.Header{"Authorization": {"Basic d2ViOndyb25n"}}})
	for name, c := range map[string]struct {
		a    *answer
		want bool
	}{"body": {body, false}, "header": {header, true}} {
		w.refused(c.a, 401, "invalid_client")
		if got := strings.HasPrefix(c.a.header.Get("WWW-Authenticate"), "Basic realm="); got != c.want || c.a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", name, c.a.header)
		}
	}
}

// changing gives apps as they are at that moment.
type changing struct {
	registry.Static
	change func(registry.App) registry.App
}

func (c *changing) App(ctx context.Context, id string) (*registry.App, error) {
	a, err := c.Static.App(ctx, id)
	if err != nil {
		return nil, err
	}
	now := c.change(*a)
	return &now, nil
}
