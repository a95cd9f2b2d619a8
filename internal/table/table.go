// Package table is the one typed layer over a [store.Store]: values of one kind in records, and the rules
// that make a write's outcome certain, or say that it is not.
//
// A driver may repeat a request, and a connection may die after the commit, so no error of a write says
// that it did not happen. After every error the record is read again: every value that a request writes
// begins with that request's nonce, so if what is stored equals what was sent, the write succeeded. A
// request sends the identical record in every round; after four rounds without an outcome it gives up
// with [ErrUnavailable].
//
// # Design
//
// A request that cannot tell whether one of its writes happened, because others wrote after it or no outcome
// was to be had, says so in [Write.Doubt]. It may go on to succeed or refuse; it must never revoke on what it
// then reads, for it may be looking at the consequence of its own write. An error that was cleared up,
// because the write is found stored or another's is found in its place, leaves no doubt.
//
// A value is a format byte, the nonce, and the payload: T's own binary form if it has one, else JSON. A
// payload keeps what it does not understand: an old node's write does not lose what a newer one stored.
// For JSON the layer does it: members that T does not know stay, at every depth of objects, and in arrays
// those of the elements that did not change. A binary form does it itself.
//
// There is no pause between the rounds: what they are for, a repeated request or a broken connection, is
// over at once, and a store that stays away should be reported at once.
package table

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/oauthcore/oauthcore/store"
)

// ErrUnavailable means that the store gave no outcome in the time there was. It wraps the store's error, but
// never [store.ErrExists] or [store.ErrConflict]: no outcome is not to be taken for one.
var ErrUnavailable = errors.New("no outcome from the store")

// ErrCursor means that a page was asked for after something that no page ended with.
var ErrCursor = errors.New("a cursor that was not given out here")

// Rounds is how often a write is sent, at most, before its outcome counts as unavailable, and how
// often [Table.Update] starts over after a conflict.
const Rounds = 4

// Write is the writes of one request. It is not safe for concurrent use.
type Write struct {
	nonce [nonceSize]byte
	doubt bool
}

// NewWrite draws the nonce of a request.
func NewWrite() *Write {
	w := new(Write)
	rand.Read(w.nonce[:])
	return w
}

// Doubt reports whether a write of this request may have happened without the request knowing it.
func (w *Write) Doubt() bool { return w.doubt }

// Row is a record with its value decoded.
type Row[T any] struct {
	ID      string
	Version int64 // 0: absent
	Expires int64
	Labels  []string
	Value   T

	stored []byte // the payload as read, for the members that T does not know
}

// Table is the records of one kind. It is safe for many goroutines.
type Table[T any] struct {
	store  store.Store
	prefix string
}

// New returns the records of s whose keys begin with prefix.
func New[T any](s store.Store, prefix string) *Table[T] {
	return &Table[T]{store: s, prefix: prefix}
}

// Key is the key of the record with that id. Ids from outside are hashed first: see [Hash].
func (t *Table[T]) Key(id string) string { return t.prefix + id }

