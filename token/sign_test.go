package token_test

import (
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/oauthcore/oauthcore/token"
)

// TestInterop signs here and reads there, and the other way round, for each algorithm.
//
// R9068-2.1-1, R9068-2.1-2
func TestInterop(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(alg, func(t *testing.T) {
			signer := signers()[alg]
			keys := newKeys(t, token.Key{ID: "k", Algorithm: alg, Signer: signer})
			compact := sign(t, keys, claims(start))

			theirs, err := jwt.ParseSigned(compact, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatalf("go-jose: %v", err)
			}
			var set gojose.JSONWebKeySet
			if err := json.Unmarshal(keys.JWKS(start), &set); err != nil {
				t.Fatalf("go-jose does not read %s: %v", keys.JWKS(start), err)
			}
			var standard jwt.Claims
			var own struct {
				ClientID string `json:"client_id"`
				Scope    string `json:"scope"`
			}
			if err := theirs.Claims(set, &standard, &own); err != nil {
				t.Fatalf("go-jose: %v", err)
			}
			if err := standard.ValidateWithLeeway(jwt.Expected{Issuer: issuer, Subject: "user-1", AnyAudience: jwt.Audience{audience}, Time: start}, 0); err != nil {
				t.Errorf("go-jose: %v", err)
			}
			if own.ClientID != "client-1" || own.Scope != "read:events write:events" || standard.ID != "jti-1" {
				t.Errorf("go-jose reads %+v and %+v", standard, own)
			}
			h := theirs.Headers[0]
			if h.KeyID != "k" || h.Algorithm != alg || h.ExtraHeaders["typ"] != "at+jwt" {
				t.Errorf("go-jose reads the header %+v", h)
			}

			s, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(alg), Key: signer},
				(&gojose.SignerOptions{}).WithHeader("kid", "k").WithType("at+jwt"))
			if err != nil {
				t.Fatal(err)
			}
			payload, _ := claims(start).MarshalJSON()
			signed, err := s.Sign(payload)
			if err != nil {
				t.Fatal(err)
			}
			if compact, err = signed.CompactSerialize(); err != nil {
				t.Fatal(err)
			}
			for _, c := range []token.VerifierConfig{{Keys: keys}, {JWKS: keys.JWKS(start)}, {Keys: keys, Algorithms: []string{alg}}} {
				c.Now = func() time.Time { return start }
				if got, err := newVerifier(t, c).Verify(t.Context(), compact); err != nil || got.Subject != "user-1" {
					t.Errorf("Verify: %v, %v", got, err)
				}
			}
		})
	}
}

// R9068-2.2-1
func TestSignRefuses(t *testing.T) {
	keys := newKeys(t, token.Key{Signer: signers()["EdDSA"]})
	tests := map[string]func(*token.Claims){
		"no issuer":                  func(c *token.Claims) { c.Issuer = "" },
		"no subject":                 func(c *token.Claims) { c.Subject = "" },
		"no audience":                func(c *token.Claims) { c.Audience = nil },
		"no ID":                      func(c *token.Claims) { c.ID = "" },
		"no client":                  func(c *token.Claims) { c.ClientID = "" },
		"no time of issue":           func(c *token.Claims) { c.IssuedAt = time.Time{} },
		"no expiry":                  func(c *token.Claims) { c.Expires = time.Time{} },
		"an expiry in the past":      func(c *token.Claims) { c.Expires = c.IssuedAt.Add(-1) },
		"no lifetime":                func(c *token.Claims) { c.Expires = c.IssuedAt },
		"less than a second of it":   func(c *token.Claims) { c.Expires = c.IssuedAt.Add(time.Second - 1) },
		"a lifetime of eleven years": func(c *token.Claims) { c.Expires = c.IssuedAt.AddDate(11, 0, 0) },
		"the year 10000": func(c *token.Claims) {
			c.IssuedAt, c.Expires = c.IssuedAt.AddDate(9000, 0, 0), c.IssuedAt.AddDate(9000, 0, 1)
		},
		"a time before 1970":          func(c *token.Claims) { c.IssuedAt, c.Expires = time.Unix(-9, 0), time.Unix(-1, 0) },
		"a NotBefore past the expiry": func(c *token.Claims) { c.NotBefore = c.Expires },
		"broken text":                 func(c *token.Claims) { c.Subject = "\xff" },
		"a scope of two":              func(c *token.Claims) { c.Scopes = []string{"a b"} },
		"a reserved extra claim":      func(c *token.Claims) { c.Extra = map[string]json.RawMessage{"Sub": json.RawMessage(`"x"`)} },
		"more than 16 KiB":            func(c *token.Claims) { c.Tenant = strings.Repeat("x", 13<<10) },
	}
	for name, change := range tests {
		c := claims(start)
		change(c)
		if jwt, err := keys.Sign(c); err == nil || jwt != "" || !strings.HasPrefix(err.Error(), "token: ") {
			t.Errorf("%s: %q, %v, want an error", name, jwt, err)
		}
	}
}

