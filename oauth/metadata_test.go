package oauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

// document gets the metadata as a client would.
func (h *host) document(t testing.TB, path string) map[string]any {
	t.Helper()
	res, err := http.Get(h.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var doc map[string]any
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", path, res.StatusCode, err)
	}
	return doc
}

// R8414-3-1, R8414-3.1-1, R8414-3.3-1, R9700-2.6-1, MCP-AS-2
func TestMetadataPlaces(t *testing.T) {
	t.Parallel()
	for _, test := range readWellKnown(t).Cases {
		if test.Kind == "protected_resource" {
			continue // package resource
		}
		t.Run(test.ID+" "+test.Identifier+" "+test.Kind, func(t *testing.T) {
			h := newHost(t, func(c *oauth.Config) { c.Issuer = test.Identifier })
			u, err := url.Parse(test.URL)
			if err != nil {
				t.Fatal(err)
			}
			doc := h.document(t, u.Path)
			if doc["issuer"] != test.Identifier {
				t.Errorf("issuer is %q", doc["issuer"])
			}
			if want := strings.TrimSuffix(test.Identifier, "/") + "/token"; doc["token_endpoint"] != want {
				t.Errorf("token_endpoint is %q, want %q", doc["token_endpoint"], want)
			}
		})
	}
}

// R8414-3.1-1, R8414-3.2-1
func TestMetadataHeaders(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for path, contentType := range map[string]string{
		"/.well-known/oauth-authorization-server": "application/json",
		"/.well-known/openid-configuration":       "application/json",
		"/jwks":                                   "application/jwk-set+json",
	} {
		t.Run(path, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD"} {
				a := h.browser().do(method, path, nil)
				if a.StatusCode != http.StatusOK || (a.body == "") != (method == "HEAD") {
					t.Errorf("%s: got %d, %d bytes", method, a.StatusCode, len(a.body))
				}
				for name, want := range map[string]string{"Content-Type": contentType, "Cache-Control": "public, max-age=300",
					"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"} {
					if got := a.Header.Get(name); got != want {
						t.Errorf("%s: %s is %q, want %q", method, name, got, want)
					}
				}
			}
			for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
				if a := h.browser().do(method, path, nil); a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET, HEAD" {
					t.Errorf("%s: got %d, Allow %q", method, a.StatusCode, a.Header.Get("Allow"))
				}
			}
		})
	}
}

// R8414-2-2, R8414-2-3, R8414-2-5, R8414-3.2-1
func TestMetadataFollowsTheConfiguration(t *testing.T) {
	t.Parallel()
	algorithms := []any{"ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	methods := []any{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	for name, test := range map[string]struct {
		change func(*oauth.Config)
		want   map[string]any
	}{
		"the token endpoint alone": {func(c *oauth.Config) {
			c.SignedIn, c.Interact, c.Scopes = nil, nil, []string{}
			c.Paths = oauth.Paths{Introspect: "-", Revoke: "-", JWKS: "-"}
		}, map[string]any{
			"issuer": "https://as.example/t1", "token_endpoint": "https://as.example/t1/token",
			"grant_types_supported":                            []any{"refresh_token", "client_credentials"},
			"token_endpoint_auth_methods_supported":            append([]any{"none"}, methods...),
			"token_endpoint_auth_signing_alg_values_supported": algorithms,
		}},
		"introspection alone": {func(c *oauth.Config) {
			c.Paths = oauth.Paths{Authorize: "-", Token: "-", Introspect: "/i", Revoke: "-", JWKS: "-"}
			c.Scopes = []string{"z", "a"}
		}, map[string]any{
			"issuer": "https://as.example/t1", "introspection_endpoint": "https://as.example/t1/i",
			"introspection_endpoint_auth_methods_supported":            methods,
			"introspection_endpoint_auth_signing_alg_values_supported": algorithms,
			"scopes_supported": []any{"z", "a"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, func(c *oauth.Config) { c.Issuer = "https://as.example/t1" }, test.change)
			if diff := cmp.Diff(test.want, h.document(t, "/.well-known/oauth-authorization-server/t1")); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
		})
	}
}