// Hash makes an id or label of any strings, different for different lists of them: 43 characters.
func Hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.AppendUvarint(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Get reads one row; an absent one has Version 0 and a zero Value.
func (t *Table[T]) Get(ctx context.Context, id string) (Row[T], error) {
	rs, err := Get(ctx, t.store, t.Key(id))
	if err != nil {
		return Row[T]{}, err
	}
	return t.Decode(rs[0])
}

// Get reads the records of keys, of one table or several, and holds the store to its word.
func Get(ctx context.Context, s store.Store, keys ...string) ([]store.Record, error) {
	rs, err := s.Get(ctx, keys...)
	if err != nil {
		return nil, unavailable(err)
	}
	if len(rs) != len(keys) {
		return nil, fmt.Errorf("store gave %d records for %d keys", len(rs), len(keys))
	}
	for i := range rs {
		if rs[i].Key != keys[i] {
			return nil, errors.New("store gave a record of another key")
		}
	}
	return rs, nil
}

// Decode makes a row of a record of this table.
func (t *Table[T]) Decode(r store.Record) (Row[T], error) {
	if len(r.Key) < len(t.prefix) || r.Key[:len(t.prefix)] != t.prefix {
		return Row[T]{}, errors.New("store gave a record of another kind")
	}
	row := Row[T]{ID: r.Key[len(t.prefix):]}
	if r.Version == 0 {
		return row, nil
	}
	payload, err := unframe(r.Value)
	if err == nil {
		err = decode(payload, &row.Value)
	}
	if err != nil {
		return Row[T]{}, fmt.Errorf("record of kind %q: %w", t.prefix, err)
	}
	row.Version, row.Expires, row.Labels, row.stored = r.Version, r.Expires, r.Labels, payload
	return row, nil
}

// List reads a page of the rows with a label, in the order of their keys, and the cursor of the next.
func (t *Table[T]) List(ctx context.Context, label, after string, limit int) ([]Row[T], string, error) {
	if after != "" && (store.Record{Key: after, Version: 1}).Check() != nil {
		return nil, "", ErrCursor
	}
	rs, next, err := t.store.List(ctx, label, after, limit)
	if err != nil {
		return nil, "", unavailable(err)
	}
	if next != "" && next <= after {
		return nil, "", errors.New("store gave a cursor that does not advance")
	}
	rows := make([]Row[T], len(rs))
	for i, r := range rs {
		if r.Version == 0 {
			return nil, "", errors.New("store listed an absent record")
		}
		if rows[i], err = t.Decode(r); err != nil {
			return nil, "", err
		}
	}
	return rows, next, nil
}

// record encodes row as w writes it.
func (t *Table[T]) record(w *Write, row *Row[T]) (store.Record, error) {
	payload, err := encode(&row.Value, row.stored)
	if err != nil {
		return store.Record{}, fmt.Errorf("record of kind %q: %w", t.prefix, err)
	}
	row.stored = payload
	rec := store.Record{Key: t.Key(row.ID), Version: row.Version, Expires: row.Expires, Labels: row.Labels,
		Value: frame(w.nonce, payload)}
	if err := rec.Check(); err != nil {
		return store.Record{}, fmt.Errorf("record of kind %q: %w", t.prefix, err)
	}
	return rec, nil
}

// Create stores row as a new record, or over one that expired before now, whose Labels then stay; its
// Version is drawn here. If another holds the key it returns that one with [store.ErrExists]; the row is
// empty if it was dropped meanwhile.
func (t *Table[T]) Create(ctx context.Context, w *Write, row Row[T], now int64) (Row[T], error) {
	row.Version = newVersion()
	rec, err := t.record(w, &row)
	if err != nil {
		return Row[T]{}, err
	}
	var failed error
	for range Rounds {
		err := t.store.Create(ctx, rec)
		if err == nil {
			return row, nil
		}
		stored, getErr := t.read(ctx, rec.Key)
		switch {
		case getErr != nil:
			failed = errors.Join(err, getErr)
		case stored.Version == rec.Version && bytes.Equal(stored.Value, rec.Value):
			return row, nil
		case stored.Version == 0: // not there yet, or swept since: send it again
			failed = err
		default:
			// Versions this close were not drawn apart: the other wrote over ours.
			if ahead := stored.Version - rec.Version; 0 <= ahead && ahead < 1<<20 {
				w.doubt = true
			}
			current, err := t.Decode(stored)
			if err != nil {
				return Row[T]{}, err
			}
			if 0 < current.Expires && current.Expires < now {
				row.Version, row.Labels = current.Version, current.Labels
				if row, err = t.Swap(ctx, w, row); errors.Is(err, store.ErrConflict) {
					err = store.ErrExists
				}
				return row, err
			}
			return current, store.ErrExists
		}
	}
	w.doubt = true
	return Row[T]{}, unavailable(failed)
}

// Swap replaces Expires and Value of the record at row.Version and returns the row as it then is. If
// another write came first it returns what is stored now with [store.ErrConflict]; the row is empty if
// the record was dropped.
func (t *Table[T]) Swap(ctx context.Context, w *Write, row Row[T]) (Row[T], error) {
	rec, err := t.record(w, &row)
	if err != nil {
		return Row[T]{}, err
	}
	row.Version++
	var failed error
	for range Rounds {
		err := t.store.Swap(ctx, rec)
		if err == nil {
			return row, nil
		}
		stored, getErr := t.read(ctx, rec.Key)
		switch {
		case getErr != nil:
			failed = errors.Join(err, getErr)
		case stored.Version == row.Version && bytes.Equal(stored.Value, rec.Value):
			return row, nil
		case 0 < stored.Version && stored.Version < row.Version: // not there yet, or a stale read: send it again
			failed = err
		default:
			// Another's write took the very next version: ours surely lost. Any further, and ours may
			// lie below theirs.
			if stored.Version != row.Version {
				w.doubt = true
			}
			current, err := t.Decode(stored)
			if err != nil {
				return Row[T]{}, err
			}
			return current, store.ErrConflict
		}
	}
	w.doubt = true
	return Row[T]{}, unavailable(failed)
}

// read returns the record of key, to see what became of a write.
func (t *Table[T]) read(ctx context.Context, key string) (store.Record, error) {
	rs, err := Get(ctx, t.store, key)
	if err != nil {
		return store.Record{}, err
	}
	return rs[0], nil
}

// Update applies change to the row with that id, absent or not, as one atomic write. It reads again and
// calls change again after a conflict; change must do nothing but change its row. If change fails,
// nothing is written and its error is returned. A write that others may have covered is not repeated: it
// may have happened, and the answer is [ErrUnavailable], as it is after four conflicts.
func (t *Table[T]) Update(ctx context.Context, id string, now int64, change func(*Row[T]) error) (Row[T], error) {
	w := NewWrite()
	row, err := t.Get(ctx, id)
	for range Rounds {
		if err != nil {
			return Row[T]{}, err
		}
		if err = change(&row); err != nil {
			return Row[T]{}, err
		}
		if row.Version == 0 {
			row, err = t.Create(ctx, w, row, now)
		} else {
			row, err = t.Swap(ctx, w, row)
		}
		if !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrConflict) {
			return row, err
		}
		if w.doubt {
			break
		}
		err = nil // row is what is stored now
	}
	return Row[T]{}, unavailable(store.ErrConflict)
}

// unavailable returns an [ErrUnavailable] for an error of the store.
func unavailable(err error) error {
	if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// newVersion draws a first version from 1 to 2^52: a record that is dropped and created again does not
// pass for the old one.
func newVersion() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])&(1<<52-1)) + 1
}
