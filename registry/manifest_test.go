package registry_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/registry"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk returns a public key as a JWK with further members.
func jwk(t testing.TB, key any, more string) string {
	t.Helper()
	switch k := key.(type) {
	case ed25519.PublicKey:
		return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q%s}`, b64(k), more)
	case *ecdsa.PublicKey:
		b, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q%s}`, b64(b[1:33]), b64(b[33:]), more)
	case *rsa.PublicKey:
		return fmt.Sprintf(`{"kty":"RSA","n":%q,"e":%q%s}`, b64(k.N.Bytes()), b64(big.NewInt(int64(k.E)).Bytes()), more)
	}
	t.Fatalf("no JWK of a %T", key)
	return ""
}

func edKey(t testing.TB) ed25519.PublicKey {
	t.Helper()
	k, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func set(keys ...string) json.RawMessage {
	return json.RawMessage(`{"keys":[` + strings.Join(keys, ",") + `]}`)
}

func TestManifestValidate(t *testing.T) {
	t.Parallel()
	ed := jwk(t, edKey(t), "")
	long := strings.Repeat("a", 3000)
	many := func(n int, format string) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(format, i))
		}
		return out
	}
	type M = registry.Manifest
	for _, c := range []struct {
		name   string
		change func(*M)
		member string // that has the fault; empty: none
	}{
		{"as it is", func(m *M) {}, ""},
		{"with everything", func(m *M) {
			*m = M{Name: "Café 👩‍👩‍👧", Description: "Two\nlines", LogoURI: "https://seats.example/logo.png", ClientURI: "https://seats.example",
				PolicyURI: "https://seats.example/privacy", TOSURI: "https://seats.example/terms?v=2", Contacts: []string{"dev@seats.example"},
				Categories: []string{"Ticketing"}, RedirectURIs: []string{"https://seats.example/cb"}, AuthMethod: "private_key_jwt", JWKS: set(ed),
				GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "https://seats.example/grant"},
				Scopes:     []string{"a", "b"}, RequiredScopes: []string{"b"}}
		}, ""},
		{"of an app without people", func(m *M) { *m = M{GrantTypes: []string{"client_credentials"}} }, ""},
		{"public", func(m *M) { m.AuthMethod = "none" }, ""},
		{"with a key address", func(m *M) { m.AuthMethod, m.JWKSURI = "private_key_jwt", "https://127.0.0.1:8443/keys" }, ""},

		{"without a name", func(m *M) { m.Name = "" }, "client_name"},
		{"a name with markup is text", func(m *M) { m.Name = "<b>Seats</b>" }, ""},
		{"a name of 101 bytes", func(m *M) { m.Name = strings.Repeat("a", 101) }, "client_name"},
		{"a name of two lines", func(m *M) { m.Name = "a\nb" }, "client_name"},
		{"a name that reorders text", func(m *M) { m.Name = "Seats \u202egnp.exe" }, "client_name"},
		{"a name with an isolate", func(m *M) { m.Name = "Seats\u2066x" }, "client_name"},
		{"a name of a filler", func(m *M) { m.Name = "\u3164" }, "client_name"},
		{"a name of an inherent vowel", func(m *M) { m.Name = "\u17b5" }, "client_name"},
		{"a name of a variation selector", func(m *M) { m.Name = "\ufe0f" }, "client_name"},
		{"a name with a variation selector", func(m *M) { m.Name = "Ac\ufe00me" }, "client_name"},
		{"a name of a null notehead", func(m *M) { m.Name = "\U0001d159" }, "client_name"},
		{"a name with an invisible mark", func(m *M) { m.Name = "Bank\u034f" }, "client_name"},
		{"a name with a joiner between Latin letters", func(m *M) { m.Name = "Pay\u200cPal" }, "client_name"},
		{"a name with a zero-width space", func(m *M) { m.Name = "Se\u200bats" }, "client_name"},
		{"a name with a byte order mark", func(m *M) { m.Name = "\ufeffSeats" }, "client_name"},
		{"a name with a line separator", func(m *M) { m.Name = "Se\u2028ats" }, "client_name"},
		{"a name that is not UTF-8", func(m *M) { m.Name = "Se\xffats" }, "client_name"},
		{"a blank name", func(m *M) { m.Name = " " }, "client_name"},
		{"a name with an end of spaces", func(m *M) { m.Name = "Seats " }, "client_name"},
		{"a description of 4001 bytes", func(m *M) { m.Description = strings.Repeat("a", 4001) }, "description"},
		{"a description with an escape", func(m *M) { m.Description = "a\x1b[2Jb" }, "description"},

		{"a logo that is a script", func(m *M) { m.LogoURI = "javascript:alert(1)" }, "logo_uri"},
		{"a logo over http", func(m *M) { m.LogoURI = "http://seats.example/logo.png" }, "logo_uri"},
		{"a home page with user information", func(m *M) { m.ClientURI = "https://a@seats.example" }, "client_uri"},
		{"a policy without host", func(m *M) { m.PolicyURI = "https:privacy" }, "policy_uri"},
		{"terms that are too long", func(m *M) { m.TOSURI = "https://seats.example/" + long }, "tos_uri"},
		{"terms that are relative", func(m *M) { m.TOSURI = "/terms" }, "tos_uri"},
		{"a contact that is none", func(m *M) { m.Contacts = []string{"call me"} }, "contacts"},
		{"a contact with a name", func(m *M) { m.Contacts = []string{"Dev <dev@seats.example>"} }, "contacts"},
		{"11 contacts", func(m *M) { m.Contacts = many(11, "dev%d@seats.example") }, "contacts"},
		{"11 categories", func(m *M) { m.Categories = many(11, "c%d") }, "categories"},
		{"an empty category", func(m *M) { m.Categories = []string{""} }, "categories"},
		{"a category twice", func(m *M) { m.Categories = []string{"a", "a"} }, "categories"},
		{"a category of 65 bytes", func(m *M) { m.Categories = []string{long[:65]} }, "categories"},

		// R6749-3.1.2.2-1, R6749-10.2-1
		{"no redirect URI", func(m *M) { m.RedirectURIs = nil }, "redirect_uris"},
		{"no redirect URI and no use for one", func(m *M) { m.RedirectURIs, m.GrantTypes = nil, []string{"refresh_token"} }, ""},
		{"a redirect URI twice", func(m *M) { m.RedirectURIs = []string{"https://a.example", "https://a.example"} }, "redirect_uris"},
		{"33 redirect URIs", func(m *M) { m.RedirectURIs = many(33, "https://a.example/%d") }, "redirect_uris"},

		{"the implicit grant", func(m *M) { m.GrantTypes = []string{"implicit"} }, "grant_types"},
		{"the password grant", func(m *M) { m.GrantTypes = []string{"password"} }, "grant_types"},
		{"a grant type in capitals", func(m *M) { m.GrantTypes = []string{"AUTHORIZATION_CODE"} }, "grant_types"},
		{"an empty grant type", func(m *M) { m.GrantTypes = []string{"refresh_token", ""} }, "grant_types"},
		{"a grant type twice", func(m *M) { m.GrantTypes = []string{"refresh_token", "refresh_token"} }, "grant_types"},
		{"17 grant types", func(m *M) { m.GrantTypes = many(17, "urn:grant:%d") }, "grant_types"},
		{"a public app for itself", func(m *M) { m.AuthMethod, m.GrantTypes = "none", []string{"client_credentials"} }, "grant_types"},
		{"an unknown method", func(m *M) { m.AuthMethod = "client_secret_jwt" }, "token_endpoint_auth_method"},
		{"a method for keys without keys", func(m *M) { m.AuthMethod = "private_key_jwt" }, "token_endpoint_auth_method"},

		// R7591-2-2
		{"keys and their address", func(m *M) { m.JWKS, m.JWKSURI = set(ed), "https://seats.example/keys" }, "jwks_uri"},
		{"keys over http", func(m *M) { m.JWKSURI = "http://seats.example/keys" }, "jwks_uri"},

		{"a scope of two words", func(m *M) { m.Scopes = []string{"a b"} }, "scopes"},
		{"a scope twice", func(m *M) { m.Scopes = []string{"a", "a"} }, "scopes"},
		{"a required scope that is none", func(m *M) { m.RequiredScopes = []string{"a b"} }, "required_scopes"},
		{"a required scope that it does not ask for", func(m *M) { m.RequiredScopes = []string{"admin"} }, "required_scopes"},

		{"too much in all", func(m *M) {
			for i := range 13 {
				m.RedirectURIs = append(m.RedirectURIs, fmt.Sprintf("https://seats.example/%d/%s", i, long[:2000]))
			}
		}, "manifest"},
	} {
		m := valid()
		c.change(&m)
		err := m.Validate()
		switch {
		case c.member == "" && err != nil:
			t.Errorf("%s: Validate: %v", c.name, err)
		case c.member != "" && (err == nil || !strings.HasPrefix(err.Error(), "registry: "+c.member+": ")):
			t.Errorf("%s: Validate: got %v, want a fault of %s", c.name, err, c.member)
		}
	}
}

