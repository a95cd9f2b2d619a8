package token_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/oauthcore/oauthcore/token"
)

// rawSign is the least there is to do: hash and sign.
func rawSign(alg string) func([]byte) ([]byte, error) {
	s := signers()[alg]
	var opts crypto.SignerOpts = crypto.SHA256
	switch alg {
	case "EdDSA":
		return func(b []byte) ([]byte, error) { return s.Sign(nil, b, crypto.Hash(0)) }
	case "PS256":
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	case "ES256":
		return func(b []byte) ([]byte, error) {
			sum := sha256.Sum256(b)
			return s.Sign(nil, sum[:], opts) // deterministic
		}
	}
	return func(b []byte) ([]byte, error) {
		sum := sha256.Sum256(b)
		return s.Sign(nil, sum[:], opts)
	}
}

// theirClaims are the claims that the tests use, as a user of go-jose would declare them.
type theirClaims struct {
	jwt.Claims
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

func theirs(c *token.Claims) *theirClaims {
	return &theirClaims{jwt.Claims{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
		Expiry: jwt.NewNumericDate(c.Expires), IssuedAt: jwt.NewNumericDate(c.IssuedAt),
	}, c.ClientID, strings.Join(c.Scopes, " ")}
}

func theirSigner(b *testing.B, alg string) gojose.Signer {
	b.Helper()
	s, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(alg), Key: signers()[alg]},
		(&gojose.SignerOptions{}).WithHeader("kid", "k").WithType("at+jwt"))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// theirVerify checks with go-jose what [token.Verifier] checks, as far as go-jose can.
func theirVerify(compact, alg string, set *gojose.JSONWebKeySet) error {
	t, err := jwt.ParseSigned(compact, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
	if err != nil {
		return err
	}
	var c theirClaims
	if err := t.Claims(set, &c); err != nil {
		return err
	}
	if t.Headers[0].ExtraHeaders[gojose.HeaderType] != "at+jwt" || c.Subject == "" || c.ClientID == "" || c.ID == "" || c.Expiry == nil || c.IssuedAt == nil {
		return errors.New("not an access token")
	}
	return c.ValidateWithLeeway(jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Time: start}, 0)
}

// BenchmarkSign measures minting: here, by go-jose, and the signature alone.
func BenchmarkSign(b *testing.B) {
	for _, alg := range []string{"ES256", "EdDSA", "RS256"} {
		keys := newKeys(b, token.Key{Signer: signers()[alg], Algorithm: alg})
		c := claims(start)
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := keys.Sign(c); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/go-jose", func(b *testing.B) {
			signer, c := theirSigner(b, alg), theirs(c)
			b.ReportAllocs()
			for b.Loop() {
				payload, err := json.Marshal(c)
				if err != nil {
					b.Fatal(err)
				}
				signed, err := signer.Sign(payload)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := signed.CompactSerialize(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/raw", func(b *testing.B) {
			raw, input := rawSign(alg), make([]byte, 350)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := raw(input); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerify measures a token met for the first time, one met again, and the former by go-jose.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range []string{"ES256", "EdDSA", "RS256"} {
		keys := newKeys(b, token.Key{Signer: signers()[alg], Algorithm: alg})
		compact := sign(b, keys, claims(start))
		for _, mode := range []struct {
			name string
			size int
		}{{"first", -1}, {"again", 0}} {
			v := newVerifier(b, token.VerifierConfig{Keys: keys, CacheSize: mode.size, Now: func() time.Time { return start }})
			b.Run(alg+"/"+mode.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := v.Verify(context.Background(), compact); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(alg+"/go-jose", func(b *testing.B) {
			var set gojose.JSONWebKeySet
			if err := json.Unmarshal(keys.JWKS(start), &set); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := theirVerify(compact, alg, &set); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerifyAgainParallel(b *testing.B) {
	keys := newKeys(b, token.Key{Signer: signers()["EdDSA"]})
	compact := sign(b, keys, claims(start))
	v := newVerifier(b, token.VerifierConfig{Keys: keys, Now: func() time.Time { return start }})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.Verify(context.Background(), compact); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkClaims(b *testing.B) {
	c := claims(start)
	doc, err := c.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.MarshalJSON()
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		var c token.Claims
		for b.Loop() {
			if err := c.UnmarshalJSON(doc); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A token that is too long costs nothing: its length is looked at before anything else.
func TestLongTokenIsCheap(t *testing.T) {
	v := newVerifier(t, token.VerifierConfig{Keys: newKeys(t, token.Key{Signer: signers()["EdDSA"]})})
	long := strings.Repeat("x", 64<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := v.Verify(t.Context(), long)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, token.ErrInvalid) || got > 1<<20 {
		t.Errorf("Verify of 64 MiB: %v, %d bytes allocated, want ErrInvalid and next to none", err, got)
	}
}
