package token_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oauthcore/oauthcore/token"
)

// block returns PEM of one block.
func block(t testing.TB, kind string, der []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return block(t, "PRIVATE KEY", der, err)
}

// privateJWK returns the private key of an algorithm as go-jose writes it, with members changed; nil removes.
func privateJWK(t testing.TB, alg string, more map[string]any) []byte {
	t.Helper()
	b, err := gojose.JSONWebKey{Key: signers()[alg]}.MarshalJSON()
	var m map[string]any
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	for name, v := range more {
		if m[name] = v; v == nil {
			delete(m, name)
		}
	}
	if err == nil {
		b, err = json.Marshal(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseKey(t *testing.T) {
	sec1 := func(alg string) []byte {
		der, err := x509.MarshalECPrivateKey(signers()[alg].(*ecdsa.PrivateKey))
		return block(t, "EC PRIVATE KEY", der, err)
	}
	pkcs1 := block(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(signers()["RS256"].(*rsa.PrivateKey)), nil)
	public, err := x509.MarshalPKIXPublicKey(signers()["ES256"].Public())
	publicPEM := block(t, "PUBLIC KEY", public, err)
	tests := []struct {
		name string
		data []byte
		alg  string // whose key it is
		want token.Key
	}{
		{"PKCS #8 of RSA", pkcs8(t, signers()["RS256"]), "RS256", token.Key{}},
		{"PKCS #8 of Ed25519", pkcs8(t, signers()["EdDSA"]), "EdDSA", token.Key{}},
		{"PKCS #8 of ECDSA", pkcs8(t, signers()["ES384"]), "ES384", token.Key{}},
		{"PKCS #1", pkcs1, "RS256", token.Key{}},
		{"SEC 1", sec1("ES256"), "ES256", token.Key{}},
		{"SEC 1 of P-521", sec1("ES512"), "ES512", token.Key{}},
		{"parameters before the key, as openssl writes", slices.Concat([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), sec1("ES256")), "ES256", token.Key{}},
		{"text around", slices.Concat([]byte("my key\n"), sec1("ES256"), []byte("that was it\n")), "ES256", token.Key{}},
		{"the public key after it", slices.Concat(sec1("ES256"), publicPEM), "ES256", token.Key{}},
		{"a JWK with white space around", []byte("\n " + string(privateJWK(t, "ES256", nil)) + "\n"), "ES256", token.Key{}},
		{"a JWK with kid and alg", privateJWK(t, "PS256", map[string]any{"kid": "a", "alg": "PS256"}), "PS256", token.Key{ID: "a", Algorithm: "PS256"}},
		{"a JWK to sign with", privateJWK(t, "EdDSA", map[string]any{"use": "sig", "key_ops": []string{"sign"}}), "EdDSA", token.Key{}},
	}
	for _, alg := range []string{"ES256", "ES384", "ES512", "EdDSA", "RS256"} {
		tests = append(tests, struct {
			name string
			data []byte
			alg  string
			want token.Key
		}{"a JWK of " + alg, privateJWK(t, alg, nil), alg, token.Key{}})
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			k, err := token.ParseKey(tc.data)
			if err != nil {
				t.Fatalf("ParseKey: %v", err)
			}
			if k.ID != tc.want.ID || k.Algorithm != tc.want.Algorithm {
				t.Errorf("ID %q, algorithm %q, want %q and %q", k.ID, k.Algorithm, tc.want.ID, tc.want.Algorithm)
			}
			want := signers()[tc.alg].Public().(interface{ Equal(crypto.PublicKey) bool })
			if !want.Equal(k.Signer.Public()) {
				t.Error("another key than was written")
			}
			sign(t, newKeys(t, k), claims(start))
		})
	}
}

func TestParseKeyRefuses(t *testing.T) {
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := pkcs8(t, signers()["ES256"])
	public, err := x509.MarshalPKIXPublicKey(signers()["ES256"].Public())
	tests := map[string][]byte{
		"nothing":                      {},
		"text":                         []byte("sesame"),
		"DER":                          x509.MarshalPKCS1PrivateKey(signers()["RS256"].(*rsa.PrivateKey)),
		"a public key":                 block(t, "PUBLIC KEY", public, err),
		"two private keys":             slices.Concat(good, pkcs8(t, signers()["EdDSA"])),
		"an encrypted key":             block(t, "ENCRYPTED PRIVATE KEY", []byte("sesame"), nil),
		"a legacy encrypted key":       []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
		"a broken key":                 block(t, "PRIVATE KEY", []byte("sesame"), nil),
		"a key that only agrees":       pkcs8(t, x25519),
		"half a PEM block":             good[:len(good)/2],
		"a JWK set":                    []byte(`{"keys":[` + string(privateJWK(t, "ES256", nil)) + `]}`),
		"a public JWK":                 privateJWK(t, "ES256", map[string]any{"d": nil}),
		"a symmetric JWK":              []byte(`{"kty":"oct","k":"c2VzYW1l"}`),
		"a JWK for encryption":         privateJWK(t, "ES256", map[string]any{"use": "enc"}),
		"a JWK that may only verify":   privateJWK(t, "ES256", map[string]any{"key_ops": []string{"verify"}}),
		"a JWK with another's d":       privateJWK(t, "EdDSA", map[string]any{"d": "c2VzYW1lc2VzYW1lc2VzYW1lc2VzYW1lc2VzYW1lc2U"}),
		"an EC JWK with another's d":   privateJWK(t, "ES256", map[string]any{"d": "c2VzYW1lc2VzYW1lc2VzYW1lc2VzYW1lc2VzYW1lc2U"}),
		"a JWK with a short d":         privateJWK(t, "ES256", map[string]any{"d": "c2VzYW1l"}),
		"a JWK with a zero d":          privateJWK(t, "ES256", map[string]any{"d": strings.Repeat("A", 43)}),
		"an RSA JWK without primes":    privateJWK(t, "RS256", map[string]any{"p": nil, "q": nil}),
		"an RSA JWK with other primes": privateJWK(t, "RS256", map[string]any{"p": "Aw", "q": "BQ"}),
		"an RSA JWK with a zero prime": privateJWK(t, "RS256", map[string]any{"p": "AA"}),
		"an RSA JWK with another d":    privateJWK(t, "RS256", map[string]any{"d": "c2VzYW1l"}),
		"an RSA JWK with more primes":  privateJWK(t, "RS256", map[string]any{"oth": []any{}}),
		"a JWK with a number for d":    privateJWK(t, "ES256", map[string]any{"d": 1}),
		"a JWK with two d":             bytes.Replace(privateJWK(t, "ES256", nil), []byte(`{`), []byte(`{"d":"c2VzYW1l",`), 1),
		"a JWK that goes on":           append(privateJWK(t, "ES256", nil), "{}"...),
	}
	for name, data := range tests {
		k, err := token.ParseKey(data)
		if err == nil || k.Signer != nil || !strings.HasPrefix(err.Error(), "token: ") {
			t.Errorf("%s: %v, %v, want an error", name, k, err)
			continue
		}
		for _, secret := range []string{"sesame", "c2VzYW1l"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error %q repeats the key", name, err)
			}
		}
	}
}

func TestKeyPrintsNoSigner(t *testing.T) {
	for alg, signer := range signers() {
		k := token.Key{ID: "k1", Algorithm: alg, Signer: signer}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			for _, v := range []any{k, &k} {
				if got, want := fmt.Sprintf(verb, v), "Key(k1 "+alg+")"; got != want {
					t.Errorf("%s prints %s, want %s", verb, got, want)
				}
			}
		}
		if got, err := json.Marshal(k); err != nil || strings.Contains(string(got), "Signer") {
			t.Errorf("in JSON a key of %s is %s, %v", alg, got, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, alg := range []string{"ES256", "EdDSA"} {
		f.Add(pkcs8(f, signers()[alg]))
		f.Add(privateJWK(f, alg, nil))
	}
	f.Add(privateJWK(f, "RS256", nil))
	f.Add([]byte(`{"kty":"RSA","n":"AQ","e":"AQAB","d":"AQ","p":"AA","q":"AQ"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := token.ParseKey(data)
		if (err == nil) != (k.Signer != nil) {
			t.Fatalf("ParseKey: %v, %v", k, err)
		}
		if err != nil {
			return
		}
		if keys, err := token.NewKeys(k); err == nil {
			sign(t, keys, claims(start))
		}
	})
}
