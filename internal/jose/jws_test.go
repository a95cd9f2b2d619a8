package jose_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oauthcore/oauthcore/internal/jose"
)

// R7515-2-1, R7515-4.1.11-1, R7797-6-1, R8725-3.10-1
func TestParse(t *testing.T) {
	good := sign(t, "EdDSA", header("EdDSA"), `{}`)
	part := strings.Split(good, ".")
	long := func(n int) string {
		s := sign(t, "EdDSA", header("EdDSA"), strings.Repeat("x", n*3/4-200))
		return s + strings.Repeat("A", n-len(s))
	}
	tests := []struct {
		name, in string
		good     bool
	}{
		{"a good one", good, true},
		{"any payload", sign(t, "EdDSA", header("EdDSA"), "\x00\xff"), true},
		{"no payload", sign(t, "EdDSA", header("EdDSA"), ""), true},
		// R7515-4-2
		{"unknown header members", sign(t, "EdDSA", `{"alg":"EdDSA","x5t":"x","foo":{"a":[1]}}`, `{}`), true},
		{"16 KiB", long(jose.MaxSize), true},

		{"16 KiB and a byte", long(jose.MaxSize) + "A", false},
		{"a million dots", strings.Repeat(".", 1e6), false},
		{"ten thousand dots", strings.Repeat(".", 1e4), false},
		{"nothing", "", false},
		{"one part", part[0], false},
		{"two parts", part[0] + "." + part[1], false},
		{"four parts", good + ".AA", false},
		{"five parts", good + ".AA.AA", false},
		{"no header", "." + part[1] + "." + part[2], false},
		{"no signature", part[0] + "." + part[1] + ".", false},
		{"padding", good + "==", false},
		{"a line break inside", part[0] + "." + part[1] + "\n." + part[2], false},
		{"a carriage return at the end", good + "\r", false},
		{"a space", " " + good, false},
		{"loose bits", part[0] + "." + part[1] + "." + part[2][:len(part[2])-1] + "B", false},
		{"the standard alphabet", part[0] + "." + part[1] + ".+/" + part[2][2:], false},
		// R7515-5.2-1
		{"a header that is an array", sign(t, "EdDSA", `["EdDSA"]`, `{}`), false},
		// R7515-4-1
		{"a header with a duplicate", sign(t, "EdDSA", `{"alg":"EdDSA","alg":"EdDSA"}`, `{}`), false},
		{"a header with a deep duplicate", sign(t, "EdDSA", `{"alg":"EdDSA","x":{"a":1,"a":1}}`, `{}`), false},
		// R7515-4.1.1-1
		{"no alg", sign(t, "EdDSA", `{"kid":"k"}`, `{}`), false},
		{"ALG", sign(t, "EdDSA", `{"ALG":"EdDSA"}`, `{}`), false},
		// R7518-3.6-1, R8725-3.2-1
		{"alg none", sign(t, "EdDSA", `{"alg":"none"}`, `{}`), false},
		// R7518-3.2-1, R8725-3.5-1
		{"alg HS256", sign(t, "EdDSA", `{"alg":"HS256"}`, `{}`), false},
		{"alg Ed25519", sign(t, "EdDSA", `{"alg":"Ed25519"}`, `{}`), false},
		{"alg null", sign(t, "EdDSA", `{"alg":null}`, `{}`), false},
		{"alg in an array", sign(t, "EdDSA", `{"alg":["EdDSA"]}`, `{}`), false},
		// R7515-4.1.4-1
		{"kid a number", sign(t, "EdDSA", `{"alg":"EdDSA","kid":1}`, `{}`), false},
		{"kid null", sign(t, "EdDSA", `{"alg":"EdDSA","kid":null}`, `{}`), false},
		{"kid empty", sign(t, "EdDSA", `{"alg":"EdDSA","kid":""}`, `{}`), false},
		{"kid with a lone surrogate", sign(t, "EdDSA", `{"alg":"EdDSA","kid":"\ud800"}`, `{}`), false},
		{"typ a number", sign(t, "EdDSA", `{"alg":"EdDSA","typ":1}`, `{}`), false},
		{"typ with a space", sign(t, "EdDSA", `{"alg":"EdDSA","typ":"at+jwt "}`, `{}`), false},
		{"typ beyond ASCII", sign(t, "EdDSA", `{"alg":"EdDSA","typ":"at+jwt\u212a"}`, `{}`), false},
	}
	for _, member := range []string{`"crit":["exp"]`, `"crit":[]`, `"crit":null`, `"b64":true`, `"b64":false`,
		`"jwk":{}`, `"jku":"https://a.example"`, `"x5c":[]`, `"x5u":"https://a.example"`} {
		tests = append(tests, struct {
			name, in string
			good     bool
		}{member, sign(t, "EdDSA", `{"alg":"EdDSA",`+member+`}`, `{}`), false})
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			j, err := jose.Parse(tc.in)
			if (err == nil) != tc.good || (j != nil) != tc.good {
				t.Errorf("Parse(%.200q): %v, error %v, want good %t", tc.in, j, err, tc.good)
			}
			if err != nil && !errors.Is(err, jose.ErrInvalid) {
				t.Errorf("Parse(%.200q): error %v is not ErrInvalid", tc.in, err)
			}
		})
	}
}

