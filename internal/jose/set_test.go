package jose_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/internal/jose"
)

func TestSetVerify(t *testing.T) {
	type m = map[string]any
	key := func(alg string, more m) json.RawMessage { return publicJWK(alg, more) }
	tests := []struct {
		name   string
		keys   []json.RawMessage
		alg    string // that signs
		header string
		algs   []string
		good   bool
	}{
		{"the key of the kid", []json.RawMessage{key("ES256", m{"kid": "a"}), key("EdDSA", m{"kid": "k"})}, "EdDSA", "", nil, true},
		// R7515-4.1.4-1
		{"an unknown kid", []json.RawMessage{key("EdDSA", m{"kid": "K"})}, "EdDSA", "", nil, false},
		{"a kid, and a key without one", []json.RawMessage{key("EdDSA", nil)}, "EdDSA", "", nil, false},
		{"no kid and one key", []json.RawMessage{key("EdDSA", m{"kid": "a"})}, "EdDSA", `{"alg":"EdDSA"}`, nil, true},
		{"no kid and one key beside one that is for encryption", []json.RawMessage{key("EdDSA", m{"kid": "a"}), key("ES256", m{"use": "enc"})},
			"EdDSA", `{"alg":"EdDSA"}`, nil, true},
		{"no kid and two keys", []json.RawMessage{key("EdDSA", m{"kid": "a"}), key("ES256", m{"kid": "b"})}, "EdDSA", `{"alg":"EdDSA"}`, nil, false},
		{"the fourth key of a kid", []json.RawMessage{key("ES256", m{"kid": "k"}), key("ES384", m{"kid": "k"}), key("RS256", m{"kid": "k"}), key("EdDSA", m{"kid": "k"})},
			"EdDSA", "", nil, true},
		{"the fifth key of a kid", []json.RawMessage{key("ES256", m{"kid": "k"}), key("ES384", m{"kid": "k"}), key("ES512", m{"kid": "k"}), key("RS256", m{"kid": "k"}), key("EdDSA", m{"kid": "k"})},
			"EdDSA", "", nil, false},
		{"use sig", []json.RawMessage{key("EdDSA", m{"kid": "k", "use": "sig"})}, "EdDSA", "", nil, true},
		// R7517-4.2-1
		{"use enc", []json.RawMessage{key("EdDSA", m{"kid": "k", "use": "enc"})}, "EdDSA", "", nil, false},
		{"key_ops verify", []json.RawMessage{key("EdDSA", m{"kid": "k", "key_ops": []string{"sign", "verify"}})}, "EdDSA", "", nil, true},
		// R7517-4.2-1
		{"key_ops without verify", []json.RawMessage{key("EdDSA", m{"kid": "k", "key_ops": []string{"sign"}})}, "EdDSA", "", nil, false},
		{"empty key_ops", []json.RawMessage{key("EdDSA", m{"kid": "k", "key_ops": []string{}})}, "EdDSA", "", nil, false},
		{"a key published with its private half", []json.RawMessage{key("EdDSA", m{"kid": "k", "d": "AA"})}, "EdDSA", "", nil, false},
		{"a good key beside one published with its private half", []json.RawMessage{key("ES256", m{"kid": "a", "d": "AA"}), key("EdDSA", m{"kid": "k"})}, "EdDSA", "", nil, true},
		// R7517-4-1, R7517-5-1
		{"a good key beside those not understood", []json.RawMessage{json.RawMessage(`{}`), json.RawMessage(`{"kty":"AKP","kid":"k"}`), json.RawMessage(`{"kty":1}`),
			json.RawMessage(`{"kty":"oct","k":"AA","kid":"k"}`), key("EdDSA", m{"kid": "k"})}, "EdDSA", "", nil, true},
		{"the key's own alg", []json.RawMessage{key("PS256", m{"kid": "k", "alg": "PS256"})}, "PS256", "", nil, true},
		// R7515-10.6-1, R8725-3.1-1
		{"another alg than the key's", []json.RawMessage{key("PS256", m{"kid": "k", "alg": "RS256"})}, "PS256", "", nil, false},
		{"another hash than the key's", []json.RawMessage{key("RS256", m{"kid": "k", "alg": "RS256"})}, "RS512", "", nil, false},
		{"an alg that the key cannot have", []json.RawMessage{key("ES384", m{"kid": "k", "alg": "ES256"})}, "ES384", "", nil, false},
		{"an RSA key without alg is for RS256", []json.RawMessage{key("RS256", m{"kid": "k"})}, "RS256", "", nil, true},
		{"an RSA key without alg is not for PS256", []json.RawMessage{key("RS256", m{"kid": "k"})}, "PS256", "", nil, false},
		{"an RSA key without alg is for the first RSA algorithm accepted", []json.RawMessage{key("RS256", m{"kid": "k"})}, "PS256", "", []string{"ES256", "PS256", "RS256"}, true},
		{"an RSA key without alg is not for the second", []json.RawMessage{key("RS256", m{"kid": "k"})}, "RS256", "", []string{"ES256", "PS256", "RS256"}, false},
		// R7515-5.2-2, R8725-3.1-1
		{"an algorithm that is not accepted", []json.RawMessage{key("EdDSA", m{"kid": "k"})}, "EdDSA", "", []string{"ES256"}, false},
		{"no algorithm accepted", []json.RawMessage{key("EdDSA", m{"kid": "k"})}, "EdDSA", "", []string{}, false},
		{"an empty set", nil, "EdDSA", "", nil, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			doc, err := json.Marshal(m{"keys": append([]json.RawMessage{}, tc.keys...)})
			if err != nil {
				t.Fatal(err)
			}
			set, err := jose.ParseSet(doc)
			if err != nil {
				t.Fatalf("ParseSet: %v", err)
			}
			if tc.header == "" {
				tc.header = header(tc.alg)
			}
			j, err := jose.Parse(sign(t, tc.alg, tc.header, `{}`))
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			err = set.Verify(j, tc.algs)
			if (err == nil) != tc.good {
				t.Errorf("Verify: error %v, want good %t; set %s", err, tc.good, doc)
			}
			if err != nil && !errors.Is(err, jose.ErrInvalid) {
				t.Errorf("Verify: error %v is not ErrInvalid", err)
			}
		})
	}
}

