// Package boltstore is a [store.Store] over bbolt, written to show how little a store takes.
//
// # How little it takes
//
// What a database must bring is an atomic conditional write and keys that compare bytewise. bbolt has
// buckets of bytes in bytewise order, and transactions that are serializable and on disk when they return.
// So each of the five methods is one transaction, and what is left to write is:
//
//   - a form for a record in bytes (record.go), with its version, for Swap compares that;
//   - Create: [store.Record.Check], look, put;
//   - Swap: Check, look, compare the version, put;
//   - Get: look, and copy what is found, for the memory of a read is bbolt's;
//   - List: a bucket of "label\x00key", walked in its order from where the caller has come to;
//   - Sweep: a bucket of "expiry, key", walked up to the given time.
//
// Nothing of it knows what a grant, a code or a token is. The proof is in the package's test, which hands
// the store to package storetest in a few lines; the other tests there are about files.
//
// # Use
//
//	db, err := bolt.Open("oauth.bolt", 0o600, &bolt.Options{Timeout: time.Second})
//	records, err := boltstore.New(db)
//
// Without a Timeout a second process would wait for the file for ever. A write that returned nil is on disk,
// as far as the disk tells the truth, unless the DB's NoSync is set.
//
// # Design
//
// The indices are buckets of their own and change in the record's transaction, so they cannot disagree with
// it. A database without transactions over several keys writes label entries first and skips those whose
// record is not there; see store/redisstore.
//
// Expiry is indexed too, though a Swap that moves it then writes two entries more: what costs time is
// waiting for the disk, once for each transaction, and Sweep need not read what has not expired. Rejected:
// bbolt's Batch, which makes one transaction of several writes. It is faster for many writers and slower for
// one, and runs a function again when another of its batch failed. Writers here take turns, so a host that
// writes more often than its disk can sync wants another engine.
package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/oauthcore/oauthcore/store"
)

const maxPage = 1000 // records of one List

// Store keeps records in a bolt database, which may hold other things as well. It is safe for many
// goroutines. Two Stores on one DB are the same store; a file has one process at a time.
type Store struct {
	db   *bolt.DB
	turn chan struct{} // holds a token while someone writes
}

var _ store.Store = (*Store)(nil)

// buckets are the three of a transaction.
type buckets struct {
	records *bolt.Bucket // key to record
	labels  *bolt.Bucket // label, NUL and key to nothing: no key holds a NUL
	expiry  *bolt.Bucket // Expires in eight bytes and key to nothing; not for 0
}

var recordsName, labelsName, expiryName = []byte("oauth_records"), []byte("oauth_labels"), []byte("oauth_expiry")

// New returns the store in db, making its buckets if need be. Closing db remains the caller's.
func New(db *bolt.DB) (*Store, error) {
	err := db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{recordsName, labelsName, expiryName} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("boltstore: %w", err)
	}
	return &Store{db: db, turn: make(chan struct{}, 1)}, nil
}

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, r store.Record) error {
	if err := r.Check(); err != nil {
		return err
	}
	return s.update(ctx, func(b buckets) error {
		if b.records.Get([]byte(r.Key)) != nil {
			return store.ErrExists
		}
		for _, l := range r.Labels {
			if err := b.labels.Put(labelEntry(l, r.Key), nil); err != nil {
				return err
			}
		}
		return b.put(r)
	})
}

