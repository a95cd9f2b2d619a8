package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/oauthcore/oauthcore/store"
)

// head is the bytes of a record's version and expiry, which its labels and its value follow.
const head = 16

var errForm = errors.New("a record is not of this store's form")

// encode returns r as its bucket holds it under its key: version and expiry in eight bytes each, the labels
// with spaces between them, a newline, the value. The form of keys allows neither space nor newline.
func encode(r store.Record) []byte {
	b := make([]byte, 0, head+128+len(r.Value))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Version))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Expires))
	b = append(b, strings.Join(r.Labels, " ")...)
	b = append(b, '\n')
	return append(b, r.Value...)
}

// decode returns the record that encode made b from. It shares no memory with b.
func decode(key string, b []byte) (store.Record, error) {
	if len(b) < head {
		return store.Record{}, errForm
	}
	labels, value, ok := bytes.Cut(b[head:], []byte{'\n'})
	r := store.Record{
		Key:     key,
		Version: int64(binary.BigEndian.Uint64(b)),
		Expires: int64(binary.BigEndian.Uint64(b[8:])),
		Labels:  strings.Fields(string(labels)),
		Value:   bytes.Clone(value),
	}
	// What this store wrote passes Check. Anything else is a damaged file, and must not look like a record.
	if !ok || r.Check() != nil {
		return store.Record{}, errForm
	}
	return r, nil
}