func TestManifestValidateReportsAll(t *testing.T) {
	t.Parallel()
	m := registry.Manifest{
		Name: "a\nb", Description: "\x00", LogoURI: "x:", ClientURI: "x:", PolicyURI: "x:", TOSURI: "x:", JWKSURI: "x:",
		Contacts: []string{"x"}, Categories: []string{""}, RedirectURIs: []string{"x:", "y:"}, GrantTypes: []string{"x"},
		AuthMethod: "x", JWKS: json.RawMessage(`[]`), Scopes: []string{""}, RequiredScopes: []string{`"`},
	}
	err := m.Validate()
	if err == nil {
		t.Fatal("Validate: got nil, want faults")
	}
	// Every member of a Manifest that can be wrong is wrong here: a new one has to be checked too.
	for f := range reflect.TypeFor[registry.Manifest]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !strings.Contains(err.Error(), "registry: "+name+": ") {
			t.Errorf("Validate: no fault of %s in:\n%v", name, err)
		}
	}
	for _, uri := range m.RedirectURIs {
		if !strings.Contains(err.Error(), fmt.Sprintf("%q", uri)) {
			t.Errorf("Validate: nothing of redirect URI %q in:\n%v", uri, err)
		}
	}
}

func TestManifestValidateKeys(t *testing.T) {
	t.Parallel()
	ed := edKey(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}
	large := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 2047, 1), E: 65537}
	off := &ecdsa.PrivateKey{PublicKey: ec.PublicKey}
	offCurve := strings.Replace(jwk(t, &off.PublicKey, ""), `"y":"`, `"y":"AAAA`, 1)
	for _, c := range []struct {
		name string
		set  json.RawMessage
		want string // in the error; empty: none
	}{
		{"one of each", set(jwk(t, ed, `,"kid":"1","use":"sig"`), jwk(t, &ec.PublicKey, `,"kid":"2"`), jwk(t, large, "")), ""},
		{"a private member", set(jwk(t, ed, `,"d":"AAAA"`)), `"d"`},
		{"a private member of RSA", set(jwk(t, large, `,"qi":"AAAA"`)), `"qi"`},
		{"a shared key", set(`{"kty":"oct","k":"AAAA"}`), `"k"`},
		{"a shared key without a value", set(`{"kty":"oct"}`), "key"},
		{"a small key", set(jwk(t, small, "")), "1024 bits"},
		{"a point off the curve", set(offCurve), "valid"},
		{"an unknown kind", set(`{"kty":"X"}`), "valid"},
		{"no keys", set(), "0 keys"},
		{"17 keys", set(slices.Repeat([]string{jwk(t, ed, "")}, 17)...), "17 keys"},
		{"17 keys, and fewer under another name", json.RawMessage(strings.TrimSuffix(string(set(slices.Repeat([]string{jwk(t, ed, "")}, 17)...)), "}") + `,"Keys":[{}]}`), "17 keys"},
		{"a key for encryption", set(jwk(t, ed, ""), jwk(t, ed, `,"use":"enc"`)), "key 1"},
		{"a coordinate with a line break", set(strings.Replace(jwk(t, &ec.PublicKey, ""), `","y"`, `\n","y"`, 1)), "key 0"},
		{"a member twice", set(jwk(t, ed, `,"kid":"1","kid":"2"`)), "duplicate"},
		{"a key that is null", set("null"), "key"},
		{"not a set", json.RawMessage(jwk(t, ed, "")), "0 keys"},
		{"not an object", json.RawMessage(`"keys"`), "JWK Set"},
		{"not JSON", json.RawMessage(`{`), "JWK Set"},
		{"nothing, but there", json.RawMessage(``), "JWK Set"},
	} {
		m := valid()
		m.JWKS = c.set
		err := m.Validate()
		if (err == nil) != (c.want == "") || err != nil && (!strings.HasPrefix(err.Error(), "registry: jwks: ") || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: Validate: got %v, want a fault of jwks with %q", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%s: Validate: the error holds the key: %v", c.name, err)
		}
	}
}

