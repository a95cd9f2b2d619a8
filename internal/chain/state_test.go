package chain_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/chain"
	"github.com/oauthcore/oauthcore/internal/seal"
)

// t0 is when the first rotation of a test happens, in Unix seconds.
const t0 = 1_800_000_000

// history is a chain with all that it ever was: the state and the credential of each generation.
type history struct {
	states []chain.State
	creds  []chain.Credential
}

// grow starts a chain and rotates it once under each ring, an hour apart.
func grow(grant chain.ID, rings ...*seal.Ring) history {
	s, c := chain.New(grant)
	h := history{[]chain.State{s}, []chain.Credential{c}}
	for i, r := range rings {
		s, c = s.Next(r, c, [16]byte{1 + byte(i)}, t0+3600*int64(i))
		h.states, h.creds = append(h.states, s), append(h.creds, c)
	}
	return h
}

// with returns v as f changes it.
func with[T any](v T, f func(*T)) T {
	f(&v)
	return v
}

func TestJudge(t *testing.T) {
	ring := testRing(t, 1)
	grant, other := chain.ID{'g'}, chain.ID{'o'}
	h := grow(grant, ring, ring, ring)
	foreign := grow(other, ring, ring, ring)
	const now, grace = t0 + 7200, 10 * time.Second // the third rotation was at now

	random := [32]byte(filled(0x55, 32))
	posing := func(c *chain.Credential) { // a code with the kind byte of a refresh token
		c.Kind, c.Generation = chain.Refresh, 1
		copy(c.Family[:], c.Secret[:])
	}
	// At the last generation the next one would be zero.
	last := with(h.creds[3], func(c *chain.Credential) { c.Generation = math.MaxUint32 - 1 })
	end, ended := h.states[3].Next(ring, last, [16]byte{9}, now)

	for _, tt := range []struct {
		name  string
		state chain.State
		c     chain.Credential
		now   int64
		grace time.Duration
		want  chain.Verdict
	}{
		{"a fresh code", h.states[0], h.creds[0], now, grace, chain.Current},
		{"a fresh code in strict mode", h.states[0], h.creds[0], now, -1, chain.Current},
		{"an exchanged code at once", h.states[1], h.creds[0], t0, grace, chain.Reuse},
		{"an exchanged code generations later", h.states[3], h.creds[0], now, grace, chain.Reuse},
		{"a guessed code", h.states[0], with(h.creds[0], func(c *chain.Credential) { c.Secret = random }), now, grace, chain.Unproven},
		{"a guessed code after the exchange", h.states[2], with(h.creds[0], func(c *chain.Credential) { c.Secret = random }), now, grace, chain.Unproven},
		{"the code of another grant", h.states[0], foreign.creds[0], now, grace, chain.Unproven},
		{"the code of another grant under this one's id", h.states[0], with(foreign.creds[0], func(c *chain.Credential) { c.Grant = grant }), now, grace, chain.Unproven},
		{"the code under another grant's id", h.states[0], with(h.creds[0], func(c *chain.Credential) { c.Grant = other }), now, grace, chain.Unproven},

		{"the first refresh token", h.states[1], h.creds[1], now, grace, chain.Current},
		{"the current refresh token", h.states[3], h.creds[3], now, grace, chain.Current},
		{"the current refresh token a year later", h.states[3], h.creds[3], now + 365*86400, grace, chain.Current},
		{"the current refresh token in strict mode", h.states[3], h.creds[3], now, -1, chain.Current},
		{"the current generation with another secret", h.states[3], with(h.creds[3], func(c *chain.Credential) { c.Secret = random }), now, grace, chain.Unproven},
		{"the current generation with its predecessor's secret", h.states[3], with(h.creds[2], func(c *chain.Credential) { c.Generation = 3 }), now, grace, chain.Unproven},

		{"one behind, in the second of the rotation", h.states[3], h.creds[2], now, grace, chain.Retry},
		{"one behind, at the end of the grace", h.states[3], h.creds[2], now + 10, grace, chain.Retry},
		{"one behind, a second later", h.states[3], h.creds[2], now + 11, grace, chain.Reuse},
		{"one behind, by a clock that is behind by the grace", h.states[3], h.creds[2], now - 10, grace, chain.Retry},
		{"one behind, by a clock that is behind by more", h.states[3], h.creds[2], now - 11, grace, chain.Reuse},
		{"one behind, at the end of time", h.states[3], h.creds[2], math.MaxInt64, grace, chain.Reuse},
		{"one behind, before all time", h.states[3], h.creds[2], math.MinInt64, grace, chain.Reuse},
		{"one behind, with the longest grace", h.states[3], h.creds[2], now + 60, time.Minute, chain.Retry},
		{"one behind, with no grace at all, in the same second", h.states[3], h.creds[2], now, 0, chain.Retry},
		{"one behind, with no grace at all, a second later", h.states[3], h.creds[2], now + 1, 0, chain.Reuse},
		{"one behind, with a fraction of a second", h.states[3], h.creds[2], now + 2, 1999 * time.Millisecond, chain.Reuse},
		{"one behind, in strict mode", h.states[3], h.creds[2], now, -1, chain.Reuse},
		{"one behind with another secret", h.states[3], with(h.creds[2], func(c *chain.Credential) { c.Secret = random }), now, grace, chain.Unproven},
		{"one behind with another secret in strict mode", h.states[3], with(h.creds[2], func(c *chain.Credential) { c.Secret = random }), now, -1, chain.Unproven},
		{"two behind, within the grace of both", h.states[3], h.creds[1], t0, grace, chain.Reuse},
		{"two behind with another secret", h.states[3], with(h.creds[1], func(c *chain.Credential) { c.Secret = random }), now, grace, chain.Reuse},

		{"newer than the record", h.states[2], h.creds[3], now, grace, chain.Newer},
		{"much newer than the record", h.states[1], h.creds[3], now, grace, chain.Newer},
		{"newer than a record without a family", h.states[0], h.creds[1], now, grace, chain.Unproven},
		{"newer than there can be", h.states[3], with(h.creds[3], func(c *chain.Credential) { c.Generation = math.MaxUint32 }), now, grace, chain.Unproven},

		{"a guessed token", h.states[3], chain.Credential{Kind: chain.Refresh, Grant: grant, Generation: 3, Family: [16]byte(random[:16]), Secret: random}, now, grace, chain.Unproven},
		{"the current secret in another family", h.states[3], with(h.creds[3], func(c *chain.Credential) { c.Family = [16]byte{} }), now, grace, chain.Unproven},
		{"an old token of another family", h.states[3], with(h.creds[1], func(c *chain.Credential) { c.Family = foreign.creds[1].Family }), now, grace, chain.Unproven},
		{"a newer token of another family", h.states[2], with(h.creds[3], func(c *chain.Credential) { c.Family = foreign.creds[1].Family }), now, grace, chain.Unproven},
		{"the current token of another grant", h.states[3], foreign.creds[3], now, grace, chain.Unproven},
		{"an old token of another grant under this one's id", h.states[3], with(foreign.creds[1], func(c *chain.Credential) { c.Grant = grant }), now, grace, chain.Unproven},
		{"a token of generation zero", h.states[3], with(h.creds[3], func(c *chain.Credential) { c.Generation = 0 }), now, grace, chain.Unproven},
		{"a fresh code posing as a refresh token", h.states[0], with(h.creds[0], posing), now, grace, chain.Unproven},
		{"a dead code posing as a refresh token", h.states[1], with(h.creds[0], posing), t0, grace, chain.Unproven},
		{"a dead code posing as an old refresh token", h.states[3], with(h.creds[0], posing), now, grace, chain.Unproven},
		{"a refresh token posing as the code", h.states[0], with(h.creds[1], func(c *chain.Credential) { c.Kind = chain.Code }), now, grace, chain.Unproven},
		{"the code with an unknown kind", h.states[0], with(h.creds[0], func(c *chain.Credential) { c.Kind = 3 }), now, grace, chain.Unproven},
		{"the current token with an unknown kind", h.states[3], with(h.creds[3], func(c *chain.Credential) { c.Kind = 0 }), now, grace, chain.Unproven},

		{"a code and the zero state", chain.State{}, h.creds[0], now, grace, chain.Unproven},
		{"zeros and the zero state", chain.State{}, chain.Credential{Kind: chain.Code}, now, grace, chain.Unproven},
		{"a token of zeros and the zero state", chain.State{}, chain.Credential{Kind: chain.Refresh}, now, grace, chain.Unproven},
		{"a token and a record whose family was zeroed", with(h.states[3], func(s *chain.State) { s.Family = [32]byte{} }), h.creds[3], now, grace, chain.Unproven},
		{"a family of zeros and a record whose family was zeroed", with(h.states[3], func(s *chain.State) { s.Family = [32]byte{} }),
			with(h.creds[1], func(c *chain.Credential) { c.Family = [16]byte{} }), now, grace, chain.Unproven},
		{"a token and a record whose secret was zeroed", with(h.states[3], func(s *chain.State) { s.Secret = [32]byte{} }), h.creds[3], now, grace, chain.Unproven},

		{"the last generation", end, ended, now, grace, chain.Unproven},
		{"one before the last generation", end, last, now, grace, chain.Retry},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.state
			got, succ := tt.state.Judge(ring, tt.c, tt.now, tt.grace)
			if got != tt.want {
				t.Errorf("Judge = %v, want %v", got, tt.want)
			}
			if (succ != chain.Credential{}) != (tt.want == chain.Retry) {
				t.Errorf("Judge = %v with the successor %v", got, succ)
			}
			if tt.state != before {
				t.Error("Judge changed the state")
			}
		})
	}

	t.Run("a retry gives the successor that there was, every time", func(t *testing.T) {
		for range 50 {
			if _, succ := h.states[3].Judge(ring, h.creds[2], now+5, grace); succ != h.creds[3] {
				t.Fatalf("Judge gave %v, want %v", succ, h.creds[3])
			}
		}
	})
}

