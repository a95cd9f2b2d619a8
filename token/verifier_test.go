package token_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/oauthcore/oauthcore/token"
)

func TestNewVerifierReportsAllFaults(t *testing.T) {
	keys := newKeys(t, token.Key{Signer: signers()["EdDSA"]})
	good := func() token.VerifierConfig {
		return token.VerifierConfig{Issuer: issuer, Audience: audience, Keys: keys}
	}
	tests := map[string]struct {
		change func(*token.VerifierConfig)
		want   []string // fields that the error names; none: no error
	}{
		"nothing wrong":                {func(c *token.VerifierConfig) {}, nil},
		"discovery":                    {func(c *token.VerifierConfig) { c.Keys = nil }, nil},
		"any audience":                 {func(c *token.VerifierConfig) { c.Audience, c.InsecureAnyAudience = "", true }, nil},
		"an issuer that is no URI":     {func(c *token.VerifierConfig) { c.Issuer = "me" }, nil},
		"a remote set on loopback":     {func(c *token.VerifierConfig) { c.Keys, c.JWKSURI = nil, "http://127.0.0.1/jwks" }, nil},
		"a minute of leeway":           {func(c *token.VerifierConfig) { c.Leeway = time.Minute }, nil},
		"no issuer":                    {func(c *token.VerifierConfig) { c.Issuer = "" }, []string{"Issuer"}},
		"no audience":                  {func(c *token.VerifierConfig) { c.Audience = "" }, []string{"Audience"}},
		"an audience and any audience": {func(c *token.VerifierConfig) { c.InsecureAnyAudience = true }, []string{"Audience"}},
		"negative leeway":              {func(c *token.VerifierConfig) { c.Leeway = -1 }, []string{"Leeway"}},
		"leeway of an hour":            {func(c *token.VerifierConfig) { c.Leeway = time.Hour }, []string{"Leeway"}},
		"an empty list of algorithms":  {func(c *token.VerifierConfig) { c.Algorithms = []string{} }, []string{"Algorithms"}},
		"HS256 among the algorithms":   {func(c *token.VerifierConfig) { c.Algorithms = []string{"RS256", "HS256"} }, []string{"Algorithms"}},
		"none among the algorithms":    {func(c *token.VerifierConfig) { c.Algorithms = []string{"none"} }, []string{"Algorithms"}},
		"an empty list of types":       {func(c *token.VerifierConfig) { c.Types = []string{} }, []string{"Types"}},
		"a type that is none":          {func(c *token.VerifierConfig) { c.Types = []string{"at jwt"} }, []string{"Types"}},
		"a ring and a document":        {func(c *token.VerifierConfig) { c.JWKS = []byte(`{}`) }, []string{"JWKS"}},
		"a document and a URI":         {func(c *token.VerifierConfig) { c.Keys, c.JWKS, c.JWKSURI = nil, []byte(`{}`), "https://a" }, []string{"JWKSURI"}},
		"a document that is none":      {func(c *token.VerifierConfig) { c.Keys, c.JWKS = nil, []byte(`{}`) }, []string{"JWKS"}},
		"a document without keys":      {func(c *token.VerifierConfig) { c.Keys, c.JWKS = nil, []byte(`{"keys":[]}`) }, []string{"JWKS"}},
		"a remote set on http":         {func(c *token.VerifierConfig) { c.Keys, c.JWKSURI = nil, "http://a.example" }, []string{"JWKSURI"}},
		"discovery from no URI":        {func(c *token.VerifierConfig) { c.Keys, c.Issuer = nil, "me" }, []string{"Issuer"}},
		"everything wrong": {func(c *token.VerifierConfig) {
			*c = token.VerifierConfig{Leeway: -1, Algorithms: []string{"x", "y"}, Types: []string{" "}, JWKSURI: "x"}
		}, []string{"Issuer", "Audience", "Leeway", `"x"`, `"y"`, "Types", "JWKSURI"}},
	}
	for name, tc := range tests {
		c := good()
		tc.change(&c)
		v, err := token.NewVerifier(c)
		if (err == nil) != (tc.want == nil) || (v == nil) != (err != nil) {
			t.Errorf("%s: %v, error %v, want faults of %q", name, v, err, tc.want)
			continue
		}
		for _, field := range tc.want {
			if !strings.Contains(err.Error(), field) {
				t.Errorf("%s: error %q does not name %s", name, err, field)
			}
		}
	}
}

