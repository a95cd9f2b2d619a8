package attack

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/token"
)

func TestA194(t *testing.T) { run(t) }

// TestA195 signs with what everybody knows: the public key, in each of its forms, as the secret of an HMAC.
func TestA195(t *testing.T) {
	public := &signers()[0].PublicKey
	der, _ := x509.MarshalPKIXPublicKey(public)
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	ring, _ := token.NewKeys(token.Key{Signer: signers()[0]})
	raw, _ := public.Bytes()
	all := make(map[string][]edit)
	for name, secret := range map[string][]byte{"DER": der, "PEM": block, "PEM without a newline": bytes.TrimSpace(block), "JWKS": ring.JWKS(time.Now()),
		"the point": raw, "x": raw[1:33], "nothing": nil} {
		all[name] = []edit{head("alg", `"HS256"`), signed(func(input string) []byte {
			m := hmac.New(sha256.New, secret)
			m.Write([]byte(input))
			return m.Sum(nil)
		})}
	}
	forged(t, all)
}

// TestA196 builds verifiers with algorithms that make no sense. None given means each key's own.
func TestA196(t *testing.T) {
	w := newWorld(t)
	for _, algs := range [][]string{{"HS256"}, {"none"}, {"RS256", "HS256"}, {""}, {"ES256", "x"}} {
		if _, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, Keys: w.keys, Algorithms: algs}); err == nil {
			t.Errorf("a verifier of %q is made", algs)
		}
	}
	only, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, Keys: w.keys, Algorithms: []string{"RS256"}, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := only.Verify(t.Context(), w.forge()); err == nil {
		t.Error("a token of another algorithm than the verifier's is taken")
	}
}

var otherKeys = sync.OnceValue(func() (keys struct {
	rsa  *rsa.PrivateKey
	p384 *ecdsa.PrivateKey
	ed   ed25519.PrivateKey
}) {
	keys.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	keys.p384, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, keys.ed, _ = ed25519.GenerateKey(nil)
	return keys
})

// jwksVerifier is a verifier of a document of keys.
func (w *world) jwksVerifier(jwks string) (*token.Verifier, error) {
	return token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, JWKS: []byte(jwks), Now: w.clock})
}

// TestA197 has keys that are for something else than what a token does with them.
func TestA197(t *testing.T) {
	run(t)
	w := newWorld(t)
	var set struct{ Keys []map[string]any }
	decode(w.keys.JWKS(w.clock()), &set)
	verify := func(change func(key map[string]any)) error {
		key := make(map[string]any)
		for name, value := range set.Keys[0] {
			key[name] = value
		}
		change(key)
		jwks, _ := json.Marshal(map[string]any{"keys": []any{key}})
		v, err := w.jwksVerifier(string(jwks))
		if err != nil {
			return err
		}
		_, err = v.Verify(t.Context(), w.forge())
		return err
	}
	if err := verify(func(map[string]any) {}); err != nil {
		t.Fatalf("the key as it is: %v", err)
	}
	for name, change := range map[string]func(map[string]any){
		"another alg":             func(k map[string]any) { k["alg"] = "ES384" },
		"an alg of another type":  func(k map[string]any) { k["alg"] = "RS256" },
		"use enc":                 func(k map[string]any) { k["use"] = "enc" },
		"key_ops without verify":  func(k map[string]any) { k["key_ops"] = []string{"sign"} },
		"another curve":           func(k map[string]any) { k["crv"] = "P-384" },
		"another type":            func(k map[string]any) { k["kty"] = "OKP" },
		"a point off the curve":   func(k map[string]any) { k["x"] = k["y"] },
		"a coordinate that short": func(k map[string]any) { k["x"] = "AA" },
	} {
		if verify(change) == nil {
			t.Errorf("a key with %s verifies", name)
		}
	}
}