// TestServerSecrets rotates and removes the secrets of the server between the generations.
func TestServerSecrets(t *testing.T) {
	older, both, newer := testRing(t, 1), testRing(t, 2, 1), testRing(t, 2)
	acrossRotation := grow(chain.ID{'g'}, older, both) // token 1 derived under the older secret, 2 under the newer
	underOlder := grow(chain.ID{'g'}, older, older, older)
	const grace = 10 * time.Second
	const now2, now3 = t0 + 3600, t0 + 7200

	for _, tt := range []struct {
		name  string
		ring  *seal.Ring
		state chain.State
		c     chain.Credential
		now   int64
		want  chain.Verdict
	}{
		{"a rotation of the secret keeps the current token", both, underOlder.states[3], underOlder.creds[3], now3, chain.Current},
		{"a rotation of the secret keeps the retry", both, underOlder.states[3], underOlder.creds[2], now3, chain.Retry},
		{"a rotation of the secret keeps reuse", both, underOlder.states[3], underOlder.creds[2], now3 + 11, chain.Reuse},
		{"a retry across the rotation", both, acrossRotation.states[2], acrossRotation.creds[1], now2, chain.Retry},
		{"a retry across the rotation, once the older is gone", newer, acrossRotation.states[2], acrossRotation.creds[1], now2, chain.Retry},
		{"a retry by a server that has not the newer yet", older, acrossRotation.states[2], acrossRotation.creds[1], now2, chain.Unproven},
		{"a removed secret keeps the code", newer, underOlder.states[0], underOlder.creds[0], t0, chain.Current},
		{"a removed secret keeps the code's reuse", newer, underOlder.states[1], underOlder.creds[0], t0, chain.Reuse},
		{"a removed secret keeps the current token", newer, underOlder.states[3], underOlder.creds[3], now3, chain.Current},
		{"a removed secret ends the retry", newer, underOlder.states[3], underOlder.creds[2], now3, chain.Unproven},
		{"a removed secret leaves its reuse untold", newer, underOlder.states[3], underOlder.creds[2], now3 + 11, chain.Unproven},
		{"a removed secret keeps the reuse of two behind", newer, underOlder.states[3], underOlder.creds[1], now3, chain.Reuse},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, succ := tt.state.Judge(tt.ring, tt.c, tt.now, grace)
			if got != tt.want {
				t.Errorf("Judge = %v, want %v", got, tt.want)
			}
			if want := acrossRotation.creds[2]; tt.want == chain.Retry && tt.c == acrossRotation.creds[1] && succ != want {
				t.Errorf("Judge gave %v, want %v", succ, want)
			}
		})
	}

	t.Run("a rotation under the newer secret restores the retry", func(t *testing.T) {
		s, c := underOlder.states[3].Next(newer, underOlder.creds[3], [16]byte{7}, now3)
		if v, succ := s.Judge(newer, underOlder.creds[3], now3, grace); v != chain.Retry || succ != c {
			t.Errorf("Judge = %v, %v, want %v, %v", v, succ, chain.Retry, c)
		}
	})
}

