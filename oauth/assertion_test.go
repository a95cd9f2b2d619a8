package oauth_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

// machine is an app that signs its assertions.
type machine struct {
	h    *host
	id   string
	keys *token.Keys
}

// newMachine starts a host with two apps that authenticate by private_key_jwt, and returns the first: it
// may use every grant type and see its own tokens.
func newMachine(t testing.TB, change ...func(*oauth.Config, *registry.App)) *machine {
	t.Helper()
	m := &machine{id: "machine", keys: newKeys(t)}
	m.h = newHost(t, func(c *oauth.Config) {
		manifest := registry.Manifest{Name: "Machine", AuthMethod: "private_key_jwt", JWKS: m.keys.JWKS(time.Now()), Scopes: []string{"read", "write"},
			RedirectURIs: []string{callback}, GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}}
		s := apps(func(s registry.Static) { edit(s, "web").Manifest.AuthMethod = "client_secret_basic" })
		other := manifest
		other.JWKS = newKeys(t).JWKS(time.Now())
		s = append(s, registry.App{ID: m.id, Manifest: manifest}, registry.App{ID: "other", Manifest: other})
		for _, f := range change {
			f(c, edit(s, m.id))
		}
		c.Apps = s
	})
	return m
}

// claims are those of a good assertion, changed; nil removes one.
func (m *machine) claims(change map[string]any) map[string]any {
	c := map[string]any{"iss": m.id, "sub": m.id, "aud": m.h.url, "jti": rand.Text(),
		"exp": m.h.clock().Unix() + 60, "iat": m.h.clock().Unix()}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (m *machine) sign(typ string, claims map[string]any) string {
	return signed(m.h.t, m.keys, typ, claims)
}

func signed(t testing.TB, keys *token.Keys, typ string, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := keys.SignJWT(typ, payload, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return jwt
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// post sends form with an assertion.
func (m *machine) post(path, assertion string, form url.Values) reply {
	m.h.t.Helper()
	form = url.Values(http.Header(form).Clone())
	form.Set("client_assertion", assertion)
	form.Set("client_assertion_type", assertionType)
	return m.h.raw(path, http.Header{}, form.Encode())
}

var ccForm = url.Values{"grant_type": {"client_credentials"}}

// R7521-5.1-1, R7521-5.2-1, R7521-4.2.1-1, R7523-3-1, R7523bis-6-1, R7523bis-6-2, R8725-3.12-1, OAuth21-2.4-1
func TestAssertion(t *testing.T) {
	const past, soon = -61, 3600
	m := newMachine(t)
	now := m.h.clock().Unix()
	for _, tt := range []struct {
		name   string
		typ    string
		change map[string]any
		ok     bool
	}{
		{name: "without typ", ok: true},
		{name: "of the type JWT", typ: "JWT", ok: true},
		{name: "of the type client-authentication+jwt", typ: "client-authentication+jwt", ok: true},
		{name: "that lives for five minutes", change: map[string]any{"exp": now + 300}, ok: true},
		{name: "that expired within the skew", change: map[string]any{"exp": now - 59}, ok: true},
		{name: "issued ahead within the skew", change: map[string]any{"iat": now + 60, "nbf": now + 60}, ok: true},

		{name: "without iss", change: map[string]any{"iss": nil}},
		{name: "without sub", change: map[string]any{"sub": nil}},
		{name: "with another iss", change: map[string]any{"iss": "other"}},
		{name: "with another sub", change: map[string]any{"sub": "other"}},
		{name: "of another client", change: map[string]any{"iss": "other", "sub": "other"}},
		{name: "of an unknown client", change: map[string]any{"iss": "nobody", "sub": "nobody"}},
		{name: "of a client with a secret", change: map[string]any{"iss": "svc", "sub": "svc"}},
		{name: "of a public client", change: map[string]any{"iss": "pub", "sub": "pub"}},
		{name: "with iss of another type", change: map[string]any{"iss": 1}},
		{name: "without aud", change: map[string]any{"aud": nil}},
		{name: "for the token endpoint", change: map[string]any{"aud": m.h.url + "/token"}},
		{name: "for the issuer with a slash", change: map[string]any{"aud": m.h.url + "/"}},
		{name: "for a list", change: map[string]any{"aud": []string{m.h.url}}},
		{name: "for two servers", change: map[string]any{"aud": []string{m.h.url, "https://other.example"}}},
		{name: "without exp", change: map[string]any{"exp": nil}},
		{name: "with exp of another type", change: map[string]any{"exp": "soon"}},
		{name: "with exp null", change: map[string]any{"exp": json.RawMessage("null")}},
		{name: "with iat null", change: map[string]any{"iat": json.RawMessage("null")}},
		{name: "with nbf null", change: map[string]any{"nbf": json.RawMessage("null")}},
		{name: "with exp beyond numbers", change: map[string]any{"exp": json.RawMessage("1e400")}},
		{name: "expired", change: map[string]any{"exp": now + past}},
		{name: "expired to the second", change: map[string]any{"exp": now - 60}},
		{name: "that lives too long", change: map[string]any{"exp": now + 361}},
		{name: "that lives for a year", change: map[string]any{"exp": now + 365*86400}},
		{name: "from the future", change: map[string]any{"iat": now + soon}},
		{name: "not yet good", change: map[string]any{"nbf": now + soon}},
		{name: "without jti", change: map[string]any{"jti": nil}},
		{name: "with an empty jti", change: map[string]any{"jti": ""}},
		{name: "with a jti of another type", change: map[string]any{"jti": 1}},
		{name: "with a jti of 4 KiB", change: map[string]any{"jti": strings.Repeat("x", 4<<10)}},
		{name: "of the type of access tokens", typ: "at+jwt"},
		{name: "of the type of DPoP proofs", typ: "dpop+jwt"},
		{name: "of the type of request objects", typ: "oauth-authz-req+jwt"},
		{name: "of the type of logout tokens", typ: "logout+jwt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := m.post("/token", m.sign(tt.typ, m.claims(tt.change)), ccForm)
			if tt.ok {
				r.want(t, 200, "")
			} else {
				r.want(t, 401, "invalid_client")
			}
		})
	}
}

// R7521-3-1, R7521-5.2-1
func TestAssertionSignature(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	keys, err := token.NewKeys(token.Key{Signer: key})
	must(t, err)
	m := newMachine(t, func(_ *oauth.Config, app *registry.App) { app.Manifest.JWKS = keys.JWKS(time.Now()) })
	m.keys = keys
	var set struct{ Keys []map[string]any }
	must(t, json.Unmarshal(keys.JWKS(time.Now()), &set))

	claims := m.claims(nil)
	good := m.sign("", claims)
	payload := decoded(t, strings.Split(good, ".")[1])
	join := func(header map[string]any, payload []byte) string {
		b, err := json.Marshal(header)
		must(t, err)
		return base64.RawURLEncoding.EncodeToString(b) + "." + base64.RawURLEncoding.EncodeToString(payload)
	}
	// Signed by the right key, with one thing wrong before the signature.
	sign := func(header map[string]any, payload []byte) string {
		header["alg"] = "ES256"
		input := join(header, payload)
		hash := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, key, hash[:])
		must(t, err)
		var sig [64]byte
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
		return input + "." + base64.RawURLEncoding.EncodeToString(sig[:])
	}
	embedded := func(name string, value any) string { return sign(map[string]any{name: value}, payload) }
	edited := func(old, new string) string {
		edited := bytes.Replace(payload, []byte(old), []byte(new), 1)
		if bytes.Equal(edited, payload) {
			t.Fatalf("no %s in the claims", old)
		}
		return sign(map[string]any{}, edited)
	}
	stranger := newKeys(t)
	for name, assertion := range map[string]string{
		"of alg none":                  join(map[string]any{"alg": "none"}, payload) + ".",
		"of alg none with a signature": join(map[string]any{"alg": "none"}, payload) + ".eA",
		"of alg HS256":                 join(map[string]any{"alg": "HS256"}, payload) + "." + strings.Repeat("A", 43),
		"signed by a stranger":         signed(t, stranger, "", claims),
		"signed by the server itself":  signed(t, m.h.keys, "", claims),
		"with a key of its own":        embedded("jwk", set.Keys[0]),
		"with a URL of keys":           embedded("jku", "https://evil.example/jwks"),
		"with a certificate":           embedded("x5c", []string{"AA=="}),
		"critical":                     embedded("crit", []string{"exp"}),
		"with sub twice":               edited(`"sub":"machine"`, `"sub":"other","sub":"machine"`),
		"with exp twice":               edited(`"exp":`, `"exp":1,"exp":`),
		"with sub in capitals":         edited(`"sub"`, `"SUB"`),
		"not in UTF-8":                 edited(`"jti":"`, `"jti":"`+"\xff"),
		"with more after the claims":   edited(`}`, `}{}`),
		"cut":                          good[:len(good)-2],
		"with a signature of its own":  good[:strings.LastIndex(good, ".")+1] + strings.Repeat("A", 86),
		"doubled":                      good + "." + good,
		"not a JWT":                    "x",
		"of 16 KiB":                    strings.Repeat("x", 16<<10) + good,
	} {
		t.Run(name, func(t *testing.T) {
			m.post("/token", assertion, ccForm).want(t, 401, "invalid_client")
		})
	}
	// None of them has spent the jti, which all of them carried.
	m.post("/token", good, ccForm).want(t, 200, "")
	m.post("/token", good, ccForm).want(t, 401, "invalid_client")
}

func TestAssertionParameters(t *testing.T) {
	m := newMachine(t)
	for _, tt := range []struct {
		name   string
		set    string
		status int
		code   string
	}{
		{"without a type", "client_assertion=A", 400, "invalid_request"},
		{"a type alone", "client_assertion_type=" + assertionType, 400, "invalid_request"},
		{"of another type", "client_assertion=A&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:saml2-bearer", 401, "invalid_client"},
		// R7523-2-1
		{"twice", "client_assertion=A&client_assertion=A&client_assertion_type=" + assertionType, 400, "invalid_request"},
		{"with its type twice", "client_assertion=A&client_assertion_type=" + assertionType + "&client_assertion_type=" + assertionType, 400, "invalid_request"},
		// R7521-4.2-1
		{"with another client_id", "client_assertion=A&client_id=svc&client_assertion_type=" + assertionType, 401, "invalid_client"},
		{"with its client_id", "client_assertion=A&client_id=machine&client_assertion_type=" + assertionType, 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := strings.ReplaceAll(tt.set, "=A", "="+m.sign("", m.claims(nil)))
			m.h.raw("/token", http.Header{}, "grant_type=client_credentials&"+set).want(t, tt.status, tt.code)
		})
	}
	t.Run("a client with keys has no other method", func(t *testing.T) {
		m.h.raw("/token", http.Header{}, "grant_type=client_credentials&client_id=machine").want(t, 401, "invalid_client")
		m.h.raw("/token", http.Header{}, "grant_type=client_credentials&client_id=machine&client_secret="+secret).want(t, 401, "invalid_client")
		m.h.raw("/token", http.Header{"Authorization": {basic("machine", secret)}}, "grant_type=client_credentials").want(t, 401, "invalid_client")
	})
	t.Run("an assertion is no grant", func(t *testing.T) {
		form := "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=" + m.sign("", m.claims(nil))
		m.h.raw("/token", http.Header{"Authorization": {basic("svc", secret)}}, form).want(t, 400, "unsupported_grant_type")
	})
}