// TestA198 has no way to a key of an HMAC at all.
func TestA198(t *testing.T) {
	w := newWorld(t)
	for _, k := range []string{`""`, `"AA"`, text(b64.EncodeToString(make([]byte, 32)))} {
		jwk := `{"kty":"oct","kid":"x","alg":"HS256","k":` + k + `}`
		if _, err := token.ParseKey([]byte(jwk)); err == nil {
			t.Errorf("ParseKey takes a secret of %s", k)
		}
		v, err := w.jwksVerifier(`{"keys":[` + jwk + `]}`)
		if err != nil {
			continue
		}
		secret, _ := b64.DecodeString(strings.Trim(k, `"`))
		tok := w.forge(head("alg", `"HS256"`), head("kid", `"x"`), signed(func(input string) []byte {
			m := hmac.New(sha256.New, secret)
			m.Write([]byte(input))
			return m.Sum(nil)
		}))
		if _, err := v.Verify(t.Context(), tok); err == nil {
			t.Errorf("a token of a secret of %s is taken", k)
		}
	}
}

func TestA199(t *testing.T) {
	n := elliptic.P256().Params().N
	pair := func(r, s *big.Int) []byte {
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	forged(t, map[string][]edit{
		"0, 0": {signature(make([]byte, 64))}, "n, n": {signature(pair(n, n))}, "0, 1": {signature(pair(new(big.Int), big.NewInt(1)))},
		"1, 0": {signature(pair(big.NewInt(1), new(big.Int)))}, "n, 1": {signature(pair(n, big.NewInt(1)))},
	})
}

func TestA200(t *testing.T) {
	good := es256(signers()[0])
	forged(t, map[string][]edit{
		"DER": {signed(func(input string) []byte {
			sum := sha256.Sum256([]byte(input))
			b, _ := ecdsa.SignASN1(rand.Reader, signers()[0], sum[:])
			return b
		})},
		"63 bytes": {signed(func(input string) []byte { return good(input)[:63] })},
		"65 bytes": {signed(func(input string) []byte { return append(good(input), 0) })},
		"96 bytes": {signed(func(input string) []byte { return append(good(input), make([]byte, 32)...) })},
	})
	// A signature whose s is replaced by n-s is as good: so nothing is kept by the text of a token.
	w := newWorld(t)
	high := w.forge(signed(func(input string) []byte {
		b := good(input)
		s := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(b[32:]))
		return append(b[:32], s.FillBytes(make([]byte, 32))...)
	}))
	if _, err := w.offline().Verify(t.Context(), high); err != nil {
		t.Errorf("the other s: %v", err)
	}
}

func TestA201(t *testing.T) {
	w := newWorld(t)
	key := otherKeys().ed
	jwk := func(x []byte) string {
		return `{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"ed","x":"` + b64.EncodeToString(x) + `"}]}`
	}
	public := key.Public().(ed25519.PublicKey)
	eddsa := func(sign func(string) []byte) string {
		return w.forge(head("alg", `"EdDSA"`), head("kid", `"ed"`), signed(sign))
	}
	good := func(input string) []byte { return ed25519.Sign(key, []byte(input)) }
	v, err := w.jwksVerifier(jwk(public))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), eddsa(good)); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	for name, sign := range map[string]func(string) []byte{
		"63 bytes": func(input string) []byte { return good(input)[:63] },
		"S and the order": func(input string) []byte {
			b := good(input)
			s := slices.Clone(b[32:])
			slices.Reverse(s)
			sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
			slices.Reverse(sum)
			return append(b[:32], sum...)
		},
	} {
		if _, err := v.Verify(t.Context(), eddsa(sign)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	identity := append([]byte{1}, make([]byte, 31)...)
	for name, x := range map[string][]byte{"the identity": identity, "zero": make([]byte, 32), "31 bytes": public[:31]} {
		// With the identity as key, R = identity and S = 0 fit any message.
		v, err := w.jwksVerifier(jwk(x))
		if err != nil {
			continue
		}
		if _, err := v.Verify(t.Context(), eddsa(func(string) []byte { return append(slices.Clone(identity), make([]byte, 32)...) })); err == nil {
			t.Errorf("a key that is %s: taken", name)
		}
	}
	if v, err := w.jwksVerifier(strings.Replace(jwk(make([]byte, 57)), "Ed25519", "Ed448", 1)); err == nil {
		if _, err := v.Verify(t.Context(), eddsa(good)); err == nil {
			t.Error("Ed448: taken")
		}
	}
}

// TestA203 signs with salts of other lengths than the hash's.
func TestA203(t *testing.T) {
	w := newWorld(t)
	key := otherKeys().rsa
	v, err := w.jwksVerifier(fmt.Sprintf(`{"keys":[{"kty":"RSA","alg":"PS256","kid":"ps","n":%q,"e":"AQAB"}]}`, b64.EncodeToString(key.N.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	for _, salt := range []int{32, 8, 20, 31, 33, 64} {
		tok := w.forge(head("alg", `"PS256"`), head("kid", `"ps"`), signed(func(input string) []byte {
			sum := sha256.Sum256([]byte(input))
			b, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: salt})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}))
		if _, err := v.Verify(t.Context(), tok); (err == nil) != (salt == 32) {
			t.Errorf("a salt of %d bytes: %v", salt, err)
		}
	}
}

func TestA204(t *testing.T) {
	run(t)
	// Published keys, of which there is one: a token that names another is not its.
	w := newWorld(t)
	v, err := w.jwksVerifier(string(w.keys.JWKS(w.clock())))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), w.forge(head("kid", `"unknown"`))); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("with one published key: %v", err)
	}
}