func TestNext(t *testing.T) {
	ring := testRing(t, 1)
	h := grow(chain.ID{'g'}, ring, ring)
	nonce := [16]byte{5}
	_, base := h.states[1].Next(ring, h.creds[1], nonce, t0)
	_, exchanged := h.states[0].Next(ring, h.creds[0], nonce, t0)

	t.Run("the same arguments give the same", func(t *testing.T) {
		s1, c1 := h.states[1].Next(ring, h.creds[1], nonce, t0)
		s2, c2 := h.states[1].Next(testRing(t, 1), h.creds[1], nonce, t0)
		if s1 != s2 || c1 != c2 {
			t.Error("Next gave two different successors")
		}
	})
	t.Run("the time is not part of the secret", func(t *testing.T) {
		if _, c := h.states[1].Next(ring, h.creds[1], nonce, t0+1); c != base {
			t.Error("Next gave another successor a second later")
		}
	})
	for _, tt := range []struct {
		name string
		ring *seal.Ring
		f    func(c *chain.Credential, nonce *[16]byte)
	}{
		{"another server secret", testRing(t, 2), func(*chain.Credential, *[16]byte) {}},
		{"another grant", ring, func(c *chain.Credential, _ *[16]byte) { c.Grant[15]++ }},
		{"another generation", ring, func(c *chain.Credential, _ *[16]byte) { c.Generation++ }},
		{"another secret", ring, func(c *chain.Credential, _ *[16]byte) { c.Secret[31]++ }},
		{"another nonce", ring, func(_ *chain.Credential, n *[16]byte) { n[15]++ }},
	} {
		t.Run(tt.name+" gives another successor", func(t *testing.T) {
			c, n := h.creds[1], nonce
			tt.f(&c, &n)
			if _, got := h.states[1].Next(tt.ring, c, n, t0); got.Secret == base.Secret {
				t.Error("the successor's secret is the same")
			}
			c, n = h.creds[0], nonce
			tt.f(&c, &n)
			_, got := h.states[0].Next(tt.ring, c, n, t0)
			if got.Secret == exchanged.Secret || got.Family == exchanged.Family {
				t.Error("the secret or the family that a code is exchanged for is the same")
			}
		})
	}

	t.Run("the family stays and the code's hash stays", func(t *testing.T) {
		for i := 1; i < len(h.states); i++ {
			if h.creds[i].Family != h.creds[1].Family || h.states[i].Family != h.states[1].Family {
				t.Errorf("generation %d has another family", i)
			}
			if h.states[i].Code != h.states[0].Code {
				t.Errorf("generation %d has another code", i)
			}
			if h.creds[i].Generation != uint32(i) || h.states[i].Generation != uint32(i) {
				t.Errorf("generation %d has the numbers %d and %d", i, h.creds[i].Generation, h.states[i].Generation)
			}
		}
	})
	t.Run("the family is not part of the secret that was derived with it", func(t *testing.T) {
		if bytes.Contains(exchanged.Secret[:], exchanged.Family[:]) {
			t.Error("the secret holds the family")
		}
	})
	t.Run("a record holds nothing that a client presents", func(t *testing.T) {
		for i, s := range h.states {
			b, _ := s.AppendBinary(nil)
			for _, c := range h.creds {
				if bytes.Contains(b, c.Secret[:8]) || c.Kind == chain.Refresh && bytes.Contains(b, c.Family[:8]) {
					t.Errorf("the state of generation %d holds part of a secret of generation %d", i, c.Generation)
				}
			}
		}
	})
	t.Run("a thousand rotations take no more room", func(t *testing.T) {
		s, c := h.states[0], h.creds[0]
		for i := range 1000 {
			old := c
			s, c = s.Next(ring, c, [16]byte{byte(i), byte(i >> 8)}, t0)
			b, _ := s.AppendBinary(nil)
			if len(b) != chain.StateSize {
				t.Fatalf("the state has %d bytes after %d rotations, want %d", len(b), i+1, chain.StateSize)
			}
			if v, _ := s.Judge(ring, c, t0, -1); v != chain.Current {
				t.Fatalf("after %d rotations the newest is %v", i+1, v)
			}
			if v, _ := s.Judge(ring, old, t0, -1); v != chain.Reuse {
				t.Fatalf("after %d rotations the one before is %v", i+1, v)
			}
		}
	})
}

