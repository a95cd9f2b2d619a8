package jose

import (
	"encoding/base64"
	"slices"
	"strings"
)

// JWS is a compact JWS that has been taken apart. Nothing in it is to be trusted before its signature has
// been verified.
type JWS struct {
	Typ     string // the media type in lower case, without "application/"; empty: absent
	Alg     string // one of [Algorithms]
	KID     string // empty: absent
	Payload []byte // any bytes; see [CheckObject]

	input string // what is signed
	sig   []byte
}

const (
	errSize   reason = "longer than 16 KiB"
	errParts  reason = "not three parts"
	errNoSig  reason = "no signature"
	errHeader reason = "header member that is refused: crit, b64, jwk, jku, x5c or x5u"
	errAlg    reason = "missing or unknown algorithm"
	errTyp    reason = "typ that is not a media type"
	errKID    reason = "empty kid"
	errKey    reason = "no such key"
	errUnfit  reason = "an algorithm that is not accepted, or not the key's"
	errSig    reason = "wrong signature"
)

// Parse takes a compact JWS apart (RFC 7515 section 7.1). Every error is [ErrInvalid].
//
// It understands no extension, so any crit is refused (section 4.1.11), and b64 with it (RFC 7797 section 7).
// Keys in the header are refused, not ignored: where a key comes from is never the signer's choice
// (RFC 8725 section 3.10). Other unknown members are ignored, as RFC 7515 section 4 asks.
func Parse(compact string) (*JWS, error) {
	// The length comes first, so that whatever follows costs little.
	if len(compact) > MaxSize {
		return nil, errSize
	}
	header, rest, ok := strings.Cut(compact, ".")
	payload, sig, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || strings.Contains(sig, ".") {
		return nil, errParts
	}
	if sig == "" {
		return nil, errNoSig
	}
	// One buffer takes all three parts.
	buf := make([]byte, 0, base64.RawURLEncoding.DecodedLen(len(compact)))
	buf, err := decode(buf, header)
	if err != nil {
		return nil, err
	}
	headerEnd := len(buf)
	if buf, err = decode(buf, payload); err != nil {
		return nil, err
	}
	payloadEnd := len(buf)
	if buf, err = decode(buf, sig); err != nil {
		return nil, err
	}
	j := &JWS{
		Payload: buf[headerEnd:payloadEnd:payloadEnd],
		input:   compact[:len(header)+1+len(payload)],
		sig:     buf[payloadEnd:],
	}
	if err := Members(buf[:headerEnd], j.header); err != nil {
		return nil, err
	}
	if !slices.Contains(Algorithms, j.Alg) {
		return nil, errAlg
	}
	return j, nil
}

// header takes one member of the header.
func (j *JWS) header(name, value []byte) (err error) {
	switch string(name) {
	case "alg":
		j.Alg, err = String(value)
	case "typ":
		if j.Typ, err = String(value); err == nil {
			j.Typ, err = MediaType(j.Typ)
		}
	case "kid":
		if j.KID, err = String(value); err == nil && j.KID == "" {
			err = errKID
		}
	case "crit", "b64", "jwk", "jku", "x5c", "x5u": // TestParse
		err = errHeader
	}
	return err
}

// MediaType returns the form in which types are compared: lower case, and without an "application/" that
// RFC 7515 section 4.1.9 lets a producer leave out.
func MediaType(typ string) (string, error) {
	for i := range len(typ) {
		if typ[i] <= ' ' || typ[i] > '~' || typ[i] == '"' || typ[i] == '\\' {
			return "", errTyp
		}
	}
	typ = strings.ToLower(typ)
	if short, ok := strings.CutPrefix(typ, "application/"); ok && !strings.Contains(short, "/") {
		return short, nil
	}
	return typ, nil
}
