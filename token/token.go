// Package token signs and verifies JWT access tokens (RFC 9068, RFC 7519).
//
// [Keys] is a ring of signing keys, [Claims] what a token says, and a [Verifier] checks tokens against a
// ring, a fixed key set or a remote one. No type of a JOSE library appears in the API.
//
// # Rotation
//
// A key is published for as long as it is in the ring and signs when its time has come, so announcing a key
// is adding it with a NotBefore ahead of now, by more than verifiers cache a key set (at most five minutes
// for the ring's own handler, an hour for the Verifier here). It takes over by itself. The key before it gets
// a NotAfter that lies behind the expiry of the last token it signed. [Keys.Replace] does both in one step, in a running program.
//
// # Design
//
// Two times a key, and no key "states". States would have to be moved by somebody at the right moment, on
// every instance at once; times need only be written down.
//
// The key is chosen by the token's own IssuedAt, not by a clock of the ring. So a ring needs no clock, a
// token's time and key always agree, and a test needs no waiting.
//
// Claims are encoded and decoded by hand, in one pass, and not by encoding/json: it folds the case of member
// names, keeps the last of two duplicates and turns broken text into U+FFFD, each of which lets two parties
// read one token differently (RFC 8725 sections 2.4 and 3.7). That it costs less is welcome.
//
// A token that our own [Verifier] would refuse is not signed: a missing claim, an expiry beyond ten years or
// in the past, 16 KiB. The mistake then shows where it was made.
//
// ECDSA keys in memory sign deterministically (RFC 6979), which is faster than with random nonces.
package token

import (
	"errors"
	"fmt"
	"time"
)

// ErrInvalid is wrapped by every error that means "this token is not good": malformed, forged,
// expired, revoked, for someone else. Any other error means that the question could not be answered.
var ErrInvalid = errors.New("token: invalid")

// horizon bounds how far ahead a token may expire.
const horizon = 10 * 365 * 24 * time.Hour

// invalid returns an error that wraps [ErrInvalid]. What it prints never holds a part of the token.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}
