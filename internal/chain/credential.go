package chain

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// Credential is what a client holds and presents: a code or a refresh token.
type Credential struct {
	Kind       Kind
	Grant      ID
	Generation uint32   // of a refresh token, from 1
	Family     [16]byte // of a refresh token: shared by all of its family, derived at the exchange
	Secret     [32]byte
}

// MaxPrefix is the length in bytes of the longest prefix that a credential may carry.
const MaxPrefix = 16

// The binary layouts: kind · grant · secret, and kind · grant · generation · family · secret. Integers
// are big-endian.
const (
	codeSize    = 1 + 16 + 32
	refreshSize = 1 + 16 + 4 + 16 + 32
	maxText     = MaxPrefix + 2*refreshSize
)

// Encode returns c as text for clients: the prefix, then the binary layout in unpadded base64url or, for
// dialects that want it, in lower-case hex. A refresh token is 92 characters longer than its prefix, in
// hex 138; a code 66, in hex 98. A prefix over [MaxPrefix] bytes is a programmer's mistake: Parse refuses
// what comes of it.
func (c Credential) Encode(prefix string, hex bool) string {
	return string(c.appendText(make([]byte, 0, maxText), prefix, hex))
}

func (c *Credential) appendText(b []byte, prefix string, inHex bool) []byte {
	bin := c.appendBinary(make([]byte, 0, refreshSize))
	b = append(b, prefix...)
	if inHex {
		return hex.AppendEncode(b, bin)
	}
	return base64.RawURLEncoding.AppendEncode(b, bin)
}

func (c *Credential) appendBinary(b []byte) []byte {
	b = append(b, byte(c.Kind))
	b = append(b, c.Grant[:]...)
	if c.Kind == Refresh {
		b = binary.BigEndian.AppendUint32(b, c.Generation)
		b = append(b, c.Family[:]...)
	}
	return append(b, c.Secret[:]...)
}

// Parse reads what [Credential.Encode] made with the same prefix and form, and nothing else: there is one
// text for each credential, so that a token that was changed on its way is not taken for the same.
func Parse(prefix string, hex bool, s string) (Credential, bool) {
	body, ok := strings.CutPrefix(s, prefix)
	if !ok || len(prefix) > MaxPrefix {
		return Credential{}, false
	}
	var c Credential
	switch len(body) {
	case textLen(codeSize, hex):
		c.Kind = Code
	case textLen(refreshSize, hex):
		c.Kind = Refresh
	default:
		return Credential{}, false
	}
	var buf [refreshSize]byte
	bin, ok := decodeText(buf[:], body, hex)
	if !ok || Kind(bin[0]) != c.Kind {
		return Credential{}, false
	}
	bin = bin[1+copy(c.Grant[:], bin[1:]):]
	if c.Kind == Refresh {
		if c.Generation = binary.BigEndian.Uint32(bin); c.Generation == 0 {
			return Credential{}, false
		}
		bin = bin[4+copy(c.Family[:], bin[4:]):]
	}
	copy(c.Secret[:], bin)

	// The decoders skip line ends, ignore trailing bits and take capitals; this takes none of it.
	var canonical [maxText]byte
	if string(c.appendText(canonical[:0], prefix, hex)) != s {
		return Credential{}, false
	}
	return c, true
}

func textLen(size int, inHex bool) int {
	if inHex {
		return hex.EncodedLen(size)
	}
	return base64.RawURLEncoding.EncodedLen(size)
}

// decodeText decodes the whole of body, at most twice the size of dst, into dst.
func decodeText(dst []byte, body string, inHex bool) ([]byte, bool) {
	var src [2 * refreshSize]byte
	text := src[:copy(src[:], body)]
	var n, want int
	var err error
	if inHex {
		want = hex.DecodedLen(len(text))
		n, err = hex.Decode(dst, text)
	} else {
		want = base64.RawURLEncoding.DecodedLen(len(text))
		n, err = base64.RawURLEncoding.Decode(dst, text)
	}
	return dst[:n], err == nil && n == want
}
