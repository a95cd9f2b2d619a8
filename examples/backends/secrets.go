package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/oauthcore/oauthcore/token"
)

// secrets are what the records of a store are worth nothing without. They are never in it, so that a copy of
// the database, or of a backup, opens and signs no token. All servers on one store have the same.
type secrets struct {
	keys *token.Keys // signs JWTs
	ring [][]byte    // oauth.Config.Secrets
}

// secretBlock is the PEM type of an element of the ring. The first of a file seals and all open: to retire
// one, put a new one before it, and remove it when nothing of it is in use any more.
const secretBlock = "OAUTH SERVER SECRET"

// loadSecrets reads the file, which is made if it is not there. No file at all is new secrets for this
// process. A service has them from its secret manager instead.
func loadSecrets(file string) (secrets, error) {
	data := newSecrets()
	if file != "" {
		var err error
		if data, err = readOrCreate(file, data); err != nil {
			return secrets{}, err
		}
	}
	key, err := token.ParseKey(data)
	if err != nil {
		return secrets{}, fmt.Errorf("secrets: %w", err)
	}
	s := secrets{}
	if s.keys, err = token.NewKeys(key); err != nil {
		return secrets{}, fmt.Errorf("secrets: %w", err)
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == secretBlock {
			s.ring = append(s.ring, block.Bytes)
		}
	}
	if s.ring == nil {
		return secrets{}, fmt.Errorf("secrets: no PEM block %q", secretBlock) // oauth.New would make up one that is lost
	}
	return s, nil
}

// newSecrets returns a signing key and a secret of 32 bytes as PEM.
func newSecrets() []byte {
	_, key, _ := ed25519.GenerateKey(nil) // fails with another source of randomness only
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: secretBlock, Bytes: secret})...)
}

// readOrCreate returns what file holds, after creating it with data if it is not there. Of two processes
// that create it at once, one fails.
func readOrCreate(file string, data []byte) ([]byte, error) {
	stored, err := os.ReadFile(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return stored, err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(data)
	return data, errors.Join(err, f.Sync(), f.Close())
}
