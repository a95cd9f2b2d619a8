package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash.New
	_ "crypto/sha512"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// hashOf returns the hash of a known algorithm, 0 for EdDSA, which hashes by itself.
func hashOf(alg string) crypto.Hash {
	switch alg {
	case "ES256", "RS256", "PS256":
		return crypto.SHA256
	case "ES384", "RS384", "PS384":
		return crypto.SHA384
	case "ES512", "RS512", "PS512":
		return crypto.SHA512
	}
	return 0
}

// digest returns what is signed: the input's hash, or the input itself for EdDSA.
func digest(hash crypto.Hash, input []byte) []byte {
	if hash == 0 {
		return input
	}
	h := hash.New()
	h.Write(input)
	return h.Sum(nil)
}

// Sign returns the signature of input by the private half of k, as JWS wants it. An error is the signer's own,
// or says that what the signer returned is not a signature.
func (k *Key) Sign(signer crypto.Signer, input []byte) ([]byte, error) {
	hash := hashOf(k.Alg)
	var opts crypto.SignerOpts = hash
	if strings.HasPrefix(k.Alg, "PS") {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	var random io.Reader = rand.Reader
	if _, ok := signer.(*ecdsa.PrivateKey); ok {
		random = nil // deterministic (RFC 6979), which is faster and needs no luck
	}
	sig, err := signer.Sign(random, digest(hash, input), opts)
	if err != nil {
		return nil, err
	}
	if _, ok := k.pub.(*ecdsa.PublicKey); ok {
		return fixedWidth(sig, k.SignatureSize()/2)
	}
	if len(sig) != k.SignatureSize() {
		return nil, fmt.Errorf("the signer returned %d bytes, want %d", len(sig), k.SignatureSize())
	}
	return sig, nil
}

// SignatureSize returns the length in bytes of the key's signatures.
func (k *Key) SignatureSize() int {
	switch pub := k.pub.(type) {
	case *ecdsa.PublicKey:
		return 2 * ((pub.Params().BitSize + 7) / 8)
	case *rsa.PublicKey:
		return pub.Size()
	}
	return ed25519.SignatureSize
}

// fixedWidth turns an ECDSA signature in ASN.1 into r and s side by side (RFC 7518 section 3.4).
func fixedWidth(der []byte, size int) ([]byte, error) {
	var inner cryptobyte.String
	var r, s []byte
	in := cryptobyte.String(der)
	if !in.ReadASN1(&inner, asn1.SEQUENCE) || !in.Empty() ||
		!inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) || !inner.Empty() || len(r) > size || len(s) > size {
		return nil, errors.New("the signer returned no ECDSA signature in ASN.1")
	}
	sig := make([]byte, 2*size)
	copy(sig[size-len(r):], r)
	copy(sig[2*size-len(s):], s)
	return sig, nil
}

// verify reports whether sig is the key's signature of input. The algorithm fits the key.
func (k *Key) verify(alg string, input, sig []byte) bool {
	hash := hashOf(alg)
	switch pub := k.pub.(type) {
	case *ecdsa.PublicKey:
		half := k.SignatureSize() / 2
		if len(sig) != 2*half {
			return false
		}
		r, s := new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:])
		return ecdsa.Verify(pub, digest(hash, input), r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(pub, input, sig)
	case *rsa.PublicKey:
		if strings.HasPrefix(alg, "PS") {
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(pub, hash, digest(hash, input), sig, opts) == nil
		}
		return rsa.VerifyPKCS1v15(pub, hash, digest(hash, input), sig) == nil
	}
	return false
}
