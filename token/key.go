package token

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/oauthcore/oauthcore/internal/jose"
)

// Key is one key of a ring. It is published while it is in the ring. It prints, and encodes as JSON, without its
// Signer, which software keys would spell out.
type Key struct {
	ID        string        // kid; empty: the RFC 7638 thumbprint
	Algorithm string        // JWS alg; empty: ES256, ES384, ES512, EdDSA or RS256, as the key is
	Signer    crypto.Signer `json:"-"` // software, KMS or HSM; used by many goroutines at once
	NotBefore time.Time     // signs from then on; of several, the latest signs. Zero: always
	NotAfter  time.Time     // neither signs nor is published after that. Zero: until it is replaced
}

// Format prints k without its Signer, whatever the verb.
func (k Key) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "Key(%s %s)", k.ID, k.Algorithm)
}

// ParseKey reads a private key from PEM (PKCS #8, PKCS #1 or SEC 1) or from a JWK, whose kid and alg it keeps
// (RFC 7517). PEM blocks of other kinds are skipped; two private keys, or an encrypted one, are an error. An
// error never tells what the data holds. Whether the key is strong enough is for [NewKeys] to say.
func ParseKey(data []byte) (Key, error) {
	if b := bytes.TrimSpace(data); len(b) > 0 && b[0] == '{' {
		k, err := jose.ParsePrivateKey(b)
		if err != nil {
			return Key{}, fmt.Errorf("token: JWK: %w", err)
		}
		return Key{ID: k.ID, Algorithm: k.Alg, Signer: k.Signer}, nil
	}
	var key Key
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		signer, err := parseBlock(block)
		switch {
		case err != nil:
			return Key{}, fmt.Errorf("token: PEM block %q: %w", block.Type, err)
		case signer == nil:
		case key.Signer != nil:
			return Key{}, errors.New("token: PEM with more than one private key")
		default:
			key.Signer = signer
		}
	}
	if key.Signer == nil {
		return Key{}, errors.New("token: neither a JWK nor PEM with a private key")
	}
	return key, nil
}

// parseBlock returns the private key of a PEM block, or nil if the block is of another kind.
func parseBlock(block *pem.Block) (crypto.Signer, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("the key is encrypted, want it decrypted")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	return signer, nil
}

// signingKey is a key that has been checked, with all that is the same in each of its tokens.
type signingKey struct {
	Key
	public *jose.Key
	jwk    []byte
	header string // of type at+jwt, in base64url, with the dot that follows
}

func newSigningKey(k Key) (*signingKey, error) {
	if k.Signer == nil {
		return nil, errors.New("no Signer")
	}
	public, err := jose.NewKey(k.Signer.Public(), k.Algorithm, k.ID)
	if err != nil {
		return nil, err
	}
	if !k.NotAfter.IsZero() && !k.NotAfter.After(k.NotBefore) {
		return nil, fmt.Errorf("NotAfter %s is not after NotBefore %s",
			k.NotAfter.Format(time.RFC3339), k.NotBefore.Format(time.RFC3339))
	}
	k.ID, k.Algorithm = public.ID, public.Alg
	s := &signingKey{Key: k, public: public}
	if s.jwk, err = public.JWK(); err != nil {
		return nil, err
	}
	s.header, err = s.headerOf(accessToken)
	return s, err
}

// headerOf returns the encoded header of a token of type typ, and a dot.
func (k *signingKey) headerOf(typ string) (string, error) {
	b := []byte(`{`)
	var err error
	if typ != "" {
		if b, err = jose.AppendString(append(b, `"typ":`...), typ); err != nil {
			return "", err
		}
		b = append(b, ',')
	}
	b = append(append(append(b, `"alg":"`...), k.Algorithm...), `","kid":`...)
	if b, err = jose.AppendString(b, k.ID); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(b, '}')) + ".", nil
}

// withdrawn reports whether the key is past its time.
func (k *signingKey) withdrawn(at time.Time) bool {
	return !k.NotAfter.IsZero() && at.After(k.NotAfter)
}