func TestManifestValidateScopes(t *testing.T) {
	t.Parallel()
	var file struct {
		Cases []struct {
			ID, Scope, Expect, Note string
			Tokens                  []string
		}
	}
	vectors(t, "scope_cases.json", &file)
	if len(file.Cases) != 24 {
		t.Fatalf("got %d cases, wanted 24", len(file.Cases))
	}
	for _, c := range file.Cases {
		m := valid()
		if m.Scopes = c.Tokens; c.Tokens == nil { // one that does not parse has no tokens
			m.Scopes = strings.Split(c.Scope, " ")
		}
		if err := m.Validate(); (err == nil) != (c.Expect == "accept") {
			t.Errorf("%s (%s): Validate with scopes %.100q: got %v, want %s", c.ID, c.Note, m.Scopes, err, c.Expect)
		}
	}
}

// R6749-2.1-1, R6749-2.3.2-1, R7591-2-3
func TestManifestDefaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method  string
		grants  []string
		public  bool
		methods string // that it may use
		allowed string
	}{
		{"", nil, false, "client_secret_basic", "authorization_code refresh_token"},
		{"none", nil, true, "none", "authorization_code refresh_token"},
		{"client_secret_post", []string{"client_credentials"}, false, "client_secret_post", "client_credentials"},
		{"private_key_jwt", []string{"authorization_code"}, false, "private_key_jwt", "authorization_code"},
	} {
		m := registry.Manifest{AuthMethod: c.method, GrantTypes: c.grants}
		if got := m.Public(); got != c.public {
			t.Errorf("Public with method %q: got %v", c.method, got)
		}
		var methods, allowed []string
		for _, s := range []string{"", "none", "client_secret_basic", "client_secret_post", "private_key_jwt"} {
			if m.AllowsAuth(s) {
				methods = append(methods, s)
			}
		}
		for _, s := range []string{"", "authorization_code", "client_credentials", "refresh_token", "implicit"} {
			if m.AllowsGrant(s) {
				allowed = append(allowed, s)
			}
		}
		if got := strings.Join(methods, " "); got != c.methods {
			t.Errorf("AllowsAuth with method %q: got %q, want %q", c.method, got, c.methods)
		}
		if got := strings.Join(allowed, " "); got != c.allowed {
			t.Errorf("AllowsGrant with %q: got %q, want %q", c.grants, got, c.allowed)
		}
	}
}