// waived are cases that are judged otherwise than their file says.
var waived = map[string]string{
	"JT-210": "scope may be an array, as IdentityServer writes it; each entry is still one whole scope",
}

// R7519-7.2-1, R9068-4-5
func TestAccessTokenCases(t *testing.T) {
	var f struct {
		Now              int64
		Issuer, Audience string
		Algs             []string `json:"allowed_algs"`
		JWKS             json.RawMessage
		Cases            []struct{ ID, Token, Expect, Note string }
	}
	b, err := os.ReadFile("testdata/access_token_cases.json")
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil || len(f.Cases) != 226 {
		t.Fatalf("%d cases, %v, want 226", len(f.Cases), err)
	}
	v := newVerifier(t, token.VerifierConfig{
		Issuer: f.Issuer, Audience: f.Audience, Algorithms: f.Algs, JWKS: f.JWKS,
		Now: func() time.Time { return time.Unix(f.Now, 0) },
	})
	t.Logf("vectors: %d of access_token_cases.json", len(f.Cases))
	for _, tc := range f.Cases {
		t.Run(tc.ID, func(t *testing.T) {
			c, err := v.Verify(t.Context(), tc.Token)
			good := tc.Expect == "accept" || waived[tc.ID] != ""
			if (err == nil) != good || (c != nil) != good {
				t.Errorf("%s: claims %v, error %v, want good %t", tc.Note, c, err, good)
			}
			if err != nil && !errors.Is(err, token.ErrInvalid) {
				t.Errorf("%s: error %v does not wrap ErrInvalid", tc.Note, err)
			}
			if tc.ID == "JT-095" && (len(c.Scopes) != 1 || c.Scopes[0] != "read") {
				t.Errorf("%s: scopes %q, want read", tc.Note, c.Scopes)
			}
		})
	}
}

// R7519-4.1.4-1, R7519-4.1.5-1
func TestNumericDateCases(t *testing.T) {
	var f struct {
		Cases []struct {
			ID, Claim, Expect, Note string
			Raw                     *string `json:"raw_json"`
			Also                    string  `json:"also_allowed"`
			Now, Leeway             int64
		}
	}
	b, err := os.ReadFile("testdata/numeric_date_cases.json")
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil || len(f.Cases) != 47 {
		t.Fatalf("%d cases, %v, want 47", len(f.Cases), err)
	}
	t.Logf("vectors: %d of numeric_date_cases.json", len(f.Cases))
	keys := newKeys(t, token.Key{ID: "k", Signer: signers()["EdDSA"]})
	for _, tc := range f.Cases {
		t.Run(tc.ID, func(t *testing.T) {
			m := map[string]string{"exp": fmt.Sprint(tc.Now + 300), "iat": fmt.Sprint(tc.Now - 10)}
			delete(m, tc.Claim)
			if tc.Raw != nil {
				m[tc.Claim] = *tc.Raw
			}
			payload := fmt.Sprintf(`{"iss":%q,"sub":"s","aud":%q,"jti":"j","client_id":"c"`, issuer, audience)
			for name, raw := range m {
				payload += fmt.Sprintf(",%q:%s", name, raw)
			}
			v := newVerifier(t, token.VerifierConfig{
				Keys: keys, Leeway: time.Duration(tc.Leeway) * time.Second, Now: func() time.Time { return time.Unix(tc.Now, 0) },
			})
			_, err := v.Verify(t.Context(), signRaw(t, "at+jwt", payload+"}"))
			if (err == nil) != (tc.Expect == "accept") {
				t.Errorf("%s %v (%s): error %v, want %s", tc.Claim, m[tc.Claim], tc.Note, err, tc.Expect)
			}
		})
	}
}

