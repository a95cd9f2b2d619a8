package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/token"
)

var algorithms = []string{"ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}

// signers are one key for each algorithm; the RSA ones share a key, which is slow to make.
var signers = sync.OnceValue(func() map[string]crypto.Signer {
	m := make(map[string]crypto.Signer)
	for alg, c := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			panic(err)
		}
		m[alg] = k
	}
	_, m["EdDSA"], _ = ed25519.GenerateKey(rand.Reader)
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	for _, alg := range algorithms[4:] {
		m[alg] = r
	}
	return m
})

const (
	issuer   = "https://as.example.test"
	audience = "https://rs.example.test"
)

// start is the time of all tests that need not know the real one.
var start = time.Unix(1700000000, 0)

// clock is a clock that the test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: start} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// claims returns good claims of a token issued at a time.
func claims(at time.Time) *token.Claims {
	return &token.Claims{
		Issuer: issuer, Subject: "user-1", Audience: []string{audience}, Expires: at.Add(5 * time.Minute), IssuedAt: at,
		ID: "jti-1", ClientID: "client-1", Scopes: []string{"read:events", "write:events"},
	}
}

func newKeys(t testing.TB, keys ...token.Key) *token.Keys {
	t.Helper()
	k, err := token.NewKeys(keys...)
	if err != nil {
		t.Fatalf("NewKeys: %v", err)
	}
	return k
}

func newVerifier(t testing.TB, c token.VerifierConfig) *token.Verifier {
	t.Helper()
	if c.Issuer == "" {
		c.Issuer = issuer
	}
	if c.Audience == "" && !c.InsecureAnyAudience {
		c.Audience = audience
	}
	v, err := token.NewVerifier(c)
	if err != nil {
		t.Fatalf("NewVerifier: %v", err)
	}
	return v
}

func sign(t testing.TB, k *token.Keys, c *token.Claims) string {
	t.Helper()
	jwt, err := k.Sign(c)
	if err != nil {
		t.Fatalf("Sign: %v", err)
	}
	return jwt
}

// headerOf returns the header of a JWT.
func headerOf(t testing.TB, jwt string) map[string]any {
	t.Helper()
	h, _, _ := strings.Cut(jwt, ".")
	b, err := base64.RawURLEncoding.DecodeString(h)
	var m map[string]any
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}
