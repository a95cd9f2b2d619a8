package resource_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth/resource"
)

// memory collects all text that v holds, exported or not.
type memory struct {
	seen map[uintptr]bool
	text bytes.Buffer
}

func (m *memory) look(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		m.text.WriteString(v.String() + "\n")
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() || v.Kind() == reflect.Pointer && m.seen[v.Pointer()] {
			return
		}
		if v.Kind() == reflect.Pointer {
			m.seen[v.Pointer()] = true
		}
		m.look(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			m.look(v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if v.Index(i).Kind() == reflect.Uint8 {
				m.text.WriteByte(byte(v.Index(i).Uint()))
				continue
			}
			m.look(v.Index(i))
		}
		m.text.WriteByte('\n')
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			m.look(i.Key())
			m.look(i.Value())
		}
	}
}

// A guard remembers what it was told of a token, and not the token.
//
// R9700-4.9.3-1
func TestGuardKeepsNoToken(t *testing.T) {
	keys := newKeys(t)
	offline := newGuard(t, func(c *resource.Config) { c.Accept.Keys, c.Introspect = keys, nil })
	asking := newGuard(t, func(c *resource.Config) { c.CacheFor = time.Minute })
	jwt := sign(t, keys, claims(nil))
	for name, test := range map[string]struct {
		guard *resource.Guard
		token string
	}{"offline": {offline, jwt}, "by introspection": {asking, "opaque-token-of-olga"}} {
		if _, err := test.guard.Check(bearer(test.token), resource.Need{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m := memory{seen: make(map[uintptr]bool)}
		m.look(reflect.ValueOf(test.guard))
		if name == "offline" && !strings.Contains(m.text.String(), "olga") {
			t.Errorf("%s: the claims are not found: the test does not look far enough", name)
		}
		parts := strings.Split(test.token, ".")
		if len(parts) == 3 {
			parts = parts[1:] // the ring holds the header, which all tokens of a key share
		}
		for _, part := range parts {
			if strings.Contains(m.text.String(), part) {
				t.Errorf("%s: the guard holds the token, or a part of it", name)
			}
		}
	}
}
