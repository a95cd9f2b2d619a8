package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	gojose "github.com/go-jose/go-jose/v4"
)

const (
	minRSABits = 2048 // RFC 7518 section 3.3
	maxRSABits = 8192 // verification costs the square of it, and the key may be a stranger's
)

// Key is a public key that serves one algorithm. It is immutable.
type Key struct {
	ID  string // kid; empty: none
	Alg string // empty: an RSA key of a document that does not say

	pub crypto.PublicKey
}

// algOf returns the algorithm of an elliptic curve (RFC 7518 section 3.4), or "" if there is none.
func algOf(curve string) string {
	switch curve {
	case "P-256":
		return "ES256"
	case "P-384":
		return "ES384"
	case "P-521":
		return "ES512"
	}
	return ""
}

// NewKey binds a public key to an algorithm. An empty alg is the one that type and curve imply, RS256 for
// RSA; an empty id is the thumbprint of RFC 7638. Weak keys and algorithms that do not fit are refused.
func NewKey(pub crypto.PublicKey, alg, id string) (*Key, error) {
	k := &Key{ID: id, Alg: alg, pub: pub}
	implied, err := k.check()
	if err != nil {
		return nil, err
	}
	if k.Alg == "" {
		k.Alg = implied
	}
	if k.ID == "" {
		k.ID = k.Thumbprint()
	}
	return k, nil
}

// check refuses weak keys and an algorithm that does not fit, and returns the algorithm that the key implies.
func (k *Key) check() (string, error) {
	switch pub := k.pub.(type) {
	case *ecdsa.PublicKey:
		name := pub.Params().Name
		alg := algOf(name)
		if alg == "" {
			return "", fmt.Errorf("curve %q: want P-256, P-384 or P-521", name)
		}
		if _, err := pub.Bytes(); err != nil {
			return "", fmt.Errorf("a point that is not on curve %s", name)
		}
		return alg, k.fits(alg)
	case ed25519.PublicKey:
		// Under a key of small order one signature fits many messages; go-jose knows all of them (RFC 8032
		// section 5.1.7 leaves it to the application).
		if _, err := k.jwk().Thumbprint(crypto.SHA256); err != nil {
			return "", reasonOf(err)
		}
		return "EdDSA", k.fits("EdDSA")
	case *rsa.PublicKey:
		if n := pub.N.BitLen(); n < minRSABits || n > maxRSABits {
			return "", fmt.Errorf("an RSA key of %d bits, want %d to %d", n, minRSABits, maxRSABits)
		}
		if pub.E < 3 || pub.E > math.MaxInt32 || pub.E&1 == 0 || pub.N.Bit(0) == 0 {
			return "", reason("an RSA key with an even modulus, or an exponent that is even, 1 or over 31 bits")
		}
		return "RS256", k.fits("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
	}
	return "", fmt.Errorf("a key of type %T, want ECDSA, Ed25519 or RSA", k.pub)
}

func (k *Key) fits(algs ...string) error {
	if k.Alg == "" || slices.Contains(algs, k.Alg) {
		return nil
	}
	return fmt.Errorf("algorithm %.80q does not fit the key, want %s", k.Alg, strings.Join(algs, ", "))
}

func (k *Key) jwk() *gojose.JSONWebKey {
	return &gojose.JSONWebKey{Key: k.pub, KeyID: k.ID, Algorithm: k.Alg, Use: "sig"}
}

// Thumbprint returns the SHA-256 thumbprint of the key in base64url (RFC 7638).
func (k *Key) Thumbprint() string {
	sum, err := k.jwk().Thumbprint(crypto.SHA256)
	if err != nil {
		panic("internal error: a key that was not checked")
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// JWK returns the key as a public JSON Web Key for signatures, with kid and alg (RFC 7517 section 4).
func (k *Key) JWK() ([]byte, error) {
	// Replacement characters would make different names equal.
	if !utf8.ValidString(k.ID) {
		return nil, fmt.Errorf("kid: %w", errUTF8)
	}
	return k.jwk().MarshalJSON()
}
