// Package seal derives every key of a server from its secrets: one subkey for each secret, issuer and
// purpose, so that what was sealed for one purpose or issuer never opens for another.
//
// # Design
//
// Sealing is XChaCha20-Poly1305: its 24-byte nonce may be random for as many messages as one likes, which
// AES-GCM's 12 bytes may not (2^32 messages a key is a few weeks of a busy server's tokens). A key is
// named by four bytes derived from it, so that opening tries one key and a ring may be reordered freely.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the length of a secret in bytes.
const KeySize = 32

// KeyID names a secret of a ring without telling anything about it.
type KeyID uint32

// Ring holds the subkeys of one issuer and purpose. It is safe for many goroutines.
type Ring struct {
	keys []key // the first seals
}

type key struct {
	id   KeyID
	mac  [KeySize]byte
	aead cipher.AEAD
}

// New derives the subkeys of secrets for an issuer and a purpose. Each secret is [KeySize] bytes; the
// first seals and derives, all open.
func New(secrets [][]byte, issuer, purpose string) (*Ring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no secret")
	}
	r := &Ring{keys: make([]key, len(secrets))}
	for i, s := range secrets {
		if len(s) != KeySize {
			return nil, fmt.Errorf("secret %d: %d bytes, want %d", i, len(s), KeySize)
		}
		k := &r.keys[i]
		k.id = KeyID(binary.BigEndian.Uint32(derive(s, issuer, purpose, "id", 4)))
		k.mac = [KeySize]byte(derive(s, issuer, purpose, "mac", KeySize))
		var err error
		if k.aead, err = chacha20poly1305.NewX(derive(s, issuer, purpose, "aead", chacha20poly1305.KeySize)); err != nil {
			return nil, err
		}
		for _, other := range r.keys[:i] {
			if other.id == k.id {
				return nil, fmt.Errorf("secret %d is there twice", i)
			}
		}
	}
	return r, nil
}

// derive separates issuer, purpose and use by length, so that no two triples share an info string.
func derive(secret []byte, issuer, purpose, use string, n int) []byte {
	info := fmt.Sprintf("oauthcore %d %s %d %s %s", len(issuer), issuer, len(purpose), purpose, use)
	b, err := hkdf.Key(sha256.New, secret, nil, info, n)
	if err != nil {
		panic("internal error: seal: " + err.Error()) // only for lengths out of range
	}
	return b
}

func (r *Ring) find(id KeyID) *key {
	for i := range r.keys {
		if r.keys[i].id == id {
			return &r.keys[i]
		}
	}
	return nil
}

// Current is the id of the secret that seals and derives now.
func (r *Ring) Current() KeyID { return r.keys[0].id }

// Derive returns the HMAC-SHA256 of data under the secret named id, false if the ring no longer has it.
// The caller makes data unambiguous.
func (r *Ring) Derive(id KeyID, data ...[]byte) (sum [sha256.Size]byte, ok bool) {
	k := r.find(id)
	if k == nil {
		return sum, false
	}
	h := hmac.New(sha256.New, k.mac[:])
	for _, d := range data {
		h.Write(d)
	}
	h.Sum(sum[:0])
	return sum, true
}

// Overhead is how much longer a sealed message is.
const Overhead = 4 + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// Seal encrypts and authenticates plain, and authenticates bound, which the opener must name again.
func (r *Ring) Seal(plain, bound []byte) []byte {
	k := &r.keys[0]
	out := make([]byte, 4+chacha20poly1305.NonceSizeX, Overhead+len(plain))
	binary.BigEndian.PutUint32(out, uint32(k.id))
	nonce := out[4 : 4+chacha20poly1305.NonceSizeX]
	rand.Read(nonce)
	return k.aead.Seal(out, nonce, plain, bound)
}

// Open returns what was sealed with the same bound, false if it was not sealed by this ring.
func (r *Ring) Open(sealed, bound []byte) ([]byte, bool) {
	if len(sealed) < Overhead { // TestSeal
		return nil, false
	}
	k := r.find(KeyID(binary.BigEndian.Uint32(sealed)))
	if k == nil {
		return nil, false
	}
	const head = 4 + chacha20poly1305.NonceSizeX
	plain, err := k.aead.Open(nil, sealed[4:head], sealed[head:], bound)
	return plain, err == nil
}