// TestNextBytes pins the derivation: a retry may be answered by a newer version of the library than the
// one that answered first.
func TestNextBytes(t *testing.T) {
	s, c := chain.State{}, someCode
	for i, want := range []string{
		"02101112131415161718191a1b1c1d1e1f00000001c2beb73702465bb876c72ff974686850570365e13dd8ba2ede5f1c925c440966408de9306ba203239f921b3f1425b178",
		"02101112131415161718191a1b1c1d1e1f00000002c2beb73702465bb876c72ff97468685007812520271923e770c417fb8b2af7ce9c21b0f8c6c07fe0c45f1c45b2493b10",
	} {
		s, c = s.Next(testRing(t, 1), c, [16]byte(filled(0x70+byte(i), 16)), t0)
		if got := c.Encode("", true); got != want {
			t.Errorf("generation %d is %s, want %s", i+1, got, want)
		}
	}
	b, err := s.AppendBinary([]byte{0xff})
	want := "ff" +
		"0000000000000000000000000000000000000000000000000000000000000000" +
		"451bae5414aba9a05f11853d31278caaa3343d75fa2ba952d0c8702ba3fc90aa" +
		"9aa4f261308b85b0f06c2d785b063e8f967c8173c2d1fdb5330a37730f619e19" +
		"00000002" + "7172737475767778797a7b7c7d7e7f80" + "8bc6838b" + "000000006b49d200"
	if got := hex.EncodeToString(b); err != nil || got != want {
		t.Errorf("AppendBinary = %s, %v, want %s", got, err, want)
	}
}

