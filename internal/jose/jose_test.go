package jose_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oauthcore/oauthcore/internal/jose"
)

// signers are one key for each algorithm; the RSA ones share a key, which is slow to make.
var signers = sync.OnceValue(func() map[string]crypto.Signer {
	m := make(map[string]crypto.Signer)
	for alg, c := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			panic(err)
		}
		m[alg] = k
	}
	_, m["EdDSA"], _ = ed25519.GenerateKey(rand.Reader)
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	for _, alg := range jose.Algorithms[4:] {
		m[alg] = r
	}
	return m
})

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// signWith makes a signature with any signer.
func signWith(t testing.TB, s crypto.Signer, alg string, input []byte) ([]byte, error) {
	t.Helper()
	k, err := jose.NewKey(s.Public(), alg, "k")
	if err != nil {
		t.Fatal(err)
	}
	return k.Sign(s, input)
}

// sign returns a compact JWS of any header and payload.
func sign(t testing.TB, alg, header, payload string) string {
	t.Helper()
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	sig, err := signWith(t, signers()[alg], alg, []byte(input))
	if err != nil {
		t.Fatalf("Sign %s: %v", alg, err)
	}
	return input + "." + b64(sig)
}

// resign checks that the key makes the signature of a compact JWS again.
func resign(t *testing.T, k *jose.PrivateKey, alg, compact string) {
	t.Helper()
	i := strings.LastIndexByte(compact, '.')
	sig, err := signWith(t, k.Signer, alg, []byte(compact[:i]))
	if err != nil || b64(sig) != compact[i+1:] {
		t.Errorf("Sign %s: error %v, signature equal %t, want equal", alg, err, b64(sig) == compact[i+1:])
	}
}

// publicJWK returns the public key of an algorithm as go-jose writes it, with further members.
func publicJWK(alg string, more map[string]any) json.RawMessage {
	b, err := gojose.JSONWebKey{Key: signers()[alg].Public()}.MarshalJSON()
	var m map[string]any
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	maps.Copy(m, more)
	if err == nil {
		b, err = json.Marshal(m)
	}
	if err != nil {
		panic(err)
	}
	return b
}

func setOf(t testing.TB, keys ...json.RawMessage) *jose.Set {
	t.Helper()
	doc, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	s, err := jose.ParseSet(doc)
	if err != nil {
		t.Fatalf("ParseSet(%s): %v", doc, err)
	}
	return s
}

func publicKey(t *testing.T, jwk map[string]string) crypto.PublicKey {
	t.Helper()
	member := func(name string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(jwk[name])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	switch jwk["kty"] {
	case "RSA":
		return &rsa.PublicKey{N: new(big.Int).SetBytes(member("n")), E: int(new(big.Int).SetBytes(member("e")).Int64())}
	case "OKP":
		return ed25519.PublicKey(member("x"))
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, append(member("x"), member("y")...)...))
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func header(alg string) string { return fmt.Sprintf(`{"alg":%q,"kid":"k"}`, alg) }
