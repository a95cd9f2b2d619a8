package jose_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oauthcore/oauthcore/internal/jose"
)

// R7515-10.12-1
func TestCheckObject(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }
	var wide strings.Builder
	for i := range 1000 {
		wide.WriteString(`"` + strconv.Itoa(i) + `":0,`)
	}
	tests := []struct {
		name, in string
		good     bool
	}{
		{"an empty object", `{}`, true},
		{"white space all around", " {\t\"a\" :\r1 , \"b\":[ ] }\n", true},
		{"every kind of value", `{"a":null,"b":true,"c":false,"d":"x","e":[1,"2",{}],"f":{"g":{}}}`, true},
		{"every form of number", `{"a":[0,-0,1,-1.5,1e9,1E+9,0.1e-9,123456789012345678901234567890]}`, true},
		// R7515-10.13-1
		{"every escape", `{"a":"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00"}`, true},
		{"one name at several levels", `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}`, true},
		{"64 levels", nested(64), true},
		{"a thousand members", "{" + wide.String() + `"x":0}`, true},

		{"nothing", ``, false},
		{"white space only", ` `, false},
		{"null", `null`, false},
		{"an array", `[]`, false},
		{"a string", `"{}"`, false},
		{"a number", `1`, false},
		{"an object that ends early", `{`, false},
		{"a member without value", `{"a"}`, false},
		{"a member without colon", `{"a" 1}`, false},
		{"a name without quotes", `{a:1}`, false},
		{"a trailing comma", `{"a":1,}`, false},
		{"a trailing comma in an array", `{"a":[1,]}`, false},
		{"members without comma", `{"a":1 "b":2}`, false},
		{"a second object", `{}{}`, false},
		{"a trailing byte", `{}x`, false},
		{"a trailing NUL", "{}\x00", false},
		{"a byte order mark", "\ufeff{}", false},
		{"single quotes", `{'a':1}`, false},
		{"a comment", `{"a":1/**/}`, false},
		{"NaN", `{"a":NaN}`, false},
		{"a leading zero", `{"a":01}`, false},
		{"a leading plus", `{"a":+1}`, false},
		{"a trailing point", `{"a":1.}`, false},
		{"a leading point", `{"a":.1}`, false},
		{"an empty exponent", `{"a":1e}`, false},
		{"a lone minus", `{"a":-}`, false},
		{"a broken literal", `{"a":tru}`, false},
		{"a string that ends early", `{"a":"`, false},
		{"a line break in a string", "{\"a\":\"\n\"}", false},
		{"an unknown escape", `{"a":"\x41"}`, false},
		{"a short escape", `{"a":"\u004"}`, false},
		{"an escape at the end", `{"a":"\`, false},
		{"form feed as white space", "{\f}", false},

		{"a duplicate member", `{"a":1,"a":1}`, false},
		{"a duplicate member deep down", `{"x":[{"y":{"a":1,"b":2,"a":3}}]}`, false},
		{"a duplicate member by an escape", `{"a":1,"\u0061":1}`, false},
		{"a duplicate among a thousand", "{" + wide.String() + `"7":0}`, false},
		{"a duplicate of the last of a thousand", "{" + wide.String() + `"999":0}`, false},
		{"a lone high surrogate", `{"a":"\ud83d"}`, false},
		{"a lone low surrogate", `{"a":"\ude00"}`, false},
		{"two high surrogates", `{"a":"\ud83d\ud83d"}`, false},
		{"a high surrogate before another escape", `{"a":"\ud83d\n"}`, false},
		// R8725-3.7-1
		{"bytes that are not UTF-8", "{\"a\":\"\xff\"}", false},
		{"an overlong encoding", "{\"a\":\"\xc0\xaf\"}", false},
		{"a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", false},
		{"65 levels", nested(65), false},
		{"65 levels of arrays", `{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, false},
		{"two hundred thousand levels", `{"a":` + strings.Repeat("[", 200_000), false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			err := jose.CheckObject([]byte(tc.in))
			if (err == nil) != tc.good {
				t.Errorf("CheckObject(%.100q): error %v, want good %t", tc.in, err, tc.good)
			}
			if err != nil && !errors.Is(err, jose.ErrInvalid) {
				t.Errorf("CheckObject(%.100q): error %v is not ErrInvalid", tc.in, err)
			}
		})
	}
}