// signRaw signs any payload as EdDSA under the kid k, by go-jose, which does not look at it.
func signRaw(t testing.TB, typ, payload string) string {
	t.Helper()
	s, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.EdDSA, Key: signers()["EdDSA"]},
		(&gojose.SignerOptions{}).WithHeader("kid", "k").WithType(gojose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := j.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// R7519-4.1.4-1, R7519-4.1.5-1, R9068-4-6
func TestVerifierTimes(t *testing.T) {
	keys := newKeys(t, token.Key{Signer: signers()["EdDSA"]})
	for _, leeway := range []time.Duration{0, 30 * time.Second} {
		for _, cache := range []int{0, -1} {
			clock := newClock()
			v := newVerifier(t, token.VerifierConfig{Keys: keys, Leeway: leeway, CacheSize: cache, Now: clock.Now})
			c := claims(start)
			c.NotBefore = start.Add(time.Minute)
			jwt := sign(t, keys, c)
			for _, step := range []struct {
				at   time.Duration
				good bool
			}{
				{time.Minute - leeway - 1, false},
				{time.Minute - leeway, true},
				{5*time.Minute + leeway - 1, true},
				{5*time.Minute + leeway, false},
				{24 * time.Hour, false},
				{2 * time.Minute, true},           // the clock was set back
				{time.Minute - leeway - 1, false}, // and further
			} {
				clock.Add(start.Add(step.at).Sub(clock.Now()))
				if got, err := v.Verify(t.Context(), jwt); (err == nil) != step.good || (got == nil) != (err != nil) {
					t.Errorf("leeway %v, cache %d, after %v: %v, want good %t", leeway, cache, step.at, err, step.good)
				}
			}
		}
	}
}

func TestVerifierConfig(t *testing.T) {
	keys := newKeys(t, token.Key{ID: "k", Signer: signers()["EdDSA"]})
	payload := func(c *token.Claims) string {
		b, err := c.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	noAudience, bound := claims(start), claims(start)
	noAudience.Audience = nil
	bound.JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	far, backwards := claims(start), claims(start)
	far.Expires = start.Add(10*365*24*time.Hour + time.Second)
	backwards.IssuedAt, backwards.Expires = start.Add(50*time.Second), start.Add(40*time.Second)
	tests := []struct {
		name    string
		typ     string
		payload string
		config  token.VerifierConfig
		good    bool
	}{
		{"at+jwt", "at+jwt", payload(claims(start)), token.VerifierConfig{}, true},
		// R9068-2.1-2
		{"a media type in capitals", "APPLICATION/AT+JWT", payload(claims(start)), token.VerifierConfig{}, true},
		// R8725-3.11-1, R8725-3.12-1, R9068-4-2
		{"JWT", "JWT", payload(claims(start)), token.VerifierConfig{}, false},
		{"JWT where it is allowed", "JWT", payload(claims(start)), token.VerifierConfig{Types: []string{"application/jwt"}}, true},
		{"at+jwt where only JWT is allowed", "at+jwt", payload(claims(start)), token.VerifierConfig{Types: []string{"JWT"}}, false},
		{"no type", "", payload(claims(start)), token.VerifierConfig{}, false},
		{"no type where that is allowed", "", payload(claims(start)), token.VerifierConfig{Types: []string{"at+jwt", ""}}, true},
		// R7519-4.1.3-1, R8725-3.9-1
		{"no audience", "at+jwt", payload(noAudience), token.VerifierConfig{}, false},
		{"no audience where any is allowed", "at+jwt", payload(noAudience), token.VerifierConfig{InsecureAnyAudience: true}, true},
		{"another audience where any is allowed", "at+jwt", payload(claims(start)), token.VerifierConfig{InsecureAnyAudience: true}, true},
		// R7519-4.1.3-1, R8725-3.9-1, R9068-4-4
		{"another audience", "at+jwt", payload(claims(start)), token.VerifierConfig{Audience: "https://other"}, false},
		// R9068-4-3, R8725-3.8-1
		{"another issuer", "at+jwt", payload(claims(start)), token.VerifierConfig{Issuer: "https://other"}, false},
		// R8725-3.1-1
		{"an algorithm that is not accepted", "at+jwt", payload(claims(start)), token.VerifierConfig{Algorithms: []string{"ES256"}}, false},
		{"more than ten years", "at+jwt", payload(far), token.VerifierConfig{}, false},
		{"issued after its expiry, both within the leeway", "at+jwt", payload(backwards), token.VerifierConfig{Leeway: time.Minute}, false},
		{"a bound token", "at+jwt", payload(bound), token.VerifierConfig{}, false},
		{"a bound token where the caller checks", "at+jwt", payload(bound), token.VerifierConfig{Bound: true}, true},
		{"a bound token where the caller checks, but unbound", "at+jwt", payload(claims(start)), token.VerifierConfig{Bound: true}, true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			tc.config.Keys = keys
			tc.config.Now = func() time.Time { return start }
			v := newVerifier(t, tc.config)
			jwt := signRaw(t, tc.typ, tc.payload)
			if tc.typ == "" {
				var err error
				if jwt, err = keys.SignJWT("", []byte(tc.payload), start); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // the second time from the cache
				c, err := v.Verify(t.Context(), jwt)
				if (err == nil) != tc.good || (c == nil) != (err != nil) {
					t.Fatalf("Verify: %v, %v, want good %t", c, err, tc.good)
				}
				if err != nil && !errors.Is(err, token.ErrInvalid) {
					t.Errorf("Verify: error %v does not wrap ErrInvalid", err)
				}
			}
		})
	}
}

func TestVerifierCache(t *testing.T) {
	ctx := context.Background()
	t.Run("a token met again is the same claims", func(t *testing.T) {
		keys := newKeys(t, token.Key{Signer: signers()["EdDSA"]})
		v := newVerifier(t, token.VerifierConfig{Keys: keys, Now: func() time.Time { return start }})
		jwt := sign(t, keys, claims(start))
		first, err := v.Verify(ctx, jwt)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := v.Verify(ctx, jwt); err != nil || second != first {
			t.Errorf("second Verify: %p, %v, want %p", second, err, first)
		}
	})
	t.Run("a key that is replaced is refused at once", func(t *testing.T) {
		old := token.Key{ID: "old", Signer: signers()["EdDSA"]}
		next := token.Key{ID: "new", Signer: signers()["ES256"], NotBefore: start.Add(time.Hour)}
		keys := newKeys(t, old)
		v := newVerifier(t, token.VerifierConfig{Keys: keys, Now: func() time.Time { return start }})
		jwt := sign(t, keys, claims(start))
		verify := func(good bool) {
			t.Helper()
			if _, err := v.Verify(ctx, jwt); (err == nil) != good || err != nil && !errors.Is(err, token.ErrInvalid) {
				t.Errorf("Verify: %v, want good %t", err, good)
			}
		}
		verify(true)
		if err := keys.Replace(old, next); err != nil {
			t.Fatal(err)
		}
		verify(true)
		next.NotBefore = time.Time{}
		if err := keys.Replace(next); err != nil {
			t.Fatal(err)
		}
		verify(false)
		if err := keys.Replace(token.Key{ID: "old", Signer: signers()["ES384"]}, next); err != nil {
			t.Fatal(err)
		}
		verify(false)
		if err := keys.Replace(next, old); err != nil {
			t.Fatal(err)
		}
		verify(true)
	})
	t.Run("a key past its NotAfter is refused at once", func(t *testing.T) {
		clock := newClock()
		keys := newKeys(t, token.Key{Signer: signers()["EdDSA"], NotAfter: start.Add(time.Minute)})
		v := newVerifier(t, token.VerifierConfig{Keys: keys, Now: clock.Now})
		jwt := sign(t, keys, claims(start))
		for _, step := range []struct {
			d    time.Duration
			good bool
		}{{0, true}, {time.Minute, true}, {1, false}, {time.Second, false}} {
			clock.Add(step.d)
			if _, err := v.Verify(ctx, jwt); (err == nil) != step.good {
				t.Errorf("at %v: %v, want good %t", clock.Now().Sub(start), err, step.good)
			}
		}
	})
	t.Run("tokens beyond its size are verified again", func(t *testing.T) {
		keys := newKeys(t, token.Key{Signer: signers()["EdDSA"]})
		for _, size := range []int{1, 3, 40, 400} {
			v := newVerifier(t, token.VerifierConfig{Keys: keys, CacheSize: size, Now: func() time.Time { return start }})
			first := make(map[string]*token.Claims)
			for i := range 4 * size {
				c := claims(start)
				c.ID = fmt.Sprint(i)
				jwt := sign(t, keys, c)
				got, err := v.Verify(ctx, jwt)
				if err != nil || got.ID != c.ID {
					t.Fatalf("token %d: %v, %v", i, got, err)
				}
				first[jwt] = got
			}
			if n := token.CacheLen(v); n > max(size, 2) || n < size/3 {
				t.Errorf("%d tokens remembered, want %d to %d", n, size/3, max(size, 2))
			}
			for jwt, c := range first {
				if got, err := v.Verify(ctx, jwt); err != nil || got.ID != c.ID {
					t.Fatalf("again: %v, %v, want jti %s", got, err, c.ID)
				}
			}
		}
	})
	t.Run("a bad token is not remembered", func(t *testing.T) {
		keys := newKeys(t, token.Key{Signer: signers()["EdDSA"]})
		v := newVerifier(t, token.VerifierConfig{Keys: keys, Now: func() time.Time { return start }})
		jwt := sign(t, keys, claims(start.Add(time.Hour)))
		for range 100 {
			if _, err := v.Verify(ctx, jwt); !errors.Is(err, token.ErrInvalid) {
				t.Fatal(err)
			}
		}
		if n := token.CacheLen(v); n != 0 {
			t.Errorf("%d tokens remembered, want none", n)
		}
	})
}

// No error repeats what the token holds: errors get logged.
func TestVerifierErrorsAreSilent(t *testing.T) {
	keys := newKeys(t, token.Key{ID: "k", Signer: signers()["EdDSA"]})
	v := newVerifier(t, token.VerifierConfig{Keys: keys, Now: func() time.Time { return start }})
	c := claims(start)
	c.Subject, c.ID = "sesame", "sesame"
	good := sign(t, keys, c)
	parts := strings.Split(good, ".")
	c.Expires = start
	b, _ := c.MarshalJSON()
	for _, jwt := range []string{parts[0] + "." + parts[1] + ".AAAA", parts[0] + "." + parts[1], signRaw(t, "at+jwt", string(b)),
		signRaw(t, "JWT", string(b)), signRaw(t, "at+jwt", `{"sub":"sesame","sub":"sesame"}`), strings.Repeat("sesame", 10_000)} {
		_, err := v.Verify(t.Context(), jwt)
		if err == nil {
			t.Fatal("a bad token is good")
		}
		for _, secret := range append(strings.Split(jwt, "."), "sesame") {
			if len(secret) > 3 && strings.Contains(err.Error(), secret) {
				t.Errorf("error %q repeats the token", err)
			}
		}
	}
}

// FuzzVerifier feeds any header and payload, rightly signed. What is accepted has what it must have, and
// go-jose accepts it too; what go-jose accepts and the policy allows is accepted.
func FuzzVerifier(f *testing.F) {
	b, _ := claims(start).MarshalJSON()
	f.Add([]byte(`{"alg":"EdDSA","kid":"k","typ":"at+jwt"}`), b)
	f.Add([]byte(`{"alg":"EdDSA","kid":"k","typ":"application/AT+jwt"}`), []byte(`{"iss":"https://as.example.test","aud":[],"exp":1e300}`))
	f.Add([]byte(`{"alg":"none"}`), b)
	f.Add([]byte(`{"typ":"at+jwt","kid":"k","x":1,"alg":"EdDSA"}`), []byte(`{"iss":"https://as.example.test","aud":["x","https://rs.example.test"],`+
		`"sub":"s","client_id":"c","jti":"j","exp":1700000001,"iat":1700000000,"nbf":1700000000,"scope":"a b","y":{"z":[null]}}`))
	keys := newKeys(f, token.Key{ID: "k", Signer: signers()["EdDSA"]})
	v := newVerifier(f, token.VerifierConfig{Keys: keys, Now: func() time.Time { return start }})
	public := signers()["EdDSA"].Public()
	f.Fuzz(func(t *testing.T, header, payload []byte) {
		b64 := base64.RawURLEncoding.EncodeToString
		input := b64(header) + "." + b64(payload)
		sig, err := signers()["EdDSA"].Sign(nil, []byte(input), crypto.Hash(0))
		if err != nil {
			t.Fatal(err)
		}
		compact := input + "." + b64(sig)
		var theirs jwt.Claims
		parsed, theirErr := jwt.ParseSigned(compact, []gojose.SignatureAlgorithm{gojose.EdDSA})
		if theirErr == nil {
			theirErr = parsed.Claims(public, &theirs)
		}
		if theirErr == nil { // go-jose cuts off fractions of seconds
			theirErr = theirs.ValidateWithLeeway(jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Time: start}, time.Second)
		}
		c, err := v.Verify(t.Context(), compact)
		if err != nil {
			if c != nil || !errors.Is(err, token.ErrInvalid) {
				t.Fatalf("Verify: %v, %v, want nil and ErrInvalid", c, err)
			}
			if theirErr == nil && inPolicy(header, payload) {
				t.Fatalf("refused what go-jose accepts and the policy allows: %v", err)
			}
			return
		}
		if theirErr != nil || theirs.Subject != c.Subject || theirs.ID != c.ID || theirs.Expiry.Time().Unix() != c.Expires.Unix() {
			t.Fatalf("accepted what go-jose refuses or reads otherwise: %v, %+v", theirErr, theirs)
		}
		var h map[string]any
		if json.Unmarshal(header, &h) != nil || h["alg"] != "EdDSA" || h["kid"] != "k" || !strings.HasSuffix(strings.ToLower(fmt.Sprint(h["typ"])), "at+jwt") {
			t.Fatalf("accepted under the header %s", header)
		}
		if c.Issuer != issuer || c.Subject == "" || c.ClientID == "" || c.ID == "" || !c.Expires.After(start) || c.IssuedAt.After(start) {
			t.Fatalf("accepted %s", payload)
		}
	})
}

