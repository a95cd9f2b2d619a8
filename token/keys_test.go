package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/token"
)

// R7517-4.5-1, R7518-3.3-1, R8725-3.5-1
func TestNewKeysRefuses(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed := signers()["EdDSA"]
	tests := map[string]struct {
		keys []token.Key
		want string
	}{
		"no key":                       {nil, "never signs"},
		"no signer":                    {[]token.Key{{ID: "a"}}, "Signer"},
		"an RSA key of 1024 bits":      {[]token.Key{{Signer: weak}}, "1024 bits"},
		"an EC key of P-224":           {[]token.Key{{Signer: p224}}, "P-224"},
		"HS256":                        {[]token.Key{{Signer: ed, Algorithm: "HS256"}}, "HS256"},
		"none":                         {[]token.Key{{Signer: ed, Algorithm: "none"}}, "none"},
		"ES256 for Ed25519":            {[]token.Key{{Signer: ed, Algorithm: "ES256"}}, "ES256"},
		"ES256 for P-384":              {[]token.Key{{Signer: signers()["ES384"], Algorithm: "ES256"}}, "ES256"},
		"a doubled ID":                 {[]token.Key{{ID: "a", Signer: ed}, {ID: "a", Signer: signers()["ES256"]}}, "second"},
		"a doubled thumbprint":         {[]token.Key{{Signer: ed}, {Signer: ed}}, "second"},
		"an ID that is not UTF-8":      {[]token.Key{{ID: "\xff", Signer: ed}}, "Unicode"},
		"NotAfter before NotBefore":    {[]token.Key{{Signer: ed, NotBefore: start, NotAfter: start.Add(-1)}}, "NotAfter"},
		"NotAfter equal to NotBefore":  {[]token.Key{{Signer: ed, NotBefore: start, NotAfter: start}}, "NotAfter"},
		"two faults in different keys": {[]token.Key{{Signer: weak}, {Signer: ed}, {ID: "x"}}, "key 2: no Signer"},
	}
	for name, tc := range tests {
		k, err := token.NewKeys(tc.keys...)
		if err == nil || k != nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "token: ") {
			t.Errorf("%s: %v, %v, want an error with %q", name, k, err, tc.want)
		}
	}
	t.Run("and Replace keeps what it has", func(t *testing.T) {
		k := newKeys(t, token.Key{ID: "a", Signer: ed})
		before := string(k.JWKS(start))
		if err := k.Replace(token.Key{ID: "b", Signer: weak}); err == nil {
			t.Fatal("Replace: no error")
		}
		if after := string(k.JWKS(start)); after != before {
			t.Errorf("the ring is %s, want %s", after, before)
		}
		sign(t, k, claims(start))
	})
}

// TestKeysChoose has a row for each moment in the life of a ring.
func TestKeysChoose(t *testing.T) {
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	key := func(id string, alg string, from, to int) token.Key {
		k := token.Key{ID: id, Signer: signers()[alg], Algorithm: alg}
		if from != 0 {
			k.NotBefore = at(from)
		}
		if to != 0 {
			k.NotAfter = at(to)
		}
		return k
	}
	tests := []struct {
		name string
		ring []token.Key
		want map[int]string // minute to kid, "" for none
	}{
		{"one key without times", []token.Key{key("a", "EdDSA", 0, 0)}, map[int]string{-1e6: "a", 0: "a", 1e6: "a"}},
		{"one key with times", []token.Key{key("a", "EdDSA", 10, 20)}, map[int]string{9: "", 10: "a", 20: "a", 21: ""}},
		{"the latest signs", []token.Key{key("a", "EdDSA", 0, 0), key("b", "ES256", 10, 0), key("c", "ES384", 5, 0)},
			map[int]string{4: "a", 5: "c", 9: "c", 10: "b"}},
		{"the first listed of those that begin together", []token.Key{key("a", "ES256", 0, 0), key("b", "RS256", 0, 0)}, map[int]string{0: "a"}},
		{"the second after the first", []token.Key{key("a", "ES256", 0, 10), key("b", "RS256", 0, 0)}, map[int]string{10: "a", 11: "b"}},
		{"back to the older when the newer ends", []token.Key{key("a", "ES256", 0, 0), key("b", "RS256", 10, 20)}, map[int]string{9: "a", 20: "b", 21: "a"}},
		{"a hole", []token.Key{key("a", "ES256", 0, 10), key("b", "RS256", 20, 0)}, map[int]string{10: "a", 11: "", 19: "", 20: "b"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			keys := newKeys(t, tc.ring...)
			for minute, want := range tc.want {
				got := ""
				jwt, err := keys.Sign(claims(at(minute)))
				if err == nil {
					got, _ = headerOf(t, jwt)["kid"].(string)
				}
				if got != want {
					t.Errorf("minute %d: signed by %q (%v), want %q", minute, got, err, want)
				}
				if other, err := keys.SignJWT("x", []byte(`{}`), at(minute)); want != "" && (err != nil || headerOf(t, other)["kid"] != want) {
					t.Errorf("minute %d: SignJWT: %v, want kid %q", minute, err, want)
				}
			}
		})
	}
}

// Each token carries the kid of the key that signed it, whatever is replaced meanwhile.
func TestKeysReplaceWhileSigning(t *testing.T) {
	const goroutines, rounds = 1000, 3
	ring := func(i int) []token.Key {
		return []token.Key{
			{ID: fmt.Sprint("ed-", i), Signer: signers()["EdDSA"]},
			{ID: fmt.Sprint("ec-", i), Signer: signers()["ES256"], NotBefore: start.Add(time.Duration(i%2*2-1) * time.Hour)},
		}
	}
	const rings = 20
	// All keys of all rings together.
	var all []token.Key
	for i := range rings {
		for _, k := range ring(i) {
			k.NotBefore = time.Time{}
			all = append(all, k)
		}
	}
	v := newVerifier(t, token.VerifierConfig{Keys: newKeys(t, all...), CacheSize: -1, Now: func() time.Time { return start }})
	keys := newKeys(t, ring(0)...)
	barrier, done := make(chan bool), make(chan bool)
	var wg sync.WaitGroup
	var mu sync.Mutex
	kids := make(map[any]int)
	var replaced atomic.Int32
	for range goroutines {
		wg.Go(func() {
			<-barrier
			for r := 0; r < rounds || replaced.Load() < 3; r++ {
				jwt, err := keys.Sign(claims(start))
				if err == nil {
					_, err = v.Verify(context.Background(), jwt)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				kids[headerOf(t, jwt)["kid"]]++
				mu.Unlock()
			}
		})
	}
	go func() {
		<-barrier
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
				if err := keys.Replace(ring(i % rings)...); err != nil {
					t.Error(err)
				}
				replaced.Add(1)
				keys.JWKS(start)
			}
		}
	}()
	close(barrier)
	wg.Wait()
	close(done)
	if len(kids) < 2 {
		t.Errorf("all tokens have the kids %v: nothing was replaced", kids)
	}
}
