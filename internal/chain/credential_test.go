package chain_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/internal/chain"
)

// filled returns n bytes that count up from first.
func filled(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

var (
	someGrant = chain.ID(filled(0x10, 16))
	someCode  = chain.Credential{Kind: chain.Code, Grant: someGrant, Secret: [32]byte(filled(0x40, 32))}
	someToken = chain.Credential{Kind: chain.Refresh, Grant: someGrant, Generation: 0x01020304,
		Family: [16]byte(filled(0x20, 16)), Secret: [32]byte(filled(0x40, 32))}
)

// encodings pins the layout: tokens in the hands of clients outlive an upgrade.
var encodings = []struct {
	name   string
	c      chain.Credential
	prefix string
	hex    bool
	text   string
}{
	{"a code", someCode, "ac_", false, "ac_ARAREhMUFRYXGBkaGxwdHh9AQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF1eXw"},
	{"a refresh token", someToken, "rt_", false, "rt_AhAREhMUFRYXGBkaGxwdHh8BAgMEICEiIyQlJicoKSorLC0uL0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5f"},
	{"a code in hex", someCode, "", true,
		"01101112131415161718191a1b1c1d1e1f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"},
	{"a refresh token in hex", someToken, "rt_", true,
		"rt_02101112131415161718191a1b1c1d1e1f01020304202122232425262728292a2b2c2d2e2f" +
			"404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"},
}

func TestEncode(t *testing.T) {
	for _, tt := range encodings {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.c.Encode(tt.prefix, tt.hex); got != tt.text {
				t.Errorf("Encode(%q, %v) = %q, want %q", tt.prefix, tt.hex, got, tt.text)
			}
			if got, ok := chain.Parse(tt.prefix, tt.hex, tt.text); !ok || got != tt.c {
				t.Errorf("Parse(%q, %v, %q) = %v, %v, want %v", tt.prefix, tt.hex, tt.text, got, ok, tt.c)
			}
		})
	}
	t.Run("a refresh token with the longest prefix is under 140 characters", func(t *testing.T) {
		if n := len(someToken.Encode(strings.Repeat("p", chain.MaxPrefix), false)); n >= 140 {
			t.Errorf("Encode gave %d characters", n)
		}
	})
	t.Run("a grant id is text for a key", func(t *testing.T) {
		if got, want := someGrant.String(), "EBESExQVFhcYGRobHB0eHw"; got != want {
			t.Errorf("String = %q, want %q", got, want)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	code, token := someCode.Encode("rt_", false), someToken.Encode("rt_", false)
	codeHex, tokenHex := someCode.Encode("rt_", true), someToken.Encode("rt_", true)
	recode := func(c chain.Credential, f func(*chain.Credential)) string {
		f(&c)
		return c.Encode("rt_", false)
	}
	for _, tt := range []struct {
		name string
		hex  bool
		s    string
	}{
		{"nothing", false, ""},
		{"the prefix alone", false, "rt_"},
		{"a missing prefix", false, token[3:]},
		{"another prefix", false, "ac_" + token[3:]},
		{"a prefix in capitals", false, "RT_" + token[3:]},
		{"the prefix twice", false, "rt_" + token},
		{"a character less", false, token[:len(token)-1]},
		{"a character more", false, token + "A"},
		{"a code with a character more", false, code + "A"},
		{"padding", false, code + "=="},
		{"a leading space", false, " " + token},
		{"a trailing line end", false, token + "\n"},
		{"a line end inside, at the right length", false, code[:20] + "\n" + code[21:]},
		{"line ends inside, at the right length", false, token[:20] + "\r\n\r\n" + token[24:]},
		{"line ends besides", false, token[:20] + "\r\n\r\n" + token[20:]},
		{"bits behind the last byte", false, code[:len(code)-1] + string(code[len(code)-1]+1)},
		{"a character outside the alphabet", false, token[:9] + "." + token[10:]},
		{"the standard alphabet", false, strings.NewReplacer("-", "+", "_", "/").Replace(token[:3]) + strings.Repeat("+", 92)},
		{"a NUL", false, token[:9] + "\x00" + token[10:]},
		{"a character of two bytes", false, token[:9] + "é" + token[11:]},
		{"hex where base64url is wanted", false, tokenHex},
		{"base64url where hex is wanted", true, token},
		{"hex in capitals", true, "rt_" + strings.ToUpper(tokenHex[3:])},
		{"a hex code in capitals", true, "rt_" + strings.ToUpper(codeHex[3:])},
		{"a hex digit less", true, tokenHex[:len(tokenHex)-1]},
		{"a hex byte more", true, codeHex + "00"},
		{"no hex digit", true, codeHex[:9] + "g" + codeHex[10:]},
		{"an unknown kind", false, recode(someCode, func(c *chain.Credential) { c.Kind = 3 })},
		{"the kind zero", false, recode(someCode, func(c *chain.Credential) { c.Kind = 0 })},
		{"a code of the kind refresh", true, "rt_02" + codeHex[5:]},
		{"a refresh token of the kind code", true, "rt_01" + tokenHex[5:]},
		{"a refresh token of generation zero", false, recode(someToken, func(c *chain.Credential) { c.Generation = 0 })},
		{"a megabyte", false, "rt_" + strings.Repeat("A", 1<<20)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if c, ok := chain.Parse("rt_", tt.hex, tt.s); ok {
				t.Errorf("Parse(%q, %v, %.200q) = %v, want false", "rt_", tt.hex, tt.s, c)
			}
		})
	}
	t.Run("a prefix that is too long", func(t *testing.T) {
		long := strings.Repeat("p", chain.MaxPrefix+1)
		if _, ok := chain.Parse(long, false, someToken.Encode(long, false)); ok {
			t.Error("Parse = true")
		}
	})
}

// TestParseIsStrict changes each character of each encoding into every other byte: what still parses must
// be another credential, and that one's only text.
func TestParseIsStrict(t *testing.T) {
	for _, tt := range encodings {
		b := []byte(tt.text)
		for i := range b {
			for x := range 256 {
				if b[i] == byte(x) {
					continue
				}
				old := b[i]
				b[i] = byte(x)
				c, ok := chain.Parse(tt.prefix, tt.hex, string(b))
				if ok && (c == tt.c || c.Encode(tt.prefix, tt.hex) != string(b)) {
					t.Errorf("%s: Parse with byte %d changed to %#02x = %v", tt.name, i, x, c)
				}
				b[i] = old
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, e := range encodings {
		f.Add(e.prefix, e.hex, e.text)
		f.Add(e.prefix, !e.hex, e.text)
		f.Add("", e.hex, e.text)
		f.Add(e.prefix, e.hex, strings.ToUpper(e.text))
		f.Add(e.prefix, e.hex, e.text+"\n")
		f.Add(e.prefix, e.hex, e.text[:len(e.text)-1])
		f.Add(e.text, e.hex, e.text)
	}
	f.Fuzz(func(t *testing.T, prefix string, hex bool, s string) {
		c, ok := chain.Parse(prefix, hex, s)
		if !ok {
			if c != (chain.Credential{}) {
				t.Errorf("Parse(%q, %v, %q) = %v with false", prefix, hex, s, c)
			}
			return
		}
		if got := c.Encode(prefix, hex); got != s {
			t.Errorf("Parse(%q, %v, %q) = %v, which encodes as %q", prefix, hex, s, c, got)
		}
	})
}

func ExampleParse() {
	c := chain.Credential{Kind: chain.Refresh, Generation: 1}
	text := c.Encode("rt_", false)
	got, ok := chain.Parse("rt_", false, text)
	fmt.Println(len(text), got.Generation, ok)
	// Output: 95 1 true
}