// TestA205 has two keys of one kid: either may verify, whichever comes first.
func TestA205(t *testing.T) {
	w := newWorld(t)
	var mine, other struct{ Keys []map[string]any }
	decode(w.keys.JWKS(w.clock()), &mine)
	stranger, _ := token.NewKeys(token.Key{ID: w.kid(), Signer: signers()[1]})
	decode(stranger.JWKS(w.clock()), &other)
	for name, keys := range map[string][]any{"right one second": {other.Keys[0], mine.Keys[0]}, "right one first": {mine.Keys[0], other.Keys[0]}} {
		jwks, _ := json.Marshal(map[string]any{"keys": keys})
		v, err := w.jwksVerifier(string(jwks))
		if err != nil {
			continue // the set is refused, which is a rule too
		}
		if _, err := v.Verify(t.Context(), w.forge()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	jwks, _ := json.Marshal(map[string]any{"keys": []any{other.Keys[0], other.Keys[0]}})
	if v, err := w.jwksVerifier(string(jwks)); err == nil {
		if _, err := v.Verify(t.Context(), w.forge()); err == nil {
			t.Error("two wrong keys of the right kid verify")
		}
	}
}

// TestA206 has an attacker who is an issuer and publishes our kid.
func TestA206(t *testing.T) {
	w := newWorld(t)
	theirs, err := token.NewKeys(token.Key{ID: w.kid(), Signer: signers()[1]})
	if err != nil {
		t.Fatal(err)
	}
	v, err := token.NewVerifier(token.VerifierConfig{Issuer: "https://evil.example", Audience: api, Keys: theirs, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	tok := w.forge(claim("iss", `"https://evil.example"`), signed(es256(signers()[1])))
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Fatalf("their token at their verifier: %v", err)
	}
	w.worthless(tok)
	w.worthless(w.forge(signed(es256(signers()[1]))))
	if _, err := v.Verify(t.Context(), w.forge()); err == nil {
		t.Error("our token is good for them")
	}
}

// silent is a server that must not be asked.
func silent(t *testing.T) string {
	ts := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was fetched", r.URL) }))
	t.Cleanup(ts.Close)
	return ts.URL
}

func TestA207(t *testing.T) {
	at := silent(t)
	evil := signed(es256(signers()[1]))
	forged(t, map[string][]edit{
		"jku": {head("jku", text(at+"/jwks")), evil}, "x5u": {head("x5u", text(at+"/x5u")), evil},
		"jku without a kid": {head("jku", text(at+"/jwks")), head("kid", ""), evil},
	})
}

func TestA208(t *testing.T) {
	theirs, _ := token.NewKeys(token.Key{ID: "theirs", Signer: signers()[1]})
	var set struct{ Keys []json.RawMessage }
	decode(theirs.JWKS(time.Now()), &set)
	evil := signed(es256(signers()[1]))
	forged(t, map[string][]edit{
		"jwk": {head("jwk", string(set.Keys[0])), evil}, "jwk and its kid": {head("jwk", string(set.Keys[0])), head("kid", `"theirs"`), evil},
		"jwk and no kid": {head("jwk", string(set.Keys[0])), head("kid", ""), evil}, "x5c": {head("x5c", `["MIIB"]`), evil},
	})
}

func TestA209(t *testing.T) { run(t) }
func TestA210(t *testing.T) { run(t) }
func TestA211(t *testing.T) { run(t) }

// TestA212 uses an access token as what it is not.
func TestA212(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.signIn("web")
	post := func(params url.Values) *request {
		return &request{method: http.MethodPost, path: "/token", params: params}
	}
	w.unchanged(func() {
		w.refused(w.do(post(url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion": {s.access}})), 401, "invalid_client")
		w.refused(w.do(w.as("web", post(url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {s.access}}))), 400, "unsupported_grant_type")
		w.refused(w.do(w.as("web", post(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.access}}))), 400, "invalid_grant")
	})
	if !w.active(s.access) {
		t.Error("the token was spent")
	}
}

func TestA213(t *testing.T) { run(t) }
func TestA214(t *testing.T) { run(t) }
func TestA215(t *testing.T) { run(t) }
func TestA216(t *testing.T) { run(t) }

// TestA217 nests up to the limit of 64 levels, one further and as deep as the sizes allow.
func TestA217(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	w := newWorld(t)
	v := w.offline()
	for name, at := range map[string]func(value string) edit{
		"a payload": func(value string) edit { return claim("x", value) }, "a header": func(value string) edit { return head("x", value) },
		"cnf": func(value string) edit { return claim("cnf", `{"x":`+value+`}`) }, "act": func(value string) edit { return claim("act", `{"act":`+value+`}`) },
	} {
		depth := 1 // the object itself
		if name == "cnf" || name == "act" {
			depth++
		}
		if _, err := v.Verify(t.Context(), w.forge(at(deep(64-depth)))); err != nil && name != "cnf" { // which has no member that may nest
			t.Errorf("%s of 64 levels: %v", name, err)
		}
		for _, levels := range []int{65, 5000, 200_000} { // those of 200,000 are too long as well
			tok := w.forge(at(deep(levels - depth)))
			within(t, 10*time.Millisecond, fmt.Sprintf("%s of %d levels", name, levels), func() {
				if _, err := v.Verify(t.Context(), tok); err == nil {
					t.Errorf("%s of %d levels: taken", name, levels)
				}
			})
		}
	}
	keys := strings.TrimSuffix(string(w.keys.JWKS(w.clock())), "}]}")
	for _, levels := range []int{64, 65, 100_000, 200_000} {
		doc := keys + `,"z":` + deep(levels-3) + "}]}"
		within(t, 10*time.Millisecond, fmt.Sprintf("a set of %d levels", levels), func() {
			if _, err := w.jwksVerifier(doc); (err == nil) != (levels == 64) {
				t.Errorf("a set of %d levels: %v", levels, err)
			}
		})
	}
}

// TestA218 has tokens that are too long, and some as long as they may be: none takes twice its size.
func TestA218(t *testing.T) {
	w := newWorld(t)
	v := w.offline()
	most := func(s string) string { return s[:16<<10] }
	for name, tok := range map[string]string{
		"16 KiB and a byte": strings.Repeat("a", 16<<10+1), "1 MiB": strings.Repeat("a", 1<<20), "a million dots": strings.Repeat(".", 1_000_000),
		"a header of 1 MiB": w.forge(head("x", text(strings.Repeat("a", 1<<20)))), "a good one and too much": w.forge(claim("x", text(strings.Repeat("a", 16<<10)))),
		"16 KiB": strings.Repeat("a", 16<<10), "16 KiB of dots": strings.Repeat(".", 16<<10), "16 KiB of a header": most(w.forge(head("x", text(strings.Repeat("a", 16<<10))))),
		"16 KiB of a payload": most(w.forge(claim("x", text(strings.Repeat("a", 16<<10))))), "a header of 11 KiB": w.forge(head("x", text(strings.Repeat("a", 11<<10))), signature(nil)),
		"a payload of 11 KiB": w.forge(claim("x", text(strings.Repeat("a", 11<<10))), signature(nil)),
	} {
		for by, verify := range map[string]func(context.Context, string) (*token.Claims, error){"the verifier": v.Verify, "Introspect": w.server.Introspect} {
			least := uint64(1 << 62)
			for range 5 {
				least = min(least, allocated(func() {
					if _, err := verify(t.Context(), tok); err == nil {
						t.Errorf("%s: taken", name)
					}
				}))
			}
			if least >= uint64(2*len(tok)) || len(tok) > 16<<10 && least > 1<<10 {
				t.Errorf("%s of %d bytes: %s allocates %d", name, len(tok), by, least)
			}
		}
	}
}

// TestA219 signs parts that lax decoders read as those of a good token.
func TestA219(t *testing.T) {
	run(t)
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	stray := func(part string) string { // sets the last bit
		last := len(part) - 1
		return part[:last] + string(letters[strings.IndexByte(letters, part[last])|1])
	}
	standard := func(part string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(part) }
	all := map[string][]edit{
		"signature with bits that mean nothing": {finish(stray)}, // 64 bytes end in a letter whose last four bits do
		"signature of standard base64": {signed(func(in string) []byte {
			for {
				if sig := es256(signers()[0])(in); strings.ContainsAny(b64.EncodeToString(sig), "-_") {
					return sig
				}
			}
		}), finish(func(tok string) string {
			at := strings.LastIndexByte(tok, '.')
			return tok[:at] + standard(tok[at:])
		})},
	}
	changed := func(i int, change func(string) string) edit {
		return input(func(tok string) string {
			parts := strings.Split(tok, ".")
			was := parts[i]
			if parts[i] = change(was); parts[i] == was {
				t.Errorf("part %d is not changed", i)
			}
			return parts[0] + "." + parts[1]
		})
	}
	w := newWorld(t)
	for i, put := range []func(name, value string) edit{head, claim} {
		name := []string{"header", "payload"}[i]
		// What is put in makes the encoded text have the letters, and the length, that the change needs.
		all[name+" of standard base64"] = []edit{put("x", `"???"`), changed(i, standard)}
		fill := func(length func(int) bool) edit {
			for pad := `"`; ; pad += "a" {
				if e := put("x", pad+`"`); length(len(strings.Split(w.forge(e), ".")[i]) % 4) {
					return e
				}
			}
		}
		all[name+" with bits that mean nothing"] = []edit{fill(func(n int) bool { return n != 0 }), changed(i, stray)}
		all[name+" of a length that no base64 has"] = []edit{fill(func(n int) bool { return n == 0 }), changed(i, func(part string) string { return part + "A" })}
		if _, err := w.offline().Verify(t.Context(), w.forge(put("x", `"???"`))); err != nil {
			t.Errorf("a member more in the %s: %v", name, err)
		}
	}
	forged(t, all)
}

func TestA220(t *testing.T) { run(t) }
func TestA221(t *testing.T) { run(t) }

// TestA222 takes what has five parts for nothing, whatever it is encrypted with: encryption is no signature.
func TestA222(t *testing.T) {
	var packed bytes.Buffer
	z, _ := flate.NewWriter(&packed, 9)
	z.Write(make([]byte, 1<<20))
	z.Close()
	w := newWorld(t)
	for _, header := range []string{`{"alg":"RSA-OAEP","enc":"A256GCM"}`, `{"alg":"dir","enc":"A128GCM"}`, `{"alg":"PBES2-HS256+A128KW","p2c":2147483647,"p2s":"AA","enc":"A128GCM"}`,
		`{"alg":"ECDH-ES","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},"enc":"A128GCM"}`, `{"alg":"RSA1_5","enc":"A128CBC-HS256","zip":"DEF"}`} {
		tok := strings.Join([]string{b64.EncodeToString([]byte(header)), "AA", "AA", b64.EncodeToString(packed.Bytes()), "AA"}, ".")
		w.worthless(tok)
		w.worthless(strings.Join([]string{b64.EncodeToString([]byte(header)), "", "", "", ""}, "."))
	}
	w.worthless(`{"recipients":[` + strings.Repeat(`{},`, 10_000) + `{}]}`)
}