// walk is a server with an app for each method of authentication, and its metadata.
type walk struct {
	*host
	doc  map[string]any
	keys map[string]crypto.Signer // by algorithm
}

func newWalk(t *testing.T, path string) *walk {
	w := &walk{keys: clientKeys(t)}
	var set jose.JSONWebKeySet
	for alg, key := range w.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: alg, Algorithm: alg, Use: "sig"})
	}
	jwks, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	w.host = newHost(t, func(c *oauth.Config) {
		c.Issuer += path
		c.GrantTypes = map[string]oauth.GrantHandler{hostGrant: nil}
		c.Apps = apps(func(s registry.Static) {
			all := []string{"authorization_code", "refresh_token", "client_credentials", hostGrant}
			for _, id := range []string{"spa", "web", "two", "first"} {
				app := edit(s, id)
				app.Policy.FirstParty = true
				app.Manifest.RedirectURIs = []string{callback}
				app.Manifest.GrantTypes = all
				if app.Manifest.Public() {
					app.Manifest.GrantTypes = []string{"authorization_code", "refresh_token", hostGrant}
				}
			}
			app := edit(s, "first")
			app.Secrets, app.Manifest.AuthMethod, app.Manifest.JWKS = nil, "private_key_jwt", jwks
		})
		c.GrantTypes[hostGrant] = w.hosted
	})
	w.doc = w.document(t, "/.well-known/oauth-authorization-server"+path)
	return w
}

func clientKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	keys := make(map[string]crypto.Signer)
	for alg, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[alg] = key
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys["EdDSA"] = edwards
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		keys[alg] = key
	}
	return keys
}

// appOf is the app that registered each method.
var appOf = map[string]string{"none": "spa", "client_secret_basic": "web", "client_secret_post": "two", "private_key_jwt": "first"}

// at returns the path of an endpoint, as the metadata has it.
func (w *walk) at(t testing.TB, endpoint string) string {
	t.Helper()
	full, _ := w.doc[endpoint].(string)
	path, ok := strings.CutPrefix(full, w.url)
	if !ok {
		t.Fatalf("%s is %q", endpoint, full)
	}
	return path
}

func (w *walk) list(name string) (list []string) {
	values, _ := w.doc[name].([]any)
	for _, v := range values {
		list = append(list, v.(string))
	}
	return list
}

// ask sends form by the method, with an assertion of the algorithm if it is private_key_jwt.
func (w *walk) ask(t testing.TB, endpoint, method, alg string, form url.Values) reply {
	t.Helper()
	form = url.Values(http.Header(form).Clone())
	header := http.Header{}
	app := appOf[method]
	switch method {
	case "none":
		form.Set("client_id", app)
	case "client_secret_basic":
		header.Set("Authorization", basic(app, secret))
	case "client_secret_post":
		form.Set("client_id", app)
		form.Set("client_secret", secret)
	case "private_key_jwt":
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", w.assertion(t, app, alg))
	case "client_secret_jwt": // an assertion under the secret
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", w.assertion(t, "web", "HS256"))
	case "Bearer", "Digest", "Negotiate":
		header.Set("Authorization", method+" "+base64.StdEncoding.EncodeToString([]byte("web:"+secret)))
	case "tls_client_auth", "self_signed_tls_client_auth":
		form.Set("client_id", "web")
	default:
		t.Fatalf("the test does not know the method %q", method)
	}
	return w.raw(w.at(t, endpoint), header, form.Encode())
}