// What is signed is verified: the two sets of rules agree at their edges.
func TestSignedIsVerified(t *testing.T) {
	keys := newKeys(t, token.Key{Signer: signers()["EdDSA"]})
	tests := map[string]func(*token.Claims){
		"a lifetime of a second":  func(c *token.Claims) { c.Expires = c.IssuedAt.Add(time.Second) },
		"a lifetime of ten years": func(c *token.Claims) { c.Expires = c.IssuedAt.Add(10 * 365 * 24 * time.Hour) },
		"a fraction of a second":  func(c *token.Claims) { c.Expires = c.Expires.Add(999 * time.Millisecond) },
		"nearly 16 KiB":           func(c *token.Claims) { c.Tenant = strings.Repeat("x", 11<<10) },
		"62 levels below an extra": func(c *token.Claims) {
			c.Extra = map[string]json.RawMessage{"x": json.RawMessage(strings.Repeat("[", 63) + strings.Repeat("]", 63))}
		},
		"text beyond ASCII": func(c *token.Claims) { c.Subject = "\U0001F600\x00\"\\" },
		"everything there is": func(c *token.Claims) {
			c.AuthTime, c.ACR, c.AMR, c.Tenant, c.Roles = start, "1", []string{"pwd"}, "t", []string{"admin"}
		},
		"an audience among several": func(c *token.Claims) { c.Audience = []string{"a", audience, "b"} },
	}
	for name, change := range tests {
		c := claims(start)
		change(c)
		v := newVerifier(t, token.VerifierConfig{Keys: keys, Now: func() time.Time { return start }})
		got, err := v.Verify(t.Context(), sign(t, keys, c))
		if err != nil || got.Subject != c.Subject || got.Tenant != c.Tenant || len(got.Roles) != len(c.Roles) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c)
		}
	}
}

func TestSignJWT(t *testing.T) {
	keys := newKeys(t, token.Key{ID: `a"b`, Signer: signers()["EdDSA"]})
	for _, typ := range []string{"", "at+jwt", "logout+jwt", "application/x"} {
		jwt, err := keys.SignJWT(typ, []byte(` {"a": 1}`), start)
		if err != nil {
			t.Fatalf("SignJWT(%q): %v", typ, err)
		}
		h := headerOf(t, jwt)
		if got, _ := h["typ"].(string); got != typ || h["kid"] != `a"b` || h["alg"] != "EdDSA" || (typ == "") != (len(h) == 2) {
			t.Errorf("SignJWT(%q): header %v", typ, h)
		}
	}
	for _, typ := range []string{" ", "a b", "a\",\"alg\":\"none", "\xff", "é", "\n"} {
		if jwt, err := keys.SignJWT(typ, []byte(`{}`), start); err == nil || jwt != "" {
			t.Errorf("SignJWT(%q): no error", typ)
		}
	}
	for _, payload := range []string{``, `null`, `[]`, `{"a":1,"a":2}`, `{} {}`, "{\"\xff\":1}", `{"a":"` + strings.Repeat("x", 13<<10) + `"}`} {
		if jwt, err := keys.SignJWT("x", []byte(payload), start); err == nil || jwt != "" {
			t.Errorf("SignJWT of %.40q: no error", payload)
		}
	}
}

// failing is a signer in another place that cannot be reached.
type failing struct {
	crypto.Signer
	err error
}

var _ crypto.Signer = failing{}

func (f failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, f.err }

func TestSignerFails(t *testing.T) {
	down := errors.New("the HSM is down")
	for _, alg := range algorithms {
		keys := newKeys(t, token.Key{Signer: failing{signers()[alg], down}, Algorithm: alg},
			token.Key{Signer: signers()["EdDSA"], ID: "other"})
		if jwt, err := keys.Sign(claims(start)); !errors.Is(err, down) || errors.Is(err, token.ErrInvalid) || jwt != "" {
			t.Errorf("%s: Sign: %q, %v, want the signer's error and no other key's token", alg, jwt, err)
		}
		if jwt, err := keys.SignJWT("x", []byte(`{}`), start); !errors.Is(err, down) || jwt != "" {
			t.Errorf("%s: SignJWT: %q, %v, want the signer's error", alg, jwt, err)
		}
	}
}

// remoteSigner signs as a service would: with a key that this process does not hold.
type remoteSigner struct{ crypto.Signer }

func TestExternalSigner(t *testing.T) {
	for _, alg := range algorithms {
		keys := newKeys(t, token.Key{Signer: remoteSigner{signers()[alg]}, Algorithm: alg})
		v := newVerifier(t, token.VerifierConfig{Keys: keys, Now: func() time.Time { return start }})
		if _, err := v.Verify(t.Context(), sign(t, keys, claims(start))); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

// R8725-3.2-2
func TestSignIsDeterministicInMemory(t *testing.T) {
	keys := newKeys(t, token.Key{Signer: signers()["ES256"]})
	want := sign(t, keys, claims(start))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := keys.Sign(claims(start)); err != nil || got != want {
				t.Errorf("Sign: %v, another token for the same claims", err)
			}
		})
	}
	wg.Wait()
}