// R7517-4-1
func TestParseSetRefuses(t *testing.T) {
	many := strings.Repeat(`{},`, 128) + `{}`
	for name, doc := range map[string]string{
		"nothing":                     ``,
		"an array":                    `[]`,
		"no keys":                     `{"Keys":[]}`,
		"keys that are an object":     `{"keys":{}}`,
		"keys that are null":          `{"keys":null}`,
		"a key that is a string":      `{"keys":["x"]}`,
		"a duplicate member":          `{"keys":[],"keys":[]}`,
		"a duplicate inside a key":    `{"keys":[{"kid":"a","kid":"b"}]}`,
		"another set behind it":       `{"keys":[]}{"keys":[]}`,
		"a byte order mark":           "\ufeff" + `{"keys":[]}`,
		"text that is not UTF-8":      "{\"keys\":[],\"x\":\"\xff\"}",
		"a duplicate in escapes":      `{"keys":[],"\u006beys":[]}`,
		"more than 128 keys":          `{"keys":[` + many + `]}`,
		"more than 256 KiB":           `{"keys":[]}` + strings.Repeat(" ", jose.MaxSetSize),
		"two hundred thousand levels": `{"keys":` + strings.Repeat("[", 200_000),
	} {
		if s, err := jose.ParseSet([]byte(doc)); !errors.Is(err, jose.ErrInvalid) || s != nil {
			t.Errorf("%s: %v, error %v, want ErrInvalid", name, s, err)
		}
		if err := jose.CheckSet([]byte(doc)); !errors.Is(err, jose.ErrInvalid) {
			t.Errorf("%s: CheckSet: error %v, want ErrInvalid", name, err)
		}
	}
}