// assertion signs with go-jose, or by hand what go-jose has no algorithm for.
func (w *walk) assertion(t testing.TB, app, alg string) string {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"iss": app, "sub": app, "aud": w.config.Issuer, "jti": rand.Text(), "exp": w.clock().Unix() + 60})
	if err != nil {
		t.Fatal(err)
	}
	var key any = w.keys[alg]
	switch {
	case strings.HasPrefix(alg, "HS"):
		key = []byte(secret + secret)
	case w.keys[alg] == nil:
		encode := base64.RawURLEncoding.EncodeToString
		kid := "ES256"
		if strings.HasPrefix(alg, "Ed") {
			kid = "EdDSA"
		}
		input := encode([]byte(`{"alg":"`+alg+`","kid":"`+kid+`"}`)) + "." + encode(payload)
		var sig []byte
		switch { // a good signature under a name that is not advertised; none for the rest
		case kid == "EdDSA":
			sig = ed25519.Sign(w.keys["EdDSA"].(ed25519.PrivateKey), []byte(input))
		case strings.EqualFold(alg[:min(2, len(alg))], "es"):
			hash := sha256.Sum256([]byte(input))
			r, s, err := ecdsa.Sign(rand.Reader, w.keys["ES256"].(*ecdsa.PrivateKey), hash[:])
			if err != nil {
				t.Fatal(err)
			}
			sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
		return input + "." + encode(sig)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: key, KeyID: alg}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	object, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func (w *walk) hosted(_ context.Context, r *oauth.TokenRequest) (*oauth.Approval, error) {
	return &oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: w.clock()}}, nil
}

// grantForm is a good token request of the app, but for its authentication.
func (w *walk) grantForm(t testing.TB, grantType, app string) url.Values {
	t.Helper()
	form := url.Values{"grant_type": {grantType}}
	switch grantType {
	case "authorization_code":
		a := w.signedInAs(alice).do("GET", w.at(t, "authorization_endpoint")+"?"+w.request(app).Encode(), nil)
		form.Set("code", a.location(t).Get("code"))
		form.Set("code_verifier", verifier)
		form.Set("redirect_uri", callback)
	case "refresh_token":
		r, err := w.srv.Issue(t.Context(), app, oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: w.clock()}})
		if err != nil {
			t.Fatal(err)
		}
		form.Set("refresh_token", r.RefreshToken)
	}
	return form
}

func (w *walk) accessToken(t testing.TB, app string) url.Values {
	t.Helper()
	r, err := w.srv.Issue(t.Context(), app, oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: w.clock()}})
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"token": {r.AccessToken}}
}

// TestMetadataIsTrue uses whatever the metadata advertises, and is refused what it does not. A member that
// has no test here is an error.
//
// R6749-4.2-1, R6749-4.3-1, R8414-2-2, R8414-2-3, R9068-4-1, R9207-2.3-1, R9207-2.4-1, R9700-2.1.1-4, R9700-2.4-1, OAuth21-10-1, MCP-AS-2, MCP-AS-3, MCP-AS-4
func TestMetadataIsTrue(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"without a path": "", "with a path": "/tenants/one"} {
		t.Run("an issuer "+name, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, path)
			for _, member := range slices.Sorted(maps.Keys(w.doc)) {
				test := memberTests[member]
				if test == nil {
					t.Errorf("no test for %s", member)
					continue
				}
				t.Run(member, func(t *testing.T) { test(t, w) })
			}
			for member := range memberTests {
				if _, ok := w.doc[member]; !ok {
					t.Errorf("%s is not there", member)
				}
			}
		})
	}
}