func TestNew(t *testing.T) {
	var secrets [][32]byte
	for range 100 {
		s, c := chain.New(someGrant)
		if c.Kind != chain.Code || c.Grant != someGrant || c.Generation != 0 || c.Family != [16]byte{} {
			t.Fatalf("New gave the credential %v", c)
		}
		if s != (chain.State{Code: s.Code}) {
			t.Fatalf("New gave the state %v", s)
		}
		if slices.Contains(secrets, c.Secret) {
			t.Fatal("New gave the same secret twice")
		}
		secrets = append(secrets, c.Secret)
	}
}

func TestStateBinary(t *testing.T) {
	ring := testRing(t, 1)
	h := grow(chain.ID{'g'}, ring, ring)
	early, _ := h.states[1].Next(ring, h.creds[1], [16]byte{}, math.MinInt64)
	for _, s := range append(h.states, early, chain.State{}) {
		b, err := s.AppendBinary(nil)
		if err != nil || len(b) != chain.StateSize {
			t.Fatalf("AppendBinary = %d bytes, %v, want %d", len(b), err, chain.StateSize)
		}
		var got chain.State
		if err := got.UnmarshalBinary(b); err != nil || got != s {
			t.Errorf("UnmarshalBinary = %v, %v, want %v", got, err, s)
		}
	}

	b, _ := h.states[2].AppendBinary(nil)
	familyOnly := slices.Concat(b[:64], make([]byte, chain.StateSize-64))
	secretOnly := slices.Concat(b[:32], make([]byte, 32), b[64:96], make([]byte, chain.StateSize-96))
	for _, tt := range []struct {
		name string
		b    []byte
	}{
		{"nothing", nil},
		{"a byte less", b[1:]},
		{"a byte more", append(bytes.Clone(b), 0)},
		{"a family at generation zero", familyOnly},
		{"a secret at generation zero", secretOnly},
	} {
		t.Run(tt.name+" is refused", func(t *testing.T) {
			var s chain.State
			if err := s.UnmarshalBinary(tt.b); err == nil {
				t.Errorf("UnmarshalBinary(%x) = nil", tt.b)
			}
		})
	}
}

