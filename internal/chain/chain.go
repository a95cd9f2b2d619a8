// Package chain is the life of a grant's credentials as pure functions: one code, and after its exchange
// one family of single-use refresh tokens, in constant space however often it rotates.
//
// A [State] is stored in the grant's record. A request parses its [Credential], reads the grant, lets
// [State.Judge] say what the credential is, and does what [Verdict.Action] says. To rotate, it computes
// [State.Next], builds its whole answer, swaps the record at the version it read, and answers only then.
// If another write came first it judges again what is stored now. No function here reads a clock or a
// store; only [New] draws random bits. All are safe for many goroutines on values that nobody changes
// meanwhile.
//
// # Design
//
// A code is generation zero. Its hash stays in the record for good, so that a second redemption is known
// for what it is, and the exchange draws the secret of the family, so that a code seen in a browser's
// history cannot pose as a refresh token. A row for each token was rejected: it grows without bound,
// needs cleaning up, and turns a rotation into a write of two records.
//
// A successor is derived, not drawn: secret(n+1) is an HMAC, under a server secret, of secret(n) as it
// was presented and a nonce that is stored with state n+1. A client that lost the answer repeats its
// request and gets the same successor, with no fork, no second family and no plaintext at rest; whoever
// steals the database cannot compute it, not even with an old token. Keeping the answer for the retry,
// sealed, was rejected: it is larger, and one more thing to expire.
//
// A credential that is not proven provokes nothing, so a stranger who knows a grant id cannot end it. A
// proven one that was used before ends the grant, with two restraints. A refresh token's successor may be
// asked for again within the grace. And a request that cannot tell whether a write of its own happened
// does not take a used token for theft, for it may be looking at its own rotation. A code needs no such
// restraint: its exchange draws the family, nobody holds that before the exchange has answered, and so a
// grant that is alive behind an exchanged code, and does not show this request's own write, was exchanged
// by another. This holds because a live grant is written by nothing but its chain.
//
// The rules are checked in the tests by walking every interleaving of three requests with faults.
package chain

import (
	"encoding/base64"
	"math"
)

// ID names a grant. It is no secret.
type ID [16]byte

// String returns id as 22 characters of base64url, which may stand in a record's key.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// Kind says what a credential is for. It is the first byte of its layout.
type Kind byte

// The kinds of credentials. Other values are free for kinds to come.
const (
	Code    Kind = 1 // an authorization code (RFC 6749, Section 4.1.2), generation zero
	Refresh Kind = 2 // a refresh token (RFC 6749, Section 1.5), generation one and up
)

// lastGeneration cannot be rotated: its successor would wrap to generation zero, at which the code is
// good again. One rotation a second gets here in 136 years.
const lastGeneration = math.MaxUint32
