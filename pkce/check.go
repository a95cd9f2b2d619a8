package pkce

import (
	"errors"
	"fmt"
	"strings"
)

const (
	minVerifier   = 43 // 32 bytes in base64url
	maxVerifier   = 128
	challengeSize = 43
)

const (
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	unreserved   = alphanumeric + "-._~"
	base64url    = alphanumeric + "-_"
	base64std    = alphanumeric + "+/"

	// finals are the characters that end the base64url form of 32 bytes: those whose low two bits are zero.
	finals = "AEIMQUYcgkosw048"
)

// CheckChallenge returns nil if challenge has the form of an S256 challenge: 43 characters that decode to
// 32 bytes. Otherwise the error names the mistake and may be shown to a client: padding, standard base64,
// characters removed instead of mapped, hexadecimal, another length, an illegal character, or a last
// character that no 32 bytes give.
func CheckChallenge(challenge string) error {
	n := len(challenge)
	body := strings.TrimRight(challenge, "=")
	switch at := outside(challenge, base64url); {
	case n == 0:
		return errors.New("code_challenge is empty")
	case at < 0:
	case outside(body, base64url) < 0:
		return errors.New("code_challenge has padding: want base64url without =")
	case outside(body, base64std) < 0:
		return errors.New("code_challenge is standard base64: want base64url, with - and _ for + and /, without =")
	default:
		return fmt.Errorf("code_challenge has %s: want base64url", describe(challenge[at]))
	}
	switch {
	case n == 64 && outside(challenge, "0123456789abcdefABCDEF") < 0:
		return errors.New("code_challenge is hexadecimal: want the base64url form of the 32 bytes of the digest")
	// Any + and / are gone with the padding: one digest in 3000 has more than six of those.
	case challengeSize-6 <= n && n < challengeSize && outside(challenge, alphanumeric) < 0:
		return fmt.Errorf("code_challenge has %d characters, want 43: computed by removing characters instead of base64url", n)
	case n != challengeSize:
		return fmt.Errorf("code_challenge has %d characters, want 43", n)
	case !strings.Contains(finals, challenge[n-1:]):
		return fmt.Errorf("code_challenge ends in %s, which is not the end of 32 bytes in base64url", challenge[n-1:])
	}
	return nil
}

// checkVerifier returns an error if verifier is outside the grammar of RFC 7636, Section 4.1.
func checkVerifier(verifier string) error {
	if n := len(verifier); n < minVerifier || n > maxVerifier {
		return fmt.Errorf("code_verifier has %d characters, want 43 to 128", n)
	}
	if at := outside(verifier, unreserved); at >= 0 {
		return fmt.Errorf("code_verifier has %s: want only A-Z a-z 0-9 - . _ ~", describe(verifier[at]))
	}
	return nil
}

// mismatch says as much as can be told about a challenge that is not that of verifier. By then the two
// differ, so what it compares and how long that takes is no secret.
func mismatch(verifier, challenge string) error {
	if err := CheckChallenge(challenge); err != nil {
		return fmt.Errorf("code_verifier does not match: %w", err)
	}
	if verifier == challenge {
		return errors.New("code_verifier is the code_challenge itself: want the text whose SHA-256 it is, for the method is S256")
	}
	return errors.New("code_verifier does not match code_challenge")
}

// outside returns the index of the first byte of s that is not in set, or -1.
func outside(s, set string) int {
	for i := range len(s) {
		if strings.IndexByte(set, s[i]) < 0 {
			return i
		}
	}
	return -1
}

// describe names a byte that is in no alphabet of this package in the characters of an error_description.
func describe(c byte) string {
	switch {
	case c == ' ':
		return "a space"
	case c < ' ' || c == 0x7f:
		return "a control character"
	case c > 0x7f:
		return "a character outside ASCII"
	case c == '"':
		return "a quotation mark"
	case c == '\\':
		return "a backslash"
	}
	return "the character " + string(rune(c))
}
