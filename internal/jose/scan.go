package jose

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON of valid UTF-8 by recursive descent.
type scanner struct {
	b     []byte
	i     int
	names [][]byte // of the objects that are open, the innermost last
}

// peek returns the next byte, or 0, which no JSON text holds, at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

func (s *scanner) end() error {
	if s.space(); s.i != len(s.b) {
		return errSyntax
	}
	return nil
}

// value reads one value that is inside depth arrays and objects.
func (s *scanner) value(depth int) error {
	s.space()
	switch c := s.peek(); c {
	case '{':
		return s.object(depth, nil)
	case '[':
		return s.array(depth, nil)
	case '"':
		_, _, err := s.text()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

func (s *scanner) object(depth int, f func(name, value []byte) error) error {
	if depth == maxDepth {
		return errDepth
	}
	outer := len(s.names)
	var many map[string]struct{} // the names, once comparing each with each would be quadratic
	s.i++
	s.space()
	if s.peek() == '}' {
		s.i++
		return nil
	}
	for {
		s.space()
		name, escaped, err := s.text()
		if err != nil {
			return err
		}
		if escaped {
			name = unquote(name)
		}
		switch mine := s.names[outer:]; {
		case many == nil && len(mine) < 32:
			for _, other := range mine {
				if bytes.Equal(other, name) {
					return errDuplicate
				}
			}
			s.names = append(s.names, name)
		case many == nil:
			many = make(map[string]struct{}, 2*len(mine))
			for _, other := range mine {
				many[string(other)] = struct{}{}
			}
			fallthrough
		default:
			if _, ok := many[string(name)]; ok {
				return errDuplicate
			}
			many[string(name)] = struct{}{}
		}
		if s.space(); s.peek() != ':' {
			return errSyntax
		}
		s.i++
		s.space()
		start := s.i
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if f != nil {
			if err := f(name, s.b[start:s.i]); err != nil {
				return err
			}
		}
		s.space()
		switch s.peek() {
		case ',':
			s.i++
		case '}':
			s.i++
			s.names = s.names[:outer]
			return nil
		default:
			return errSyntax
		}
	}
}

func (s *scanner) array(depth int, f func(value []byte) error) error {
	if depth == maxDepth {
		return errDepth
	}
	s.i++
	s.space()
	if s.peek() == ']' {
		s.i++
		return nil
	}
	for {
		s.space()
		start := s.i
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if f != nil {
			if err := f(s.b[start:s.i]); err != nil {
				return err
			}
		}
		s.space()
		switch s.peek() {
		case ',':
			s.i++
		case ']':
			s.i++
			return nil
		default:
			return errSyntax
		}
	}
}

// text reads a string and returns what is between its quotes, and whether that holds escapes.
func (s *scanner) text() (inner []byte, escaped bool, err error) {
	if s.peek() != '"' {
		return nil, false, errSyntax
	}
	s.i++
	start := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.b[start : s.i-1], escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		case c < ' ':
			return nil, false, errSyntax
		default:
			s.i++
		}
	}
	return nil, false, errSyntax
}

// escape reads one escape sequence, or the two of a surrogate pair.
func (s *scanner) escape() error {
	if s.i+1 >= len(s.b) {
		return errSyntax
	}
	switch s.b[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return nil
	case 'u':
		r, ok := hex4(s.b[s.i+2:])
		if !ok {
			return errSyntax
		}
		s.i += 6
		if !utf16.IsSurrogate(r) {
			return nil
		}
		// A surrogate counts only as the first half of a pair (RFC 8259 section 8.2).
		if s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
			if low, ok := hex4(s.b[s.i+2:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
				s.i += 6
				return nil
			}
		}
		return errUTF8
	}
	return errSyntax
}

func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.b[s.i:], []byte(word)) {
		return errSyntax
	}
	s.i += len(word)
	return nil
}

// number reads a number by the grammar of RFC 8259 section 6.
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.i++
	}
	if s.peek() == '0' {
		s.i++
	} else if !s.digits() {
		return errSyntax
	}
	if s.peek() == '.' {
		s.i++
		if !s.digits() {
			return errSyntax
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		if !s.digits() {
			return errSyntax
		}
	}
	return nil
}

// digits reads one digit or more.
func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}

// hex4 reads the four hexadecimal digits of a \u escape.
func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unquote decodes the inside of a string that the scanner has passed. It returns b itself if there is
// nothing to decode.
func unquote(b []byte) []byte {
	i := bytes.IndexByte(b, '\\')
	if i < 0 {
		return b
	}
	out := append(make([]byte, 0, len(b)), b[:i]...)
	for i < len(b) {
		if b[i] != '\\' {
			out = append(out, b[i])
			i++
			continue
		}
		c := b[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := hex4(b[i:])
			i += 4
			if utf16.IsSurrogate(r) {
				low, _ := hex4(b[i+2:])
				r = utf16.DecodeRune(r, low)
				i += 6
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		out = append(out, c)
	}
	return out
}
