package attack

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/token"
)

// answers are one of each kind, good and bad, by a name.
func (w *world) answers() map[string]*answer {
	w.t.Helper()
	s := w.begin("web")
	exchange := w.good(w.do(w.exchangeRequest(s)))
	s.take(w.t, exchange)
	ask := func(app, path, tok string) *answer {
		return w.do(w.as(app, &request{method: http.MethodPost, path: path, params: url.Values{"token": {tok}}}))
	}
	wrong := w.credentials("job").with()
	wrong.header.Set("Authorization", basicOf("job", "wrong"))
	return map[string]*answer{
		"exchange":         exchange,
		"refresh":          w.do(w.refreshRequest(s)),
		"credentials":      w.do(w.credentials("job")),
		"active":           ask("api", "/introspect", s.access),
		"inactive":         ask("api", "/introspect", "x"),
		"revoked":          ask("web", "/revoke", s.access),
		"another's":        ask("rival", "/revoke", s.refresh),
		"wrong secret":     w.do(wrong),
		"no token":         ask("api", "/introspect", ""),
		"no grant type":    w.do(w.credentials("job").with("grant_type", "")),
		"bad code":         w.do(w.exchangeRequest(&session{app: "web", code: "x", verifier: s.verifier})),
		"bad refresh":      w.do(w.refreshRequest(&session{app: "web", refresh: "x"})),
		"a scope too wide": w.do(w.refreshRequest(s).with("scope", "other")),
	}
}

func TestA349(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	all := w.answers()
	s := &session{app: "cli", verifier: strings.Repeat("v", 43)}
	all["page"] = w.do(w.authorizeRequest(s))
	all["redirect"] = w.do(w.authorizeRequest(s).with("scope", "bogus"))
	all["refusal"] = w.do(w.authorizeRequest(s).with("client_id", "nobody"))
	for name, a := range all {
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" {
			t.Errorf("%s: Cache-Control is %q, Pragma %q", name, a.header.Get("Cache-Control"), a.header.Get("Pragma"))
		}
	}
}

func TestA350(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	for name, a := range w.answers() {
		if name == "revoked" && a.body == "" {
			continue
		}
		if a.header.Get("Content-Type") != "application/json" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %q, %q", name, a.header.Get("Content-Type"), a.header.Get("X-Content-Type-Options"))
		}
		if a.json == nil || strings.ContainsAny(a.body, "<>&") || strings.ContainsFunc(strings.TrimSuffix(a.body, "\n"), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%s: not one object of ASCII: %q", name, a.body)
		}
		if strings.Contains(a.body, `"expires_in"`) && !regexp.MustCompile(`"expires_in":\d+[,}]`).MatchString(a.body) {
			t.Errorf("%s: expires_in is no integer", name)
		}
	}
}

// TestA351 puts what could end a header, a line or a string into everything that an error might speak of.
func TestA351(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	described := regexp.MustCompile(`^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,256}$`)
	printable := regexp.MustCompile(`^[\x20-\x7e]*$`)
	check := func(name, value string, a *answer) {
		t.Helper()
		description, _ := a.json["error_description"].(string)
		if d := a.location().Get("error_description"); d != "" {
			description = d
		}
		if description != "" && !described.MatchString(description) {
			t.Errorf("%s=%.20q: error_description is %q", name, value, description)
		}
		for _, header := range []string{"Location", "WWW-Authenticate"} {
			if got := a.header.Get(header); !printable.MatchString(got) {
				t.Errorf("%s=%.20q: %s is %.200q", name, value, header, got)
			}
		}
		if strings.Contains(a.body, "<script>") || a.header.Get("X-Evil") != "" {
			t.Errorf("%s=%.20q: got %.200q", name, value, a.body)
		}
	}
	s := w.signIn("web")
	v := &session{app: "web", verifier: strings.Repeat("v", 43)}
	for _, value := range []string{`a"b`, `a\b`, "a\r\nX-Evil: 1", "a\tb", "é", "a\xffb", "<script>alert(1)</script>", strings.Repeat("x", 10_000)} {
		for _, name := range []string{"scope", "client_id", "response_type", "code_challenge", "code_challenge_method", "resource", "prompt", "max_age", "login_hint"} {
			check(name, value, w.do(w.authorizeRequest(v).with(name, value)))
		}
		for _, name := range []string{"scope", "grant_type", "refresh_token", "resource", "client_id", "tenant"} {
			check(name, value, w.do(w.refreshRequest(s).with(name, value)))
		}
		for _, name := range []string{"token", "token_type_hint"} {
			r := w.as("api", &request{method: http.MethodPost, path: "/introspect", params: url.Values{"token": {"x"}}})
			check(name, value, w.do(r.with(name, value)))
		}
		if !strings.ContainsAny(value, "\r\n") {
			check("bearer", value, w.do(&request{method: http.MethodGet, path: "/api", header: http.Header{"Authorization": {"Bearer " + value}}}))
		}
	}
}

// TestA356 has the client hang up at each call to the store: what was begun is done whole.
func TestA356(t *testing.T) {
	for n := 1; n <= 6; n++ {
		w, f := faultyWorld(t)
		s := w.signIn("web")
		spent := w.refreshRequest(s)
		for _, r := range []*request{w.exchangeRequest(w.begin("web")), spent} {
			ctx, hangUp := context.WithCancel(t.Context())
			f.heal()
			f.before = func(string, string) error {
				if f.calls == n {
					hangUp()
				}
				return nil
			}
			req := httptest.NewRequestWithContext(ctx, r.method, r.path, strings.NewReader(r.params.Encode()))
			req.Header = r.header.Clone()
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			rec := httptest.NewRecorder()
			before := w.store.written()
			w.server.ServeHTTP(rec, req)
			hangUp()
			f.heal()
			if writes := w.store.written() - before; (rec.Code == http.StatusOK) != (writes == 1) {
				t.Errorf("hung up at call %d: %d after %d writes", n, rec.Code, writes)
			}
		}
		w.good(w.do(spent)) // a retry, or the first use
	}
}