func FuzzState(f *testing.F) {
	ring := testRing(f, 1)
	h := grow(someGrant, ring, ring, ring)
	for _, s := range append(h.states, chain.State{}) {
		b, _ := s.AppendBinary(nil)
		f.Add(b, uint32(1), int64(t0))
		f.Add(b, uint32(3), int64(math.MinInt64))
		f.Add(b[1:], uint32(2), int64(t0))
		f.Add(append(b, 0), uint32(2), int64(t0))
	}
	f.Add(bytes.Repeat([]byte{0xff}, chain.StateSize), uint32(math.MaxUint32), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, b []byte, generation uint32, now int64) {
		var s chain.State
		if s.UnmarshalBinary(b) != nil {
			return
		}
		if got, err := s.AppendBinary(nil); err != nil || !bytes.Equal(got, b) {
			t.Errorf("AppendBinary = %x, %v, want %x", got, err, b)
		}
		for _, c := range []chain.Credential{someCode, someToken} {
			c.Generation = generation
			if v, succ := s.Judge(ring, c, now, time.Minute); v != chain.Unproven || succ != (chain.Credential{}) {
				t.Errorf("Judge of a credential that no state was made for = %v, %v", v, succ)
			}
		}
	})
}

// TestJudgeParallel is for the race detector: a state is judged by many requests at once.
func TestJudgeParallel(t *testing.T) {
	ring := testRing(t, 1)
	h := grow(chain.ID{'g'}, ring, ring)
	s := &h.states[2]
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			<-start
			for range 200 {
				if v, succ := s.Judge(ring, h.creds[1], t0+3600, 0); v != chain.Retry || succ != h.creds[2] {
					t.Errorf("Judge = %v", v)
				}
				s.Next(ring, h.creds[2], [16]byte{1}, t0)
			}
		})
	}
	close(start)
	wg.Wait()
}

func ExampleState_Judge() {
	ring, err := seal.New([][]byte{make([]byte, seal.KeySize)}, "https://auth.example.com", "chain")
	if err != nil {
		panic(err)
	}
	state, code := chain.New(chain.ID{1})
	now := int64(1_800_000_000)

	verdict, _ := state.Judge(ring, code, now, 10*time.Second)
	fmt.Println("first:", verdict, "→", verdict.Action(code.Kind, false, false))
	state, _ = state.Next(ring, code, [16]byte{1}, now)

	verdict, _ = state.Judge(ring, code, now, 10*time.Second)
	fmt.Println("second:", verdict, "→", verdict.Action(code.Kind, false, false))
	// Output:
	// first: current → rotate
	// second: reuse → end
}
