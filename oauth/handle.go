package oauth

import (
	"bytes"
	"crypto/rand"

	"github.com/oauthcore/oauthcore/internal/table"
)

// handleSize is that of a handle in bytes: less than anything sealed has, so the two are not confused.
const handleSize = 32

// handle is what the record of one holds: an opaque token, sealed for this record alone. So a copy of the
// store is no heap of tokens, and who can write the store cannot put one token in the place of another.
type handle struct{ sealed []byte }

const handleTagSealed = 1

// AppendBinary appends the stored form of h.
func (h *handle) AppendBinary(b []byte) ([]byte, error) {
	return appendField(b, handleTagSealed, h.sealed), nil
}

// UnmarshalBinary reads the stored form of a handle. It passes over a field that it does not know: what
// restricts a token is within the seal, where such a field refuses it. Nothing writes the record again that
// could lose one.
func (h *handle) UnmarshalBinary(b []byte) error {
	*h = handle{}
	for len(b) > 0 {
		tag, v, _, rest, err := nextField(b)
		if err != nil {
			return err
		}
		if tag == handleTagSealed {
			h.sealed = bytes.Clone(v)
		}
		b = rest
	}
	if len(h.sealed) == 0 {
		return errFields
	}
	return nil
}

// handleID names the record of a handle.
func handleID(tok string) string { return table.Hash("handle", tok) }

// newHandle draws a handle for a. The record that gives it a meaning waits in c for spend.
func (c *call) newHandle(a *access) string {
	b := make([]byte, handleSize)
	rand.Read(b)
	tok := c.s.encodeToken(b)
	id := handleID(tok)
	c.handle = &table.Row[handle]{ID: id, Expires: a.expires + recordSlack, Value: handle{c.s.sealAccess(a, []byte(id))}}
	return tok
}

// keepHandle stores the record of the handle that was drawn, if one was. The grant is written after it: a
// request that gets no further leaves a record that nobody can name, and that expires.
func (c *call) keepHandle() error {
	if c.handle == nil {
		return nil
	}
	_, err := c.s.handles.Create(c.ctx, c.write, *c.handle, c.now)
	if err == nil {
		c.handle = nil // it is there, should the request judge again and end the grant: TestHandleReuseInParallel
	}
	return err
}

// readHandle returns what the record of a handle seals, and what it is bound to; nothing if there is no such
// record.
func (c *call) readHandle(tok string) (sealed, bound []byte, err error) {
	id := handleID(tok)
	row, err := c.s.handles.Get(c.ctx, id)
	return row.Value.sealed, []byte(id), err
}
