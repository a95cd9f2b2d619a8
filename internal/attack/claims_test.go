package attack

import (
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/token"
)

func TestA229(t *testing.T) {
	run(t)
	w := newWorld(t)
	if _, err := token.NewVerifier(token.VerifierConfig{Audience: api, Keys: w.keys}); err == nil {
		t.Error("a verifier of no issuer is made")
	}
}

func TestA230(t *testing.T) { run(t) }
func TestA231(t *testing.T) { run(t) }
func TestA232(t *testing.T) { run(t) }

func TestA233(t *testing.T) {
	w := newWorld(t)
	for _, leeway := range []time.Duration{-time.Second, time.Hour, 61 * time.Second} {
		if _, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, Keys: w.keys, Leeway: leeway}); err == nil {
			t.Errorf("a leeway of %v is taken", leeway)
		}
	}
	tok := w.forge()
	w.pass(10 * time.Minute)
	if _, err := w.offline().Verify(t.Context(), tok); err == nil {
		t.Error("without a leeway a token that expires now is taken")
	}
	v, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, Keys: w.keys, Now: w.clock, Leeway: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
}

func TestA234(t *testing.T) {
	run(t)
	w := newWorld(t)
	seen := make(map[string]bool)
	for range 2000 {
		got, err := w.server.Issue(t.Context(), "web", oauth.Approval{Login: w.login, NoRefresh: true})
		if err != nil {
			t.Fatal(err)
		}
		c, err := w.server.Introspect(t.Context(), got.AccessToken)
		if err != nil || seen[c.ID] || len(c.ID) < 22 {
			t.Fatalf("the jti %q, %v", c.ID, err)
		}
		seen[c.ID] = true
	}
}

func TestA235(t *testing.T) {
	w := newWorld(t)
	inner := w.forge()
	nested := inner
	for range 3 {
		nested = w.forge(replaced("", text(nested)), head("cty", `"JWT"`))
	}
	w.worthless(nested)
	w.worthless(w.forge(head("cty", `"JWT"`), replaced("", inner)))
}

// TestA236 holds that no claims come with an error; worthless does for every forgery of this file.
func TestA236(t *testing.T) {
	w := newWorld(t)
	for _, tok := range []string{w.forge(claim("exp", "1")), w.forge(claim("aud", `"https://evil.example"`)), w.forge(signature(make([]byte, 64))), "", "x"} {
		w.worthless(tok)
	}
}

// TestA237 lets a token that nothing is known of choose an issuer and a tenant.
func TestA237(t *testing.T) {
	at := silent(t)
	forged(t, map[string][]edit{
		"an issuer with a document": {claim("iss", text(at)), signed(es256(signers()[1]))}, "a tenant": {claim("tenant", `"other"`), signed(es256(signers()[1]))},
		"an audience that is a URL": {claim("aud", text(at))},
	})
}

func TestA258(t *testing.T) { run(t) }
func TestA265(t *testing.T) { run(t) }
func TestA266(t *testing.T) { run(t) }
