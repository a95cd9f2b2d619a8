//go:build !race

// The race detector allocates.

package token_test

import (
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/token"
)

// TestAllocations holds minting to six allocations beside those of the signature, and a token met again to none.
func TestAllocations(t *testing.T) {
	for _, alg := range []string{"ES256", "EdDSA"} {
		keys := newKeys(t, token.Key{Signer: signers()[alg], Algorithm: alg})
		c := claims(start)
		raw, input := rawSign(alg), make([]byte, 350)
		base := testing.AllocsPerRun(100, func() { raw(input) })
		if got := testing.AllocsPerRun(100, func() { keys.Sign(c) }); got > base+6 {
			t.Errorf("Sign %s: %v allocations, want at most 6 beside the signature's %v", alg, got, base)
		}
		v := newVerifier(t, token.VerifierConfig{Keys: keys, Now: func() time.Time { return start }})
		compact := sign(t, keys, c)
		ctx := t.Context()
		if got := testing.AllocsPerRun(100, func() { v.Verify(ctx, compact) }); got != 0 {
			t.Errorf("Verify %s again: %v allocations, want none", alg, got)
		}
	}
}
