package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/oauthcore/oauthcore/token"
)

// generators make a signing key for an algorithm.
var generators = map[string]func() (crypto.Signer, error){
	"ES256": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	"ES384": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
	"ES512": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) },
	"EdDSA": func() (crypto.Signer, error) { _, key, err := ed25519.GenerateKey(nil); return key, err },
	"RS256": generateRSA, "RS384": generateRSA, "RS512": generateRSA,
	"PS256": generateRSA, "PS384": generateRSA, "PS512": generateRSA,
}

func generateRSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// generateKeys returns a ring with one new key for each algorithm, of which the first signs.
func generateKeys(algs []string) (*token.Keys, error) {
	if len(algs) == 0 {
		algs = []string{"RS256"}
	}
	var keys []token.Key
	for _, alg := range algs {
		signer, err := generators[alg]()
		if err != nil {
			return nil, fmt.Errorf("key for %s: %w", alg, err)
		}
		keys = append(keys, token.Key{Algorithm: alg, Signer: signer})
	}
	return token.NewKeys(keys...)
}
