package jose

import "unicode/utf8"

// maxDepth bounds the nesting of arrays and objects.
const maxDepth = 64

const (
	errSyntax    reason = "not JSON"
	errObject    reason = "not a JSON object"
	errDuplicate reason = "JSON with a duplicate member"
	errUTF8      reason = "JSON with text that is not Unicode"
	errDepth     reason = "JSON nested too deeply"
	errString    reason = "not a string"
	errStrings   reason = "not an array of strings"
)

// CheckObject reports an error unless b is one JSON object (RFC 8259) and nothing else, in UTF-8 without a
// byte order mark, with unique member names at every level, no lone surrogate, and at most 64 levels.
func CheckObject(b []byte) error {
	return Members(b, func(_, _ []byte) error { return nil })
}

// CheckValue is [CheckObject] for a value of any type. The value is taken to sit one level deep.
func CheckValue(b []byte) error {
	if !utf8.Valid(b) {
		return errUTF8
	}
	s := scanner{b: b}
	if err := s.value(1); err != nil {
		return err
	}
	return s.end()
}

// Members checks b as [CheckObject] does and calls f for each member of the outer object in turn. The name is
// decoded, the value is as written, and both may alias b. The first error of f ends the scan and is returned.
// What f saw counts only if Members returns nil: what follows may yet be broken.
func Members(b []byte, f func(name, value []byte) error) error {
	if !utf8.Valid(b) {
		return errUTF8
	}
	s := scanner{b: b}
	s.space()
	if s.peek() != '{' {
		return errObject
	}
	if err := s.object(0, f); err != nil {
		return err
	}
	return s.end()
}

// Elements calls f for each element of a JSON array that [Members] has passed.
func Elements(array []byte, f func(value []byte) error) error {
	s := scanner{b: array}
	s.space()
	if s.peek() != '[' {
		return reason("not an array")
	}
	return s.array(0, f)
}

// String decodes a JSON string that [Members] has passed.
func String(value []byte) (string, error) {
	if len(value) < 2 || value[0] != '"' {
		return "", errString
	}
	return string(unquote(value[1 : len(value)-1])), nil
}

// Strings decodes a JSON array of strings, or a single string, that [Members] has passed.
func Strings(value []byte) ([]string, error) {
	if len(value) > 0 && value[0] == '"' {
		one, err := String(value)
		return []string{one}, err
	}
	var all []string
	err := Elements(value, func(v []byte) error {
		one, err := String(v)
		all = append(all, one)
		return err
	})
	if err != nil {
		return nil, errStrings
	}
	return all, nil
}

// AppendString appends s as a JSON string. A text that is not UTF-8 is an error: writing replacement
// characters would make different names equal.
func AppendString(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, errUTF8
	}
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		if c < ' ' {
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, '\\', c)
		}
		start = i + 1
	}
	return append(append(dst, s[start:]...), '"'), nil
}
