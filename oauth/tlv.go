package oauth

import (
	"encoding/binary"
	"errors"
)

// Grants, handles and opaque tokens are a list of fields: a tag, a length and that many bytes. A field of value
// zero is left out and a list is a repeated tag. Tags that a reader does not know are kept in a grant, passed over
// in a handle, which is never written again, and refused in an opaque token, where they may restrict it.

var errFields = errors.New("not a list of fields")

func appendField(b []byte, tag uint64, v []byte) []byte {
	b = binary.AppendUvarint(b, tag)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

func appendText(b []byte, tag uint64, texts ...string) []byte {
	for _, s := range texts {
		b = binary.AppendUvarint(b, tag)
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

func appendInt(b []byte, tag uint64, n int64) []byte {
	if n == 0 {
		return b
	}
	var v [binary.MaxVarintLen64]byte
	return appendField(b, tag, binary.AppendVarint(v[:0], n))
}

func appendBool(b []byte, tag uint64, v bool) []byte {
	if v {
		return appendInt(b, tag, 1)
	}
	return b
}

func fieldInt(v []byte) (int64, error) {
	n, size := binary.Varint(v)
	if size <= 0 || size != len(v) {
		return 0, errFields
	}
	return n, nil
}

// nextField splits the first field off b; whole is the field with its tag and length.
func nextField(b []byte) (tag uint64, v, whole, rest []byte, err error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, nil, nil, errFields
	}
	size, m := binary.Uvarint(b[n:])
	if m <= 0 || size > uint64(len(b)-n-m) {
		return 0, nil, nil, nil, errFields
	}
	end := n + m + int(size)
	return tag, b[n+m : end], b[:end], b[end:], nil
}