// inPolicy reports whether a token with these, rightly signed, is good: it knows fewer forms of good ones than
// there are.
func inPolicy(header, payload []byte) bool {
	h, c := plain(header), plain(payload)
	if h["alg"] != "EdDSA" || h["kid"] != "k" || h["typ"] != "at+jwt" || c["iss"] != issuer || len(header)+len(payload) > 8<<10 {
		return false
	}
	for _, name := range []string{"crit", "b64", "jwk", "jku", "x5c", "x5u"} {
		if _, ok := h[name]; ok {
			return false
		}
	}
	for _, name := range []string{"acr", "amr", "auth_time", "tenant", "roles", "groups", "entitlements", "cnf"} {
		if _, ok := c[name]; ok {
			return false
		}
	}
	for _, name := range []string{"sub", "client_id", "jti"} {
		if text, _ := c[name].(string); text == "" {
			return false
		}
	}
	second := func(name string) int64 {
		n, _ := c[name].(json.Number)
		i, err := n.Int64()
		if err != nil {
			return -1
		}
		return i
	}
	now, exp, iat, nbf := start.Unix(), second("exp"), second("iat"), second("nbf")
	if exp <= now || exp > now+365*24*3600 || iat < 0 || iat > now || nbf > now {
		return false
	}
	if _, ok := c["nbf"]; ok && nbf < 0 {
		return false
	}
	if scope, ok := c["scope"]; ok && scope != "read" && scope != "a b" {
		return false
	}
	if list, ok := c["aud"].([]any); ok {
		found := false
		for _, one := range list {
			text, ok := one.(string)
			if !ok {
				return false
			}
			found = found || text == audience
		}
		return found
	}
	return c["aud"] == audience
}

// plain reads an object of JSON that has no member twice, no escapes, few levels and only text in UTF-8; nil for
// all others. It tells by writing what was read again, which has the same length then.
func plain(b []byte) map[string]any {
	var m map[string]any
	var compact, again bytes.Buffer
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	enc := json.NewEncoder(&again)
	enc.SetEscapeHTML(false)
	if json.Compact(&compact, b) != nil || !utf8.Valid(b) || dec.Decode(&m) != nil || enc.Encode(m) != nil ||
		compact.Len()+1 != again.Len() || bytes.ContainsRune(b, '\\') || bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) > 60 {
		return nil
	}
	return m
}
