package attack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/token"
)

func TestA229(t *testing.T) {
	w := newWorld(t)
	all := map[string][]edit{"missing": {claim("iss", "")}}
	for _, iss := range []string{`""`, `[` + text(w.url) + `]`, text(w.url + "/"), text(w.url[:len(w.url)-1]), text(strings.ToUpper(w.url)), text(w.url + "\ufffd"), text("https://evil.example"), `null`, `1`} {
		all[iss] = []edit{claim("iss", iss)}
	}
	forged(t, all)
	if _, err := token.NewVerifier(token.VerifierConfig{Audience: api, Keys: w.keys}); err == nil {
		t.Error("a verifier of no issuer is made")
	}
}

func TestA230(t *testing.T) {
	all := map[string][]edit{"missing": {claim("sub", "")}}
	for _, sub := range []string{`""`, `1`, `null`, `["alice"]`, `{}`} {
		all[sub] = []edit{claim("sub", sub)}
	}
	all["64 KiB"] = []edit{claim("sub", text(strings.Repeat("a", 64<<10)))}
	forged(t, all)
}

func TestA231(t *testing.T) {
	w := newWorld(t)
	now := w.clock().Unix()
	all := map[string][]edit{"missing": {claim("exp", "")}}
	for _, exp := range []string{`null`, text(fmt.Sprint(now + 600)), `true`, `-1`, `0`, `1e300`, `9223372036854775808`, fmt.Sprint(now), fmt.Sprint(now - 1), fmt.Sprint(now + 100*366*24*3600), `[]`} {
		all[exp] = []edit{claim("exp", exp)}
	}
	forged(t, all)
	for _, exp := range []string{fmt.Sprintf("%d.5", now+1), fmt.Sprintf("%de0", now+600)} {
		if _, err := w.offline().Verify(t.Context(), w.forge(claim("exp", exp))); err != nil {
			t.Errorf("exp %s: %v", exp, err)
		}
	}
}

func TestA232(t *testing.T) {
	w := newWorld(t)
	now := w.clock().Unix()
	all := map[string][]edit{"iat missing": {claim("iat", "")}, "iat after exp": {claim("iat", fmt.Sprint(now+700))}}
	for _, at := range []string{fmt.Sprint(now + 61), `1e300`, text("x"), `null`} {
		all["nbf "+at] = []edit{claim("nbf", at)}
		all["iat "+at] = []edit{claim("iat", at)}
	}
	forged(t, all)
}

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
	all := map[string][]edit{"missing": {claim("jti", "")}}
	for _, jti := range []string{`""`, `1`, `null`, `[]`} {
		all[jti] = []edit{claim("jti", jti)}
	}
	forged(t, all)
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

// bound tries tokens that are bound to a key which nobody proves here: no bearer may use one.
func bound(t *testing.T, cnf ...string) {
	t.Helper()
	w := newWorld(t)
	for _, value := range cnf {
		if rec := w.guarded(w.forge(claim("cnf", value)), "read"); rec.Code != http.StatusUnauthorized {
			t.Errorf("a token with the cnf %s, used as a bearer's, gets %d", value, rec.Code)
		}
	}
}

func TestA258(t *testing.T) { bound(t, `{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`) }

func TestA265(t *testing.T) { bound(t, `{"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}`) }

func TestA266(t *testing.T) {
	bound(t, `{"x":"y"}`, `{}`, `"x"`, `null`, `[]`, `{"jkt":"a","x5t#S256":"b"}`, `{"jkt":""}`)
}