// R7515-4.1.9-1
func TestMediaType(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "JWT": "jwt", "at+JWT": "at+jwt", "application/at+jwt": "at+jwt", "APPLICATION/AT+JWT": "at+jwt",
		"text/at+jwt": "text/at+jwt", "application/application/at+jwt": "application/application/at+jwt",
	} {
		if got, err := jose.MediaType(in); err != nil || got != want {
			t.Errorf("MediaType(%q): %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestSign(t *testing.T) {
	for _, alg := range jose.Algorithms {
		t.Run(alg, func(t *testing.T) {
			set := setOf(t, publicJWK(alg, map[string]any{"kid": "k", "alg": alg}))
			compact := sign(t, alg, header(alg), `{"a":1}`)
			j, err := jose.Parse(compact)
			if err == nil {
				err = set.Verify(j, nil)
			}
			if err != nil {
				t.Errorf("our own signature is refused: %v", err)
			}
			theirs, err := gojose.ParseSignedCompact(compact, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
			if err == nil {
				_, err = theirs.Verify(signers()[alg].Public())
			}
			if err != nil {
				t.Errorf("go-jose refuses our signature: %v", err)
			}
			s, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(alg), Key: signers()[alg]},
				(&gojose.SignerOptions{}).WithHeader("kid", "k"))
			if err != nil {
				t.Fatal(err)
			}
			signed, err := s.Sign([]byte(`{"a":1}`))
			if err != nil {
				t.Fatal(err)
			}
			compact, err = signed.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			j, err = jose.Parse(compact)
			if err == nil {
				err = set.Verify(j, []string{alg})
			}
			if err != nil {
				t.Errorf("go-jose's signature is refused: %v", err)
			}
		})
	}
}

// An ECDSA signature has one length, whatever its numbers are (RFC 7518 section 3.4).
//
// R7518-3.4-1
func TestVerifyRefusesLongSignatures(t *testing.T) {
	set := setOf(t, publicJWK("ES256", map[string]any{"kid": "k"}))
	compact := sign(t, "ES256", header("ES256"), `{}`)
	i := strings.LastIndexByte(compact, '.') + 1
	sig, err := base64.RawURLEncoding.DecodeString(compact[i:])
	if err != nil {
		t.Fatal(err)
	}
	for name, long := range map[string][]byte{
		"a zero before":      slices.Concat([]byte{0}, sig),
		"a zero between":     slices.Concat(sig[:32], []byte{0}, sig[32:]),
		"a zero after":       slices.Concat(sig, []byte{0}),
		"a zero before both": slices.Concat([]byte{0}, sig[:32], []byte{0}, sig[32:]),
	} {
		j, err := jose.Parse(compact[:i] + b64(long))
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Verify(j, nil); !errors.Is(err, jose.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

// FuzzVerify signs any header and payload and tears at the result: what this package accepts, go-jose under
// the same key and algorithm accepts with the same payload; and what go-jose accepts and the policy lets pass,
// this package accepts.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"alg":"EdDSA","kid":"k"}`), []byte(`{"iss":"x"}`), "", 0)
	f.Add([]byte(`{"alg":"ES256","kid":"k","typ":"at+jwt"}`), []byte(`{}`), "=", 9)
	f.Add([]byte(`{"alg":"ES256","crit":["b64"],"b64":false}`), []byte(`x`), "\n", 20)
	f.Add([]byte(`{"alg":"EdDSA","alg":"none"}`), []byte(``), ".", 40)
	f.Add([]byte(`{"alg":"RS256","kid":"\u006b"}`), []byte(`null`), "", 0)
	f.Add([]byte(` {"typ":"JWT","x":[{}], "kid" : "k", "alg":"RS256"}`), []byte(``), "", 0)
	var docs []json.RawMessage
	for _, alg := range []string{"EdDSA", "ES256", "RS256"} {
		docs = append(docs, publicJWK(alg, map[string]any{"kid": "k", "alg": alg}))
	}
	set := setOf(f, docs...)
	f.Fuzz(func(t *testing.T, header, payload []byte, tear string, at int) {
		var h struct{ Alg string }
		json.Unmarshal(header, &h)
		if h.Alg != "ES256" && h.Alg != "RS256" {
			h.Alg = "EdDSA"
		}
		compact := sign(t, h.Alg, string(header), string(payload))
		if at >= 0 && at <= len(compact) {
			compact = compact[:at] + tear + compact[at:]
		}
		var theirs []byte
		o, theirErr := gojose.ParseSignedCompact(compact, []gojose.SignatureAlgorithm{"EdDSA", "ES256", "RS256"})
		if theirErr == nil {
			if theirs, theirErr = o.Verify(signers()[o.Signatures[0].Header.Algorithm].Public()); theirErr == nil && theirs == nil {
				theirs = []byte{}
			}
		}
		j, err := jose.Parse(compact)
		if err == nil {
			err = set.Verify(j, nil)
		}
		if err == nil && (theirErr != nil || string(theirs) != string(j.Payload)) {
			t.Fatalf("accepted what go-jose refuses: %v, payload %q, want %q", theirErr, j.Payload, theirs)
		}
		if err != nil && theirErr == nil && inPolicy(compact) {
			t.Fatalf("refused what go-jose accepts and the policy allows: %v", err)
		}
	})
}

// inPolicy reports whether nothing but its signature could speak against a token; false also where it would
// take a parser of JSON to say so.
func inPolicy(compact string) bool {
	parts := strings.Split(compact, ".")
	for _, part := range parts {
		b, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || b64(b) != part {
			return false
		}
	}
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	if len(parts) != 3 || len(compact) > jose.MaxSize || !utf8.Valid(header) || !plain(header) {
		return false
	}
	var h map[string]any
	if json.Unmarshal(header, &h) != nil || h["kid"] != "k" {
		return false
	}
	for _, name := range []string{"crit", "b64", "jwk", "jku", "x5c", "x5u"} {
		if _, ok := h[name]; ok {
			return false
		}
	}
	typ, ok := h["typ"]
	return !ok || typ == "JWT" || typ == "at+jwt"
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range []string{"ES256", "EdDSA", "RS256"} {
		set := setOf(b, publicJWK(alg, map[string]any{"kid": "k", "alg": alg}))
		compact := sign(b, alg, header(alg), `{"iss":"https://as.example","aud":"https://rs.example"}`)
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				j, err := jose.Parse(compact)
				if err == nil {
					err = set.Verify(j, nil)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