// FuzzManifest holds that a manifest that is accepted survives being stored, and is accepted again.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"client_name":"Seats","redirect_uris":["https://seats.example/cb"],"scopes":["a"],"required_scopes":["a"]}`))
	f.Add([]byte(`{"grant_types":["client_credentials"],"jwks":{"keys":[]},"token_endpoint_auth_method":"private_key_jwt"}`))
	f.Add([]byte(`{"redirect_uris":"x"}`))
	f.Add([]byte(`{"client_name":"a","CLIENT_NAME":"b","redirect_uris":["com.a:/"],"contacts":["a@b.c"],"categories":["x"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, again registry.Manifest
		if json.Unmarshal(b, &m) != nil || m.Validate() != nil {
			return
		}
		stored, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("Marshal: %v", err)
		}
		if err := json.Unmarshal(stored, &again); err != nil {
			t.Fatalf("Unmarshal: %v", err)
		}
		if err := again.Validate(); err != nil {
			t.Fatalf("Validate after storing: %v", err)
		}
		if b, _ := json.Marshal(again); string(b) != string(stored) {
			t.Fatalf("stored twice (-first +second):\n%s", cmp.Diff(string(stored), string(b)))
		}
	})
}

// FuzzScope holds the grammar of a scope against the one of RFC 6749, Appendix A.4, written as a set.
//
// R6749-3.3-1
func FuzzScope(f *testing.F) {
	for _, s := range []string{"read:events", "", " ", "a b", `"`, `\`, "\x7f", "~", "!", "é"} {
		f.Add(s)
	}
	const allowed = "!#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"
	f.Fuzz(func(t *testing.T, s string) {
		want := s != "" && len(s) <= 256 && strings.Trim(s, allowed) == ""
		m := valid()
		m.Scopes = []string{s}
		if err := m.Validate(); (err == nil) != want {
			t.Fatalf("Validate with scope %q: got %v, want accepted %v", s, err, want)
		}
	})
}