// R7523-3-2
func TestAssertionReplay(t *testing.T) {
	m := newMachine(t)
	t.Run("until it has expired, skew and all", func(t *testing.T) {
		assertion := m.sign("", m.claims(map[string]any{"exp": m.h.clock().Unix() + 300}))
		m.post("/token", assertion, ccForm).want(t, 200, "")
		for range 6 {
			m.post("/token", assertion, ccForm).want(t, 401, "invalid_client")
			m.h.pass(61 * time.Second)
			if _, err := m.h.config.Store.Sweep(t.Context(), m.h.clock().Unix(), 1000); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("by another process on the same store", func(t *testing.T) {
		assertion := m.sign("", m.claims(nil))
		m.post("/token", assertion, ccForm).want(t, 200, "")
		m.h.restart()
		m.post("/token", assertion, ccForm).want(t, 401, "invalid_client")
	})
	t.Run("a jti is the client's own", func(t *testing.T) {
		keys := newKeys(t)
		edit(m.h.config.Apps.(registry.Static), "other").Manifest.JWKS = keys.JWKS(time.Now())
		claims := m.claims(nil)
		m.post("/token", m.sign("", claims), ccForm).want(t, 200, "")
		claims["iss"], claims["sub"] = "other", "other"
		m.post("/token", signed(t, keys, "", claims), ccForm).want(t, 200, "")
	})
	t.Run("at introspection and revocation", func(t *testing.T) {
		tok := m.post("/token", m.sign("", m.claims(nil)), ccForm).str("access_token")
		form := url.Values{"token": {tok}}
		assertion := m.sign("", m.claims(nil))
		if r := m.post("/introspect", assertion, form).want(t, 200, ""); r.json["active"] != true {
			t.Errorf("introspection says %s", r.body)
		}
		m.post("/introspect", assertion, form).want(t, 401, "invalid_client")
		m.post("/revoke", assertion, form).want(t, 401, "invalid_client")
		m.post("/token", assertion, ccForm).want(t, 401, "invalid_client")
		assertion = m.sign("", m.claims(nil))
		m.post("/revoke", assertion, form).want(t, 200, "")
		m.post("/revoke", assertion, form).want(t, 401, "invalid_client")
		if m.h.active(tok) {
			t.Error("the revoked token is active")
		}
	})
}

// A request that is refused, for whatever reason, leaves the client its assertion.
func TestAssertionOutlivesRefusal(t *testing.T) {
	fail := false
	m := newMachine(t, func(c *oauth.Config, _ *registry.App) {
		c.Store = &interceptor{Store: memory.New(), get: func(keys []string) error {
			if fail {
				return errDown
			}
			return nil
		}}
	})
	v := m.h.request("machine")
	code := m.h.signedInAs(oauth.Login{Subject: "alice"}).code(v)
	exchange := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {callback}}
	assertion := m.sign("", m.claims(nil))
	refused := func(path string, form url.Values, status int, code string) {
		t.Helper()
		m.post(path, assertion, form).want(t, status, code)
	}
	refused("/token", url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}, 400, "invalid_grant")
	refused("/token", url.Values{"grant_type": {"unknown"}}, 400, "unsupported_grant_type")
	refused("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"admin"}}, 400, "invalid_scope")
	refused("/token", url.Values{"grant_type": {"client_credentials"}, "resource": {"https://evil.example"}}, 400, "invalid_target")
	refused("/token", url.Values{"grant_type": {"client_credentials"}, "tenant": {"t"}}, 400, "invalid_grant")
	wrong := url.Values(http.Header(exchange).Clone())
	refused("/token", with(wrong, "code_verifier", strings.Repeat("x", 43)), 400, "invalid_grant")
	refused("/introspect", url.Values{}, 400, "invalid_request")
	refused("/revoke", url.Values{}, 400, "invalid_request")
	foreign := m.h.login("web").str("refresh_token")
	refused("/revoke", url.Values{"token": {foreign}}, 400, "unauthorized_client")
	fail = true
	refused("/introspect", url.Values{"token": {foreign}}, 503, "temporarily_unavailable")
	fail = false
	m.post("/token", assertion, exchange).want(t, 200, "")
	refused("/token", ccForm, 401, "invalid_client")
}

func TestAssertionInParallel(t *testing.T) {
	const n = 1000
	m := newMachine(t)
	refreshToken := func() string {
		v := m.h.request("machine")
		code := m.h.signedInAs(oauth.Login{Subject: "alice"}).code(v)
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {callback}}
		return m.post("/token", m.sign("", m.claims(nil)), form).want(t, 200, "").str("refresh_token")
	}
	for name, form := range map[string]url.Values{
		"client credentials": ccForm,
		"refresh":            {"grant_type": {"refresh_token"}, "refresh_token": {refreshToken()}},
	} {
		t.Run(name, func(t *testing.T) {
			assertion := m.sign("", m.claims(nil))
			var good, refused atomic.Int64
			atOnce(n, func(int) {
				switch r := m.post("/token", assertion, form); {
				case r.StatusCode == 200:
					good.Add(1)
				case r.StatusCode == 401 && r.str("error") == "invalid_client":
					refused.Add(1)
				}
			})
			if good.Load() != 1 || refused.Load() != int64(n-1) {
				t.Errorf("of %d uses %d succeeded and %d were refused, want 1 and %d", n, good.Load(), refused.Load(), n-1)
			}
		})
	}
}

// atOnce runs f on n goroutines that start together.
func atOnce(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
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

func TestAssertionMarkFails(t *testing.T) {
	fail := true
	m := newMachine(t, func(c *oauth.Config, _ *registry.App) {
		c.Store = &interceptor{Store: memory.New(), create: func(store.Record) error {
			if fail {
				return errDown
			}
			return nil
		}}
	})
	assertion := m.sign("", m.claims(nil))
	r := m.post("/token", assertion, ccForm).want(t, 503, "temporarily_unavailable")
	if r.json["access_token"] != nil {
		t.Errorf("a token in %s", r.body)
	}
	fail = false
	m.post("/token", assertion, ccForm).want(t, 200, "")
}

func TestAssertionRemoteKeys(t *testing.T) {
	var mu sync.Mutex
	var served *token.Keys
	var fetched int
	status := 200
	ts := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		fetched++
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.WriteHeader(status)
		w.Write(served.JWKS(time.Now()))
	}))
	t.Cleanup(ts.Close)
	remote := func(c *oauth.Config, app *registry.App) {
		app.Manifest.JWKS, app.Manifest.JWKSURI = nil, ts.URL+"/jwks"
		c.Fetch, c.InsecureFetch = ts.Client(), true
	}
	locked := func(f func()) {
		mu.Lock()
		defer mu.Unlock()
		f()
	}

	t.Run("are fetched once, and again when a new key signs", func(t *testing.T) {
		m := newMachine(t, remote)
		locked(func() { served, fetched = m.keys, 0 })
		for range 3 {
			m.post("/token", m.sign("", m.claims(nil)), ccForm).want(t, 200, "")
		}
		if fetched != 1 {
			t.Errorf("the keys were fetched %d times, want once", fetched)
		}
		m.h.pass(time.Minute)
		m.keys = newKeys(t)
		locked(func() { served = m.keys })
		m.post("/token", m.sign("", m.claims(nil)), ccForm).want(t, 200, "")
	})
	t.Run("a flood of unknown kids fetches once", func(t *testing.T) {
		m := newMachine(t, remote)
		locked(func() { served, fetched = m.keys, 0 })
		m.post("/token", m.sign("", m.claims(nil)), ccForm).want(t, 200, "")
		m.h.pass(time.Minute)
		m.keys = newKeys(t)
		atOnce(50, func(int) {
			m.post("/token", m.sign("", m.claims(nil)), ccForm).want(t, 401, "invalid_client")
		})
		if fetched > 2 {
			t.Errorf("the keys were fetched %d times, want at most twice", fetched)
		}
	})
	t.Run("that cannot be had refuse nobody for good", func(t *testing.T) {
		m := newMachine(t, remote)
		locked(func() { served, status = m.keys, 500 })
		assertion := m.sign("", m.claims(nil))
		m.post("/token", assertion, ccForm).want(t, 503, "temporarily_unavailable")
		locked(func() { status = 200 })
		m.h.pass(2 * time.Second)
		m.post("/token", assertion, ccForm).want(t, 200, "")
	})
	t.Run("are not fetched from a private network, unless that is named insecure", func(t *testing.T) {
		for insecure, want := range map[bool]string{false: "not an address of the public internet", true: "certificate"} {
			m := newMachine(t, remote, func(c *oauth.Config, _ *registry.App) {
				c.Fetch, c.InsecureFetch = http.DefaultClient, insecure
			})
			m.post("/token", m.sign("", m.claims(nil)), ccForm).want(t, 503, "temporarily_unavailable")
			if e := m.h.lastEvent(); e.Err == nil || !strings.Contains(e.Err.Error(), want) {
				t.Errorf("insecure %t: %v, want one with %q", insecure, e.Err, want)
			}
		}
	})
	t.Run("without Config.Fetch are never fetched", func(t *testing.T) {
		m := newMachine(t, remote, func(c *oauth.Config, _ *registry.App) { c.Fetch = nil })
		locked(func() { served, fetched = m.keys, 0 })
		m.post("/token", m.sign("", m.claims(nil)), ccForm).want(t, 401, "invalid_client")
		if fetched != 0 {
			t.Errorf("the keys were fetched %d times", fetched)
		}
	})
}
