package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/oauthcore/oauthcore/token"
)

// secrets are what the server must not lose and nobody else may have: with a store that outlives the
// process, tokens are only good as long as these are the same.
type secrets struct {
	Secrets [][]byte     `json:"secrets"` // as oauth.Config.Secrets
	Keys    []signingKey `json:"keys"`    // the first signs
}

// signingKey is one key of the ring.
type signingKey struct {
	Algorithm string `json:"algorithm"`
	PKCS8     []byte `json:"pkcs8"`
}

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

// newSecrets makes a secret and a key for each algorithm, of which the first signs.
func newSecrets(algs []string) (*secrets, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	s := &secrets{Secrets: [][]byte{secret}}
	for _, alg := range algorithms(algs) {
		signer, err := generators[alg]()
		if err != nil {
			return nil, fmt.Errorf("key for %s: %w", alg, err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(signer)
		if err != nil {
			return nil, fmt.Errorf("key for %s: %w", alg, err)
		}
		s.Keys = append(s.Keys, signingKey{alg, der})
	}
	return s, nil
}

// algorithms are those of the configuration, or the one of a configuration that names none.
func algorithms(algs []string) []string {
	if len(algs) == 0 {
		return []string{"RS256"}
	}
	return algs
}

// ring returns the signing keys.
func (s *secrets) ring() (*token.Keys, error) {
	var keys []token.Key
	for i, k := range s.Keys {
		key, err := x509.ParsePKCS8PrivateKey(k.PKCS8)
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, fmt.Errorf("keys[%d] is not a private key in PKCS #8", i)
		}
		keys = append(keys, token.Key{Algorithm: k.Algorithm, Signer: signer})
	}
	return token.NewKeys(keys...)
}

// loadSecrets reads the file, which it makes if there is none. Servers that start together on one file get
// the same secrets. Algs are those of the configuration: a file with other keys is an error.
func loadSecrets(file string, algs []string) (*secrets, error) {
	s, err := readSecrets(file)
	if errors.Is(err, fs.ErrNotExist) {
		if s, err = newSecrets(algs); err == nil {
			err = writeSecrets(file, s)
		}
		if errors.Is(err, fs.ErrExist) { // another server was first
			s, err = readSecrets(file)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("-secrets: %w", err)
	}
	var have []string
	for _, k := range s.Keys {
		have = append(have, k.Algorithm)
	}
	if want := algorithms(algs); !slices.Equal(have, want) {
		return nil, fmt.Errorf("-secrets: %s has keys for %q, the configuration wants %q", file, have, want)
	}
	return s, nil
}

func readSecrets(file string) (*secrets, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others than its owner: mode %v, wanted 0600", file, info.Mode().Perm())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := new(secrets)
	if json.Unmarshal(b, s) != nil || len(s.Secrets) == 0 || len(s.Keys) == 0 {
		return nil, fmt.Errorf("%s is not a file of secrets", file) // what is in it is nobody's business
	}
	return s, nil
}

// writeSecrets makes the file, whole and at once, or leaves one that is there and returns fs.ErrExist.
func writeSecrets(file string, s *secrets) error {
	b, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(file), ".secrets-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	if _, err = part.Write(b); err == nil {
		err = part.Sync()
	}
	if err := errors.Join(err, part.Close()); err != nil {
		return err
	}
	return os.Link(part.Name(), file)
}
