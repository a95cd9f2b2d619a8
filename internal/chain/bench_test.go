package chain_test

import (
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/chain"
)

// costs are the functions that every token request calls, with the most allocations they may make. A
// derivation's are those of one HMAC (see package seal).
func costs(t testing.TB) []cost {
	ring := testRing(t, 1)
	h := grow(chain.ID{'g'}, ring, ring)
	text, inHex := h.creds[1].Encode("rt_", false), h.creds[1].Encode("rt_", true)
	garbage := "rt_" + text[4:] + "A"
	binary, _ := h.states[2].AppendBinary(nil)
	buf := make([]byte, 0, chain.StateSize)
	const now = t0 + 3600
	judge := func(c chain.Credential, want chain.Verdict) func() {
		return func() {
			if v, _ := h.states[2].Judge(ring, c, now, time.Second); v != want {
				t.Errorf("Judge = %v, want %v", v, want)
			}
		}
	}
	unproven := with(h.creds[2], func(c *chain.Credential) { c.Family = [16]byte{} })
	return []cost{
		{"Parse", 0, func() { chain.Parse("rt_", false, text) }},
		{"Parse/hex", 0, func() { chain.Parse("rt_", true, inHex) }},
		{"Parse/refused", 0, func() { chain.Parse("rt_", false, garbage) }},
		{"Encode", 1, func() { h.creds[1].Encode("rt_", false) }},
		{"Judge/current", 0, judge(h.creds[2], chain.Current)},
		{"Judge/unproven", 0, judge(unproven, chain.Unproven)},
		{"Judge/retry", 7, judge(h.creds[1], chain.Retry)},
		{"Next", 7, func() { h.states[2].Next(ring, h.creds[2], [16]byte{1}, now) }},
		{"Next/exchange", 14, func() { h.states[0].Next(ring, h.creds[0], [16]byte{1}, now) }},
		{"State/encode", 0, func() { h.states[2].AppendBinary(buf) }},
		{"State/decode", 0, func() {
			var s chain.State
			if err := s.UnmarshalBinary(binary); err != nil {
				t.Error(err)
			}
		}},
	}
}

type cost struct {
	name   string
	allocs float64
	f      func()
}

func TestAllocs(t *testing.T) {
	for _, c := range costs(t) {
		if got := testing.AllocsPerRun(100, c.f); got > c.allocs {
			t.Errorf("%s allocates %v times, want at most %v", c.name, got, c.allocs)
		}
	}
}

func BenchmarkChain(b *testing.B) {
	for _, c := range costs(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.f()
			}
		})
	}
}