func TestAppendString(t *testing.T) {
	for _, s := range []string{"", "plain", `quo"te and \ back`, "\x00\x1f\n\r\t", "snow☃man", "\U0001F600", "\u2028</script>"} {
		b, err := jose.AppendString([]byte("x"), s)
		if err != nil || b[0] != 'x' {
			t.Fatalf("AppendString(%q): %q, %v", s, b, err)
		}
		var got string
		if err := json.Unmarshal(b[1:], &got); err != nil || got != s {
			t.Errorf("AppendString(%q) gave %s, which reads %q, %v", s, b[1:], got, err)
		}
		if got, err := jose.String(b[1:]); err != nil || got != s {
			t.Errorf("String(%s): %q, %v, want %q", b[1:], got, err, s)
		}
	}
	if b, err := jose.AppendString(nil, "\xff"); err == nil {
		t.Errorf("AppendString of text that is not UTF-8: %q, want an error", b)
	}
}

// FuzzCheckObject holds the scanner against encoding/json: it accepts nothing that the other refuses, and what
// it refuses beyond that is a duplicate, broken Unicode, depth, or no object.
func FuzzCheckObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"b":[true,null,"\ud83d\ude00"]}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, `[]`,
		`{"a":-1.5e+9}`, `{"a":{"b":{"a":0}}}`, "{\"\xff\":0}", `{"a":"\u0000"}`, `{"aud":["x"],"exp":1700000300}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := make(map[string][]byte)
		err := jose.Members(b, func(name, value []byte) error {
			if _, ok := got[string(name)]; ok {
				t.Fatalf("Members(%q) gave %q twice", b, name)
			}
			got[string(name)] = value
			return nil
		})
		if err == nil {
			var want map[string]json.RawMessage
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatalf("Members(%q) accepts what encoding/json refuses: %v", b, err)
			}
			if len(got) != len(want) {
				t.Fatalf("Members(%q): %d members, encoding/json has %d", b, len(got), len(want))
			}
			for name, value := range want {
				if !bytes.Equal(got[name], value) {
					t.Fatalf("Members(%q): member %q is %q, encoding/json has %q", b, name, got[name], value)
				}
				var text string
				if json.Unmarshal(value, &text) == nil && value[0] == '"' {
					if s, err := jose.String(value); err != nil || s != text {
						t.Fatalf("String(%q): %q, %v, encoding/json has %q", value, s, err, text)
					}
				}
			}
			return
		}
		if json.Valid(b) && utf8.Valid(b) && bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) && plain(b) {
			t.Fatalf("Members(%q): %v, and nothing is wrong with it", b, err)
		}
	})
}

// plain reports whether valid JSON has no duplicate member, no escaped surrogate, and few levels.
func plain(b []byte) bool {
	if bytes.Contains(bytes.ToLower(b), []byte(`\ud`)) || bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) > 60 {
		return false
	}
	type level struct {
		names map[string]bool // nil: an array
		name  bool            // a name is next
	}
	var open []*level
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		if len(open) > 0 {
			if top := open[len(open)-1]; top.names != nil && tok != json.Delim('}') {
				if name, ok := tok.(string); ok && top.name {
					if top.names[name] {
						return false
					}
					top.names[name], top.name = true, false
					continue
				}
				top.name = true
			}
		}
		switch tok {
		case json.Delim('{'):
			open = append(open, &level{names: map[string]bool{}, name: true})
		case json.Delim('['):
			open = append(open, &level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}
