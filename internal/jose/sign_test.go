package jose_test

import (
	"bytes"
	"crypto"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/internal/jose"
)

// badSigner is a signer that returns what it is told to.
type badSigner struct {
	crypto.Signer
	sig []byte
	err error
}

func (s badSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return s.sig, s.err }

func TestSignRefusesWhatIsNoSignature(t *testing.T) {
	for name, tc := range map[string]struct {
		alg string
		sig string
	}{
		"nothing for ES256":     {"ES256", ""},
		"r and s side by side":  {"ES256", strings.Repeat("\x01", 64)},
		"ASN.1 that goes on":    {"ES256", "\x30\x06\x02\x01\x01\x02\x01\x01\x00"},
		"three integers":        {"ES256", "\x30\x09\x02\x01\x01\x02\x01\x01\x02\x01\x01"},
		"a negative r":          {"ES256", "\x30\x06\x02\x01\xff\x02\x01\x01"},
		"an r of 33 bytes":      {"ES256", "\x30\x26\x02\x21\x01" + strings.Repeat("\x00", 32) + "\x02\x01\x01"},
		"63 bytes for EdDSA":    {"EdDSA", strings.Repeat("x", 63)},
		"half an RSA signature": {"RS256", strings.Repeat("x", 128)},
	} {
		sig, err := signWith(t, badSigner{signers()[tc.alg], []byte(tc.sig), nil}, tc.alg, []byte("x"))
		if err == nil {
			t.Errorf("%s: signature %x, want an error", name, sig)
		}
	}
	down := errors.New("down")
	for _, alg := range jose.Algorithms {
		if sig, err := signWith(t, badSigner{signers()[alg], nil, down}, alg, []byte("x")); err != down || sig != nil {
			t.Errorf("%s: %x, %v, want the signer's error", alg, sig, err)
		}
	}
}

// One r or s in 128 is a byte short of the curve's size and is filled up on the left.
func TestSignFillsUp(t *testing.T) {
	sig, err := signWith(t, badSigner{signers()["ES384"], []byte("\x30\x06\x02\x01\x07\x02\x01\x09"), nil}, "ES384", []byte("x"))
	want := make([]byte, 96)
	want[47], want[95] = 7, 9
	if err != nil || !bytes.Equal(sig, want) {
		t.Errorf("Sign: %x, %v, want %x", sig, err, want)
	}
}

// An ECDSA signer that is not a key in memory is given randomness, and its ASN.1 is converted.
func TestSignExternal(t *testing.T) {
	external := struct{ crypto.Signer }{signers()["ES512"]}
	input := header("ES512")
	compact := b64([]byte(input)) + "." + b64([]byte("{}"))
	sig, err := signWith(t, external, "ES512", []byte(compact))
	if err != nil || len(sig) != 132 {
		t.Fatalf("Sign: %d bytes, %v, want 132", len(sig), err)
	}
	j, err := jose.Parse(compact + "." + b64(sig))
	if err == nil {
		err = setOf(t, publicJWK("ES512", map[string]any{"kid": "k"})).Verify(j, nil)
	}
	if err != nil {
		t.Errorf("Verify: %v", err)
	}
}
