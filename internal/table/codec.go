package table

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
)

const (
	nonceSize = 16
	format    = 1 // the first byte of every value
)

var errFormat = errors.New("not a value of this library")

// frame returns the value of a record that the request with nonce writes.
func frame(nonce [nonceSize]byte, payload []byte) []byte {
	b := make([]byte, 0, 1+nonceSize+len(payload))
	b = append(b, format)
	b = append(b, nonce[:]...)
	return append(b, payload...)
}

// unframe returns the payload of a value, which shares its memory.
func unframe(value []byte) (payload []byte, err error) {
	if len(value) < 1+nonceSize || value[0] != format {
		return nil, errFormat
	}
	return value[1+nonceSize:], nil
}

// encode returns the payload of v, a pointer: its own binary form, or JSON with what stored, the payload that
// v was read from, holds and v's type does not know.
func encode(v any, stored []byte) ([]byte, error) {
	if b, ok := v.(encoding.BinaryAppender); ok {
		return b.AppendBinary(nil)
	}
	fresh, err := json.Marshal(v)
	if err != nil || stored == nil {
		return fresh, err
	}
	known, err := recode(stored, v)
	if err != nil || bytes.Equal(known, stored) {
		return fresh, err
	}
	return merge(fresh, stored, known)
}

// decode reads payload into v, a pointer.
func decode(payload []byte, v any) error {
	if b, ok := v.(encoding.BinaryUnmarshaler); ok {
		return b.UnmarshalBinary(payload)
	}
	return json.Unmarshal(payload, v)
}

// recode returns what the type of v knows of the JSON text b.
func recode(b []byte, v any) ([]byte, error) {
	n := reflect.New(reflect.TypeOf(v).Elem()).Interface()
	if err := json.Unmarshal(b, n); err != nil {
		return nil, err
	}
	return json.Marshal(n)
}

// merge returns fresh, the new text of a value, with the members that stored, its old text, has over
// known, which is what the value's type could tell of stored. Objects are merged member by member, arrays
// element by element. An element has no name to find it by, so only one that did not change, wherever it
// now is, keeps what it held.
func merge(fresh, stored, known json.RawMessage) (json.RawMessage, error) {
	if f, s, k, ok := split[map[string]json.RawMessage](fresh, stored, known); ok {
		for name, old := range s {
			now, have := f[name]
			was, knew := k[name]
			switch {
			case have && knew:
				merged, err := merge(now, old, was)
				if err != nil {
					return nil, err
				}
				f[name] = merged
			case !has(f, name) && !has(k, name):
				f[name] = old
			}
		}
		return json.Marshal(f)
	}
	if f, s, k, ok := split[[]json.RawMessage](fresh, stored, known); ok && len(s) == len(k) {
		for i := range f {
			j := slices.IndexFunc(k, func(was json.RawMessage) bool { return bytes.Equal(was, f[i]) })
			if j >= 0 {
				f[i], k[j] = s[j], nil // nil: taken, for the next of the same text
			}
		}
		return json.Marshal(f)
	}
	return fresh, nil
}

// has reports whether members has name, in whatever case: they are the same to [json.Unmarshal].
func has(members map[string]json.RawMessage, name string) bool {
	for m := range members {
		if strings.EqualFold(m, name) {
			return true
		}
	}
	return false
}

// split decodes three texts into their members or elements, if all have them.
func split[T map[string]json.RawMessage | []json.RawMessage](fresh, stored, known []byte) (f, s, k T, ok bool) {
	ok = json.Unmarshal(fresh, &f) == nil && json.Unmarshal(stored, &s) == nil && json.Unmarshal(known, &k) == nil &&
		f != nil && s != nil && k != nil
	return f, s, k, ok
}