var memberTests = map[string]func(*testing.T, *walk){
	"issuer": func(t *testing.T, w *walk) {
		if w.doc["issuer"] != w.config.Issuer {
			t.Errorf("it is %q", w.doc["issuer"])
		}
	},
	"authorization_endpoint": func(t *testing.T, w *walk) { w.flow(t, "web") },
	"token_endpoint": func(t *testing.T, w *walk) {
		w.ask(t, "token_endpoint", "client_secret_basic", "", url.Values{"grant_type": {"client_credentials"}}).want(t, 200, "")
	},
	"introspection_endpoint": func(t *testing.T, w *walk) { w.introspects(t, "client_secret_basic", "") },
	"revocation_endpoint":    func(t *testing.T, w *walk) { w.revokes(t, "client_secret_basic", "") },
	"jwks_uri": func(t *testing.T, w *walk) {
		verify, err := token.NewVerifier(token.VerifierConfig{Issuer: w.config.Issuer, Audience: api, JWKSURI: w.doc["jwks_uri"].(string),
			Now: w.clock})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify.Verify(t.Context(), w.flow(t, "web").str("access_token")); err != nil {
			t.Error(err)
		}
	},
	"scopes_supported": func(t *testing.T, w *walk) {
		for _, scope := range append(w.list("scopes_supported"), "root") {
			got := w.answer(t, "scope", scope)
			if known := scope != "root"; got.Has("code") != known || !known && got.Get("error") != "invalid_scope" {
				t.Errorf("scope %s got %q", scope, got)
			}
		}
	},
	"response_types_supported": func(t *testing.T, w *walk) {
		for _, v := range []string{"code", "token", "id_token", "none", "code token", "code id_token", "id_token token"} {
			got := w.answer(t, "response_type", v)
			if known := slices.Contains(w.list("response_types_supported"), v); got.Has("code") != known || !known && got.Get("error") != "unsupported_response_type" {
				t.Errorf("%s got %q", v, got)
			}
		}
	},
	"response_modes_supported": func(t *testing.T, w *walk) {
		for _, v := range []string{"query", "fragment", "form_post", "jwt", "query.jwt", "web_message"} {
			got := w.answer(t, "response_mode", v)
			if known := slices.Contains(w.list("response_modes_supported"), v); got.Has("code") != known || !known && got.Get("error") != "invalid_request" {
				t.Errorf("%s got %q", v, got)
			}
		}
	},
	"code_challenge_methods_supported": func(t *testing.T, w *walk) {
		for _, v := range []string{"S256", "plain", "S512"} {
			got := w.answer(t, "code_challenge_method", v)
			if known := slices.Contains(w.list("code_challenge_methods_supported"), v); got.Has("code") != known || !known && got.Get("error") != "invalid_request" {
				t.Errorf("%s got %q", v, got)
			}
		}
	},
	"authorization_response_iss_parameter_supported": func(t *testing.T, w *walk) {
		for _, scope := range []string{"read", "root"} {
			if got := w.answer(t, "scope", scope); !slices.Equal(got["iss"], []string{w.config.Issuer}) {
				t.Errorf("the answer has %q", got)
			}
		}
	},
	"prompt_values_supported": func(t *testing.T, w *walk) {
		wants := map[string]string{"none": "code", "login": "signin", "consent": "consent", "create": "invalid_request", "select_account": "invalid_request"}
		for v, want := range wants {
			if slices.Contains(w.list("prompt_values_supported"), v) != (want != "invalid_request") {
				t.Errorf("%s is advertised, or is not", v)
			}
			b := w.signedInAs(oauth.Login{Subject: "alice", Time: w.clock().Add(-60e9)})
			a := b.do("GET", w.at(t, "authorization_endpoint")+"?"+w.request("web", "prompt", v).Encode(), nil)
			got := ""
			if a.StatusCode == http.StatusOK {
				got, _ = a.form(t)
			} else if got = a.location(t).Get("error"); a.location(t).Has("code") {
				got = "code"
			}
			if got != want {
				t.Errorf("%s got %s, want %s", v, got, want)
			}
		}
	},
	"grant_types_supported": func(t *testing.T, w *walk) {
		for _, grantType := range w.list("grant_types_supported") {
			w.ask(t, "token_endpoint", "client_secret_basic", "", w.grantForm(t, grantType, "web")).want(t, 200, "")
		}
		for _, grantType := range []string{"password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:device_code",
			"urn:ietf:params:oauth:grant-type:token-exchange", "urn:openid:params:grant-type:ciba", "AUTHORIZATION_CODE"} {
			if slices.Contains(w.list("grant_types_supported"), grantType) {
				t.Errorf("%s is advertised", grantType)
			}
			w.ask(t, "token_endpoint", "client_secret_basic", "", url.Values{"grant_type": {grantType}}).want(t, 400, "unsupported_grant_type")
		}
	},
	"token_endpoint_auth_methods_supported": func(t *testing.T, w *walk) {
		w.methods(t, "token_endpoint", func(method string) {
			w.ask(t, "token_endpoint", method, "ES256", w.grantForm(t, "authorization_code", appOf[method])).want(t, 200, "")
		})
	},
	"introspection_endpoint_auth_methods_supported": func(t *testing.T, w *walk) {
		w.methods(t, "introspection_endpoint", func(method string) { w.introspects(t, method, "ES256") })
	},
	"revocation_endpoint_auth_methods_supported": func(t *testing.T, w *walk) {
		w.methods(t, "revocation_endpoint", func(method string) { w.revokes(t, method, "ES256") })
	},
	"token_endpoint_auth_signing_alg_values_supported": func(t *testing.T, w *walk) {
		w.algorithms(t, "token_endpoint", func(alg string) {
			w.ask(t, "token_endpoint", "private_key_jwt", alg, url.Values{"grant_type": {"client_credentials"}}).want(t, 200, "")
		})
	},
	"introspection_endpoint_auth_signing_alg_values_supported": func(t *testing.T, w *walk) {
		w.algorithms(t, "introspection_endpoint", func(alg string) { w.introspects(t, "private_key_jwt", alg) })
	},
	"revocation_endpoint_auth_signing_alg_values_supported": func(t *testing.T, w *walk) {
		w.algorithms(t, "revocation_endpoint", func(alg string) { w.revokes(t, "private_key_jwt", alg) })
	},
}