// TestA357 fails inside with words that are nobody's business.
func TestA357(t *testing.T) {
	private := errors.New(`pq: relation "grants" at 10.0.0.7 password=hunter2`)
	for name, c := range map[string]struct {
		change func(*oauth.Config)
		fault  func(w *world)
	}{
		"the store":  {func(*oauth.Config) {}, func(w *world) { w.store.fail = func(string) error { return private } }},
		"the signer": {func(*oauth.Config) {}, func(w *world) { w.keys.Replace(token.Key{Signer: unwilling{signers()[0]}}) }},
		"a hook": {func(c *oauth.Config) {
			c.Claims = func(_ context.Context, g *oauth.Grant, _ *token.Claims) error {
				if strings.HasSuffix(g.Login.Subject, "alice") {
					return private
				}
				return nil
			}
		}, func(*world) {}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.change)
			defer w.tight()
			begun := w.begin("web")
			v := w.authorizeRequest(&session{app: "cli", verifier: strings.Repeat("v", 43)})
			c.fault(w)
			for _, r := range []*request{w.exchangeRequest(begun), v} {
				a := w.do(r)
				text := a.body + a.header.Get("Location") + a.header.Get("WWW-Authenticate")
				if strings.Contains(text, "hunter2") || strings.Contains(text, "pq:") || strings.Contains(text, "the box does not") {
					t.Errorf("the answer is %d %s", a.status, text)
				}
				if r.path == "/token" {
					w.unavailable(a)
					if a.status < 500 || errors.Unwrap(a.events[0].Err) == nil {
						t.Errorf("got %d, and the event says %v without a cause", a.status, a.events[0].Err)
					}
				}
			}
		})
	}
}

func TestA359(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.signIn("web")
	for _, accept := range []string{"text/html", "*/*", "application/json;q=0", "application/token-introspection+jwt", "", "\x00"} {
		for _, r := range []*request{
			w.credentials("job"),
			w.as("api", &request{method: http.MethodPost, path: "/introspect", params: url.Values{"token": {s.access}}}),
			w.refreshRequest(&session{app: "web", refresh: "x"}),
		} {
			if accept != "\x00" { // which no client can send
				r.header.Set("Accept", accept)
			}
			if a := w.do(r); a.header.Get("Content-Type") != "application/json" || a.json == nil {
				t.Errorf("Accept %q: %s gets %q", accept, r.path, a.header.Get("Content-Type"))
			}
		}
	}
}

func TestA360(t *testing.T) {
	w := newWorld(t)
	for _, bad := range []string{`a"b`, `a\b`, "a\r\nb", "é"} {
		c := w.config
		c.Issuer = "https://auth.example.com/" + bad
		if _, err := oauth.New(c); err == nil {
			t.Errorf("an issuer with %q was accepted", bad)
		}
		c = w.config
		c.Scopes = []string{bad}
		if _, err := oauth.New(c); err == nil {
			t.Errorf("a scope with %q was accepted", bad)
		}
		accept := token.VerifierConfig{Issuer: w.url, Audience: api, Keys: w.keys}
		if _, err := resource.New(resource.Config{Accept: accept, Metadata: true, Scopes: []string{bad}}); err == nil {
			t.Errorf("a guard with the scope %q was accepted", bad)
		}
		accept.Audience = api + "/" + bad
		if _, err := resource.New(resource.Config{Accept: accept, Metadata: true}); err == nil {
			t.Errorf("a guard for %q was accepted", accept.Audience)
		}
	}
}

// TestA362 sends JSON to a dialect that takes it.
func TestA362(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) { c.Profile = profile.JSON() })
	defer w.tight()
	w.keep("secret of job", secretOf("job"))
	good := `{"grant_type":"client_credentials","client_id":"job","client_secret":"` + secretOf("job") + `","scope":"read"}`
	send := func(body string) *answer {
		return w.do(&request{method: http.MethodPost, path: "/token", raw: body, header: http.Header{"Content-Type": {"application/json"}, "Authorization": {basicOf("job", secretOf("job"))}}})
	}
	w.good(send(`{"grant_type":"client_credentials","scope":"read"}`))
	for name, body := range map[string]string{
		"a member twice":      `{"grant_type":"client_credentials","scope":"read","scope":"read"}`,
		"another letter case": `{"GRANT_TYPE":"client_credentials"}`,
		"deep":                `{"grant_type":"client_credentials","x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`,
		"a number too large":  `{"grant_type":1e400}`,
		"data behind":         `{"grant_type":"client_credentials"}{}`,
		"a mark in front":     "\ufeff" + `{"grant_type":"client_credentials"}`,
		"no UTF-8":            "{\"grant_type\":\"client_credentials\",\"scope\":\"a\xff\"}",
		"half a surrogate":    `{"grant_type":"client_credentials","scope":"\ud800"}`,
		"an array":            `[{"grant_type":"client_credentials"}]`,
		"null":                `null`,
		"a value of its own":  `{"grant_type":["client_credentials"]}`,
		"a value of nothing":  `{"grant_type":{}}`,
		"not closed":          `{"grant_type":"client_credentials"`,
		"two ways to say it":  good,
		"a control character": "{\"grant_type\":\"client_credentials\",\"scope\":\"a\nb\"}",
		"an escaped control":  `{"grant_type":"client_credentials","scope":"a\u0000b"}`,
	} {
		t.Run(name, func(t *testing.T) {
			w.unchanged(func() { w.refused(send(body), 400, "invalid_request") })
		})
	}
}