// TestParseSetSkips proves that broken keys are left out, one fault each.
//
// R7518-3.3-1, R7518-6.2.1-1, R7518-6.3.1-1, R8037-2-1, R8725-3.4-1
func TestParseSetSkips(t *testing.T) {
	type m = map[string]any
	zero := b64(make([]byte, 32))
	coordinate := func(name string) string {
		var v map[string]string
		json.Unmarshal(publicJWK("ES256", nil), &v)
		return v[name]
	}
	modulus := func(bits int) string {
		n := make([]byte, bits/8)
		rand.Read(n)
		n[0] |= 0x80
		n[len(n)-1] |= 1
		return b64(n)
	}
	octets := func(name string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(coordinate(name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	x, y := octets("x"), octets("y")
	n := signers()["RS256"].Public().(*rsa.PublicKey).N.Bytes()
	primes := signers()["RS256"].(*rsa.PrivateKey).Primes
	keys := map[string]json.RawMessage{
		"coordinates split elsewhere":      publicJWK("ES256", m{"x": b64(append(x, y[0])), "y": b64(y[1:])}),
		"an RSA modulus with zero before":  publicJWK("RS256", m{"n": b64(append([]byte{0}, n...))}),
		"an EC point off the curve":        publicJWK("ES256", m{"x": zero}),
		"the point at infinity":            publicJWK("ES256", m{"x": zero, "y": zero}),
		"a coordinate with a zero before":  publicJWK("ES256", m{"x": b64(append([]byte{0}, make([]byte, 32)...))}),
		"a coordinate with padding":        publicJWK("ES256", m{"x": coordinate("x") + "="}),
		"a coordinate of another key":      publicJWK("ES256", m{"x": coordinate("y"), "y": coordinate("x")}),
		"a curve of another size":          publicJWK("ES256", m{"crv": "P-384"}),
		"an unknown curve":                 publicJWK("ES256", m{"crv": "secp256k1"}),
		"a coordinate that is a number":    publicJWK("ES256", m{"x": 1}),
		"an Ed25519 key of 31 bytes":       publicJWK("EdDSA", m{"x": b64(make([]byte, 31))}),
		"an Ed448 key":                     publicJWK("EdDSA", m{"crv": "Ed448", "x": b64(make([]byte, 57))}),
		"an X25519 key":                    publicJWK("EdDSA", m{"crv": "X25519"}),
		"the alg Ed25519":                  publicJWK("EdDSA", m{"alg": "Ed25519"}),
		"an RSA key of 1024 bits":          publicJWK("RS256", m{"n": modulus(1024)}),
		"an RSA key of 2040 bits":          publicJWK("RS256", m{"n": modulus(2040)}),
		"an RSA key of 8200 bits":          publicJWK("RS256", m{"n": modulus(8200)}),
		"an RSA key of 16384 bits":         publicJWK("RS256", m{"n": modulus(16384)}),
		"an RSA exponent of 1":             publicJWK("RS256", m{"e": "AQ"}),
		"an RSA exponent that is even":     publicJWK("RS256", m{"e": "BA"}),
		"an RSA exponent of 40 bits":       publicJWK("RS256", m{"e": "AQAAAAE"}),
		"an RSA exponent of 32 bits":       publicJWK("RS256", m{"e": "gAAAAQ"}),
		"an RSA exponent with zero before": publicJWK("RS256", m{"e": "AAEAAQ"}),
		"no RSA modulus":                   publicJWK("RS256", m{"n": ""}),
		"the alg of an EC key":             publicJWK("RS256", m{"alg": "ES256"}),
		"the alg RSA-OAEP":                 publicJWK("RS256", m{"alg": "RSA-OAEP"}),
		"a kid that is a number":           publicJWK("RS256", m{"kid": 1}),
		"a line break in a coordinate":     publicJWK("ES256", m{"x": coordinate("x") + "\n"}),
		"use enc":                          publicJWK("ES256", m{"use": "enc"}),
		"key_ops without verify":           publicJWK("ES256", m{"key_ops": []string{"sign"}}),
		"a private member":                 publicJWK("EdDSA", m{"d": 1}),
		"the primes of an RSA key":         publicJWK("RS256", m{"p": b64(primes[0].Bytes()), "q": b64(primes[1].Bytes())}),
	}
	for i, y := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		b, _ := hex.DecodeString(y)
		keys[fmt.Sprint("an Ed25519 key of small order, ", i)] = publicJWK("EdDSA", m{"x": b64(b)})
	}
	good := publicJWK("EdDSA", nil)
	for name, key := range keys {
		if n := setOf(t, key).Len(); n != 0 {
			t.Errorf("%s: the key is used: %s", name, key)
		}
		if err := jose.CheckSet(fmt.Appendf(nil, `{"keys":[%s,%s]}`, good, key)); err == nil || !strings.Contains(err.Error(), "key 1 ") {
			t.Errorf("%s: CheckSet: error %v, want one of key 1", name, err)
		}
	}
	used := map[string]json.RawMessage{
		"an RSA key of 8192 bits":          publicJWK("RS256", m{"n": modulus(8192)}),
		"a certificate chain that is none": publicJWK("ES256", m{"x5c": "x", "x5u": "%", "x5t": "%"}),
	}
	for _, alg := range jose.Algorithms {
		used[alg] = publicJWK(alg, nil)
	}
	for name, key := range used {
		if n := setOf(t, key).Len(); n != 1 {
			t.Errorf("%s: a good key is not used", name)
		}
		if err := jose.CheckSet(fmt.Appendf(nil, `{"keys":[%s]}`, key)); err != nil {
			t.Errorf("%s: CheckSet: %v", name, err)
		}
	}
}

func TestNewKey(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		pub any
		alg string
	}{
		"nil":                           {nil, ""},
		"a byte slice":                  {[]byte("secret"), ""},
		"P-224":                         {p224.Public(), ""},
		"HS256":                         {weak.Public(), "HS256"},
		"none":                          {weak.Public(), "none"},
		"ES256 for RSA":                 {weak.Public(), "ES256"},
		"ES384 for P-256":               {signers()["ES256"].Public(), "ES384"},
		"RS256 for Ed25519":             {signers()["EdDSA"].Public(), "RS256"},
		"an RSA key of 1024 bits":       {&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}, ""},
		"an RSA key of 16384 bits":      {&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 16383, 1), E: 65537}, ""},
		"an Ed25519 key of small order": {ed25519.PublicKey(make([]byte, 32)), ""},
		"an Ed25519 key of 31 bytes":    {ed25519.PublicKey(make([]byte, 31)), ""},
	} {
		if k, err := jose.NewKey(tc.pub, tc.alg, "id"); err == nil {
			t.Errorf("%s: %v, want an error", name, k)
		}
	}
	large := new(big.Int).SetBit(big.NewInt(1), 8191, 1)
	if _, err := jose.NewKey(&rsa.PublicKey{N: large, E: 65537}, "", ""); err != nil {
		t.Errorf("NewKey of an RSA key of 8192 bits: %v", err)
	}
	private := publicJWK("RS256", map[string]any{"n": b64(large.Bytes()), "d": "AQ", "p": "AQ", "q": b64(large.Bytes())})
	if _, err := jose.ParsePrivateKey(private); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("ParsePrivateKey of an RSA key of 8192 bits: error %v, want one that it is too large", err)
	}
	for alg, want := range map[string]string{"ES256": "ES256", "ES384": "ES384", "ES512": "ES512", "EdDSA": "EdDSA", "PS384": "RS256"} {
		k, err := jose.NewKey(signers()[alg].Public(), "", "id")
		if err != nil || k.Alg != want || k.ID != "id" {
			t.Errorf("NewKey of a key for %s: %+v, %v, want alg %s", alg, k, err, want)
		}
	}
}

