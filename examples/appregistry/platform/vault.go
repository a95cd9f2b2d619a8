package platform

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// Vault seals what the platform must show again in plain, and derives what it must make again. Its keys come
// from the server's secrets, for this purpose alone. It is safe for many goroutines.
type Vault struct {
	keys []vaultKey // the first seals and derives, all open
}

type vaultKey struct {
	id   uint32 // names the key without telling anything of it
	mac  []byte
	aead cipher.AEAD
}

// errSealed means that something was sealed by a secret that is gone, or not sealed here.
var errSealed = errors.New("platform: sealed under a secret that this server does not have")

// NewVault returns the vault of these secrets, 32 bytes each.
func NewVault(secrets [][]byte) (*Vault, error) {
	v := new(Vault)
	for i, s := range secrets {
		if len(s) != 32 {
			return nil, fmt.Errorf("platform: secret %d: got %d bytes, wanted 32", i, len(s))
		}
		var err error
		var k vaultKey
		derive := func(use string, n int) (b []byte) {
			if err == nil {
				b, err = hkdf.Key(sha256.New, s, nil, "app registry "+use, n)
			}
			return b
		}
		id, sealing := derive("key id", 4), derive("sealing", chacha20poly1305.KeySize)
		k.mac = derive("deriving", 32)
		if err == nil {
			k.id = binary.BigEndian.Uint32(id)
			k.aead, err = chacha20poly1305.NewX(sealing)
		}
		if err != nil {
			return nil, fmt.Errorf("platform: %w", err)
		}
		v.keys = append(v.keys, k)
	}
	if len(v.keys) == 0 {
		return nil, errors.New("platform: got no secret")
	}
	return v, nil
}

// find returns the key with that id, or an errSealed.
func (v *Vault) find(id uint32) (*vaultKey, error) {
	i := slices.IndexFunc(v.keys, func(k vaultKey) bool { return k.id == id })
	if i < 0 {
		return nil, errSealed
	}
	return &v.keys[i], nil
}

// seal encrypts plain, for whoever can name bound again. The nonce is random, which the 24 bytes of
// XChaCha20-Poly1305 allow for any number of messages.
func (v *Vault) seal(plain []byte, bound string) []byte {
	k := &v.keys[0]
	out := make([]byte, 4+chacha20poly1305.NonceSizeX, 4+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	binary.BigEndian.PutUint32(out, k.id)
	rand.Read(out[4:])
	return k.aead.Seal(out, out[4:], plain, []byte(bound))
}

// open returns what was sealed with the same bound.
func (v *Vault) open(sealed []byte, bound string) ([]byte, error) {
	const head = 4 + chacha20poly1305.NonceSizeX
	if len(sealed) < head {
		return nil, errSealed
	}
	k, err := v.find(binary.BigEndian.Uint32(sealed))
	if err != nil {
		return nil, err
	}
	plain, err := k.aead.Open(nil, sealed[4:head], sealed[head:], []byte(bound))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// Draw gives 256 bits for each label, always the same ones for the same request, that nobody else can
// guess.
type Draw func(label string) [32]byte

// or returns d, or one that is random if there is none.
func (d Draw) or() Draw {
	if d != nil {
		return d
	}
	return func(string) (b [32]byte) {
		rand.Read(b[:])
		return b
	}
}

// draw returns the Draw of a seed.
func (k *vaultKey) draw(seed []byte) Draw {
	return func(label string) [32]byte {
		h := hmac.New(sha256.New, k.mac)
		h.Write(binary.AppendUvarint(nil, uint64(len(seed))))
		h.Write(seed)
		h.Write([]byte(label))
		return [32]byte(h.Sum(nil))
	}
}
