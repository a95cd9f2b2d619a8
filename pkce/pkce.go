// Package pkce implements Proof Key for Code Exchange (RFC 7636) with the S256 method.
//
// A client draws a verifier with [NewVerifier], sends its [Challenge] with the authorization request and
// the verifier itself with the code. A server refuses a challenge that fails [CheckChallenge] and a
// verifier that fails [Verify]. All functions are pure and safe for many goroutines.
//
// # Design
//
// The method plain does not exist here: a server of OAuth 2.1 never needs it, and a challenge without a
// method means plain, so it is refused by whoever reads the method.
//
// The grammar of RFC 7636, Section 4.2, allows challenges of 43 to 128 characters for the sake of plain.
// One of S256 is narrower: the base64url form of 32 bytes, 43 characters of which the last has two unused
// bits that are zero. Only that is accepted, so a client that computes its challenge wrongly learns it at
// the first request and not as a mismatch after its user has signed in; the errors name the mistakes that
// clients make, for most come from an example that somebody copied.
//
// Errors are complete sentences without a prefix, in the characters that an error_description may have
// (RFC 6749, Section 5.2), because they are meant to be read by the client's author. They hold at most one
// character of the input and never a verifier.
package pkce

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// NewVerifier returns a new code_verifier of 43 characters, which hold 256 random bits (RFC 7636,
// Section 4.1).
func NewVerifier() string {
	var b [sha256.Size]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Challenge returns the S256 code_challenge of verifier, 43 characters (RFC 7636, Section 4.2). It does
// not check the verifier.
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Verify returns nil if verifier is well formed (RFC 7636, Section 4.1) and its S256 challenge is challenge
// (Section 4.6). The error says what is wrong and may be shown to a client. The comparison takes the same
// time wherever the two differ, and success allocates nothing.
//
// An empty challenge matches no verifier.
func Verify(verifier, challenge string) error {
	if err := checkVerifier(verifier); err != nil {
		return err
	}
	// Arrays of the sizes that were just checked keep both texts off the heap.
	var b [maxVerifier]byte
	sum := sha256.Sum256(b[:copy(b[:], verifier)])
	var want, got [challengeSize]byte
	base64.RawURLEncoding.Encode(want[:], sum[:])
	if len(challenge) == copy(got[:], challenge) && subtle.ConstantTimeCompare(want[:], got[:]) == 1 {
		return nil
	}
	return mismatch(verifier, challenge)
}
