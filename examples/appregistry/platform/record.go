package platform

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/oauthcore/oauthcore/store"
)

// records keeps values of one kind as JSON, in records whose keys begin with a prefix. It is safe for many
// goroutines.
type records[T any] struct {
	store  store.Store
	prefix string
}

// row is a record with its value decoded.
type row[T any] struct {
	id      string
	version int64 // 0: absent
	expires int64
	labels  []string // set where the row is created
	value   T
	blob    []byte // bytes beside the value
}

// hash makes an id or label of any strings: 43 characters, different for different lists.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.AppendUvarint(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// get reads one row; an absent one has version 0.
func (t *records[T]) get(ctx context.Context, id string) (row[T], error) {
	rows, err := t.getAll(ctx, []string{id})
	if err != nil {
		return row[T]{}, err
	}
	return rows[0], nil
}

// getAll reads rows, in the order of the ids; absent ones have version 0.
func (t *records[T]) getAll(ctx context.Context, ids []string) ([]row[T], error) {
	rows := make([]row[T], 0, len(ids))
	for some := range slices.Chunk(ids, 16) { // what a store takes at once
		keys := make([]string, len(some))
		for i, id := range some {
			keys[i] = t.prefix + id
		}
		found, err := t.store.Get(ctx, keys...)
		if err != nil {
			return nil, fmt.Errorf("platform: %w", err)
		}
		for _, rec := range found {
			r, err := t.decode(rec)
			if err != nil {
				return nil, err
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// list reads a page of the rows with a label, and the cursor of the next.
func (t *records[T]) list(ctx context.Context, label, after string, limit int) ([]row[T], string, error) {
	if err := checkCursor(after, t.prefix); err != nil {
		return nil, "", err
	}
	found, next, err := t.store.List(ctx, t.prefix+label, after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("platform: %w", err)
	}
	rows := make([]row[T], len(found))
	for i, r := range found {
		if rows[i], err = t.decode(r); err != nil {
			return nil, "", err
		}
	}
	return rows, next, nil
}

const rounds = 5

// update applies change to the row with that id, absent or not, and returns it as it then is. After a
// conflict it reads again and calls change again. Any error of a write may mean that it happened; it is then
// found by its nonce. If others have written since, change is applied to what they left, perhaps a second
// time: it must be one that may be. An error of change is returned as it is, and nothing is written.
func (t *records[T]) update(ctx context.Context, id string, change func(*row[T]) error) (row[T], error) {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	current, err := t.get(ctx, id)
	var failed error
	for range rounds {
		if err != nil {
			return row[T]{}, err
		}
		next := current
		if err := change(&next); err != nil {
			return row[T]{}, err
		}
		var sent store.Record
		if sent, err = t.encode(&next, nonce); err != nil {
			return row[T]{}, err
		}
		if current.version == 0 {
			sent.Version = newVersion()
			next.version = sent.Version
			failed = t.store.Create(ctx, sent)
		} else {
			next.version = sent.Version + 1
			failed = t.store.Swap(ctx, sent)
		}
		if failed == nil {
			return next, nil
		}
		var found []store.Record
		if found, err = t.store.Get(ctx, sent.Key); err != nil {
			return row[T]{}, fmt.Errorf("platform: %w", errors.Join(failed, err))
		}
		if found[0].Version == next.version && bytes.Equal(found[0].Value, sent.Value) {
			return next, nil
		}
		current, err = t.decode(found[0])
	}
	// What failed is no answer to the caller: not "exists", not "conflict".
	return row[T]{}, fmt.Errorf("platform: no outcome from the store: %v", failed)
}

const nonceSize = 16

// encode makes the record of a row: the nonce, the length of the JSON, the JSON, the blob.
func (t *records[T]) encode(r *row[T], nonce []byte) (store.Record, error) {
	value, err := json.Marshal(r.value)
	if err != nil {
		return store.Record{}, fmt.Errorf("platform: %w", err)
	}
	b := binary.AppendUvarint(bytes.Clone(nonce), uint64(len(value)))
	b = append(append(b, value...), r.blob...)
	labels := make([]string, len(r.labels))
	for i, l := range r.labels {
		labels[i] = t.prefix + l
	}
	return store.Record{Key: t.prefix + r.id, Version: r.version, Expires: r.expires, Labels: labels, Value: b}, nil
}

func (t *records[T]) decode(rec store.Record) (row[T], error) {
	r := row[T]{id: rec.Key[len(t.prefix):], version: rec.Version, expires: rec.Expires}
	if rec.Version == 0 {
		return r, nil
	}
	b := rec.Value[min(nonceSize, len(rec.Value)):]
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return r, fmt.Errorf("platform: a record of kind %q is cut", t.prefix)
	}
	b = b[size:]
	if err := json.Unmarshal(b[:n], &r.value); err != nil {
		return r, fmt.Errorf("platform: a record of kind %q: %w", t.prefix, err)
	}
	r.blob = b[n:]
	return r, nil
}

// newVersion draws a first version from 1 to 2^52.
func newVersion() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])>>12) + 1
}