// What such a key signs would not verify under the key that is published.
func TestParsePrivateKeyOfTwoHalves(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d, err := other.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.ParsePrivateKey(publicJWK("ES256", map[string]any{"d": b64(d)})); err == nil {
		t.Error("the public half of one key with the private half of another: no error, want one")
	}
}

func FuzzParseSet(f *testing.F) {
	for _, alg := range []string{"ES256", "ES512", "EdDSA", "RS256"} {
		f.Add([]byte(`{"keys":[` + string(publicJWK(alg, map[string]any{"kid": "k", "alg": alg, "use": "sig"})) + `]}`))
	}
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"EC","crv":"P-256","x":"","y":""},{"key_ops":[]}]}`))
	j, err := jose.Parse(sign(f, "EdDSA", header("EdDSA"), `{}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		s, err := jose.ParseSet(doc)
		if err != nil {
			if !errors.Is(err, jose.ErrInvalid) {
				t.Fatalf("ParseSet(%q): error %v is not ErrInvalid", doc, err)
			}
			return
		}
		s.Verify(j, nil)
		var members map[string]json.RawMessage // not a struct: names are exact
		var keys []json.RawMessage
		json.Unmarshal(doc, &members)
		json.Unmarshal(members["keys"], &keys)
		if err := jose.CheckSet(doc); (err == nil) != (s.Len() == len(keys)) {
			t.Fatalf("CheckSet(%q): error %v, and %d of %d keys are used", doc, err, s.Len(), len(keys))
		}
		if json.Unmarshal(doc, new(struct{})) != nil {
			t.Fatalf("ParseSet(%q) accepts what is not JSON", doc)
		}
		jose.ParsePrivateKey(doc)
	})
}