// answer is what the app gets for a request with one parameter set.
func (w *walk) answer(t *testing.T, name, value string) url.Values {
	t.Helper()
	return w.signedInAs(alice).do("GET", w.at(t, "authorization_endpoint")+"?"+w.request("web", name, value).Encode(), nil).location(t)
}

func (w *walk) flow(t *testing.T, app string) reply {
	t.Helper()
	return w.ask(t, "token_endpoint", "client_secret_basic", "", w.grantForm(t, "authorization_code", app)).want(t, 200, "")
}

func (w *walk) introspects(t *testing.T, method, alg string) {
	t.Helper()
	r := w.ask(t, "introspection_endpoint", method, alg, w.accessToken(t, appOf[method])).want(t, 200, "")
	if r.json["active"] != true {
		t.Errorf("by %s %s: got %s", method, alg, r.body)
	}
}

func (w *walk) revokes(t *testing.T, method, alg string) {
	t.Helper()
	form := w.accessToken(t, appOf[method])
	w.ask(t, "revocation_endpoint", method, alg, form).want(t, 200, "")
	if w.active(form.Get("token")) {
		t.Errorf("by %s %s: the token is still active", method, alg)
	}
}

// methods uses each method that is advertised at the endpoint, and is refused all others that are
// registered or common.
func (w *walk) methods(t *testing.T, endpoint string, use func(method string)) {
	t.Helper()
	advertised := w.list(endpoint + "_auth_methods_supported")
	for _, method := range advertised {
		use(method)
	}
	for _, method := range []string{"none", "client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt",
		"tls_client_auth", "self_signed_tls_client_auth", "Bearer", "Digest", "Negotiate"} {
		if slices.Contains(advertised, method) {
			continue
		}
		w.ask(t, endpoint, method, "ES256", url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}).want(t, 401, "invalid_client")
	}
}

func (w *walk) algorithms(t *testing.T, endpoint string, use func(alg string)) {
	t.Helper()
	advertised := w.list(endpoint + "_auth_signing_alg_values_supported")
	if len(advertised) != len(w.keys) {
		t.Errorf("advertises %q", advertised)
	}
	for _, alg := range advertised {
		use(alg)
	}
	for _, alg := range []string{"none", "None", "", "HS256", "HS384", "HS512", "ES256K", "Ed25519", "Ed448", "RS1", "es256"} {
		if slices.Contains(advertised, alg) {
			t.Errorf("%q is advertised", alg)
		}
		w.ask(t, endpoint, "private_key_jwt", alg, url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}).want(t, 401, "invalid_client")
	}
}

// The key set that is served is the ring's, by the server's clock.
func TestJWKSFollowsTheRing(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	get := func() string {
		rec := httptest.NewRecorder()
		h.srv.ServeHTTP(rec, httptest.NewRequest("GET", "/jwks", nil))
		return rec.Body.String()
	}
	before := get()
	if before != string(h.keys.JWKS(h.now)) {
		t.Errorf("got %s", before)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.keys.Replace(token.Key{Signer: key}); err != nil {
		t.Fatal(err)
	}
	if after := get(); after == before || after != string(h.keys.JWKS(h.now)) {
		t.Errorf("after the exchange got %s", after)
	}
}