// Get implements [store.Store]. It is a snapshot, and takes any number of keys.
func (s *Store) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	rs := make([]store.Record, len(keys))
	err := s.view(ctx, func(b buckets) (err error) {
		for i, k := range keys {
			if rs[i], err = b.get(k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rs, nil
}

// Swap implements [store.Store].
func (s *Store) Swap(ctx context.Context, r store.Record) error {
	if err := r.Check(); err != nil {
		return err
	}
	return s.update(ctx, func(b buckets) error {
		old, err := b.get(r.Key)
		if err != nil {
			return err
		}
		if old.Version != r.Version { // 0 if it is absent
			return store.ErrConflict
		}
		if old.Expires != r.Expires {
			if err := b.expiry.Delete(expiryEntry(old.Expires, r.Key)); err != nil {
				return err
			}
		}
		r.Version, r.Labels = r.Version+1, old.Labels
		return b.put(r)
	})
}

// List implements [store.Store]. A page holds at most 1000 records.
func (s *Store) List(ctx context.Context, label, after string, limit int) (page []store.Record, next string, err error) {
	if limit < 1 {
		return nil, "", fmt.Errorf("boltstore: List with limit %d, want at least 1", limit)
	}
	limit = min(limit, maxPage)
	err = s.view(ctx, func(b buckets) error {
		prefix, from := labelEntry(label, ""), labelEntry(label, after)
		c := b.labels.Cursor()
		for e, _ := c.Seek(from); bytes.HasPrefix(e, prefix); e, _ = c.Next() {
			if bytes.Equal(e, from) {
				continue // the last of the page before
			}
			if len(page) == limit {
				next = page[limit-1].Key
				return nil
			}
			r, err := b.get(string(e[len(prefix):]))
			if err != nil {
				return err
			}
			page = append(page, r)
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return page, next, nil
}

// Sweep implements [store.Store].
func (s *Store) Sweep(ctx context.Context, before int64, limit int) (n int, err error) {
	if limit < 1 {
		return 0, fmt.Errorf("boltstore: Sweep with limit %d, want at least 1", limit)
	}
	err = s.update(ctx, func(b buckets) error {
		var expired []string // first looked up, then dropped: a cursor does not see what is deleted beside it
		c := b.expiry.Cursor()
		for e, _ := c.First(); e != nil && len(expired) < limit; e, _ = c.Next() {
			if int64(binary.BigEndian.Uint64(e)) >= before {
				break
			}
			expired = append(expired, string(e[8:]))
		}
		for _, key := range expired {
			if err := b.drop(key); err != nil {
				return err
			}
		}
		n = len(expired)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// view runs f in a transaction that reads.
func (s *Store) view(ctx context.Context, f func(buckets) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return mark(s.db.View(func(tx *bolt.Tx) error { return f(in(tx)) }))
}

// update runs f in a transaction that is on disk when update returns nil; if f fails there is no effect. A
// bolt database has one writer at a time and takes no context; who waits here for their turn may give up.
func (s *Store) update(ctx context.Context, f func(buckets) error) error {
	if err := ctx.Err(); err != nil {
		return err // select would choose at random
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return mark(s.db.Update(func(tx *bolt.Tx) error { return f(in(tx)) }))
}

// mark returns err, an engine's with the name of the package.
func mark(err error) error {
	if err == nil || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) {
		return err
	}
	return fmt.Errorf("boltstore: %w", err)
}

func in(tx *bolt.Tx) buckets {
	return buckets{records: tx.Bucket(recordsName), labels: tx.Bucket(labelsName), expiry: tx.Bucket(expiryName)}
}

// get returns a copy of the record of key; if it is absent, one with that key and nothing else.
func (b buckets) get(key string) (store.Record, error) {
	v := b.records.Get([]byte(key))
	if v == nil {
		return store.Record{Key: key}, nil
	}
	return decode(key, v)
}

// put stores r under its key, and its expiry.
func (b buckets) put(r store.Record) error {
	if r.Expires > 0 {
		if err := b.expiry.Put(expiryEntry(r.Expires, r.Key), nil); err != nil {
			return err
		}
	}
	return b.records.Put([]byte(r.Key), encode(r))
}

// drop removes the record of key and all its entries.
func (b buckets) drop(key string) error {
	r, err := b.get(key)
	if err != nil {
		return err
	}
	for _, l := range r.Labels {
		if err := b.labels.Delete(labelEntry(l, key)); err != nil {
			return err
		}
	}
	if err := b.expiry.Delete(expiryEntry(r.Expires, key)); err != nil {
		return err
	}
	return b.records.Delete([]byte(key))
}

func labelEntry(label, key string) []byte { return []byte(label + "\x00" + key) }

func expiryEntry(expires int64, key string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(expires)), key...)
}
