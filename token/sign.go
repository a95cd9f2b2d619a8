package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/oauthcore/oauthcore/internal/jose"
)

// accessToken is the header type of RFC 9068 section 2.1.
const accessToken = "at+jwt"

// Sign returns c as a JWT of type at+jwt, signed by the key that signs at c.IssuedAt.
//
// What RFC 9068 section 2.2 requires must be there: Issuer, Subject, Audience, Expires, IssuedAt, ID and
// ClientID. Expires must be at least a second and at most ten years after IssuedAt, NotBefore before
// Expires, and the token at most 16 KiB long. Other errors are those of [Claims.MarshalJSON] and the signer's.
func (k *Keys) Sign(c *Claims) (string, error) {
	if err := c.check(); err != nil {
		return "", err
	}
	key, err := k.ring.Load().signer(c.IssuedAt)
	if err != nil {
		return "", err
	}
	var buf [1024]byte
	payload, err := c.appendJSON(buf[:0])
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return key.sign(key.header, payload)
}

// SignJWT signs a JSON object under the header type typ, "" for none, with the key that signs at the time. It
// is for JWTs that are not access tokens of RFC 9068; which claims they need is the caller's business. The
// payload must be strict JSON, and typ a media type.
func (k *Keys) SignJWT(typ string, payload []byte, at time.Time) (string, error) {
	if _, err := jose.MediaType(typ); err != nil {
		return "", fmt.Errorf("token: header type %q: want a media type", typ)
	}
	if err := jose.CheckObject(payload); err != nil {
		return "", fmt.Errorf("token: payload: %w", err)
	}
	key, err := k.ring.Load().signer(at)
	if err != nil {
		return "", err
	}
	header, err := key.headerOf(typ)
	if err != nil {
		return "", fmt.Errorf("token: header: %w", err)
	}
	return key.sign(header, payload)
}

// sign returns the compact serialization (RFC 7515 section 7.1) of a header, already encoded, and a payload.
func (k *signingKey) sign(header string, payload []byte) (string, error) {
	b64 := base64.RawURLEncoding
	out := make([]byte, 0, len(header)+b64.EncodedLen(len(payload))+1+b64.EncodedLen(k.public.SignatureSize()))
	out = b64.AppendEncode(append(out, header...), payload)
	sig, err := k.public.Sign(k.Signer, out)
	if err != nil {
		return "", fmt.Errorf("token: key %q: %w", k.ID, err)
	}
	out = b64.AppendEncode(append(out, '.'), sig)
	if len(out) > jose.MaxSize {
		return "", fmt.Errorf("token: a token of %d bytes, want at most %d", len(out), jose.MaxSize)
	}
	return string(out), nil
}

// check refuses claims that no verifier should accept.
func (c *Claims) check() error {
	switch {
	case c.Issuer == "":
		return errors.New("token: claims without Issuer")
	case c.Subject == "":
		return errors.New("token: claims without Subject")
	case len(c.Audience) == 0:
		return errors.New("token: claims without Audience")
	case c.ID == "":
		return errors.New("token: claims without ID")
	case c.ClientID == "":
		return errors.New("token: claims without ClientID")
	case c.IssuedAt.IsZero():
		return errors.New("token: claims without IssuedAt")
	}
	lifetime := c.Expires.Unix() - c.IssuedAt.Unix()
	switch {
	case c.Expires.IsZero():
		return errors.New("token: claims without Expires")
	case lifetime <= 0:
		return fmt.Errorf("token: claims that are expired when issued: %d s, want at least 1", lifetime)
	case lifetime > int64(horizon/time.Second):
		return fmt.Errorf("token: claims that live %d s, want at most ten years", lifetime)
	case !c.NotBefore.IsZero() && c.NotBefore.Unix() >= c.Expires.Unix():
		return errors.New("token: claims whose NotBefore is not before Expires")
	}
	return nil
}
