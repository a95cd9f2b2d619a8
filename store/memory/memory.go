// Package memory is a [store.Store] in the process's own memory, for tests and for single servers that
// may forget. It is as strict as a database: what it refuses, PostgreSQL may refuse, and what it returns
// is private to the caller.
//
// # Design
//
// Records lie in 64 maps with a lock each, chosen by the key, so that the cores of a large machine rarely
// wait for each other; the number is fixed, which makes the zero Store ready to use. Values are kept as
// strings: immutable, they are copied once on the way in and once on the way out, the latter outside the
// lock. A map holds its records in place, not by pointer, for there may be millions of grants and the
// garbage collector looks at each pointer.
//
// An index per label, in 64 maps of its own, holds the keys in order. A record's labels enter and leave the
// index under the lock of the record, so a key that is dropped and created at once is never lost from it.
// The locks are taken in that order, record before label; List takes them one after the other and skips
// what has gone in between. A tree of a library was no choice and one ordered slice would make dropping
// many records quadratic, so a label's keys lie in a list of short slices.
package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/oauthcore/oauthcore/store"
)

const (
	shards  = 64 // a power of two
	maxKeys = 16 // of one Get
	maxPage = 1000
)

// Store keeps records in memory and is safe for many goroutines. The zero value is an empty store. A
// Store must not be copied.
type Store struct {
	records [shards]shard
	labels  [shards]index
	swept   atomic.Uint32 // the shard at which the last Sweep stopped
}

var _ store.Store = (*Store)(nil)

// shard is the records of some of the keys.
type shard struct {
	mu      sync.RWMutex
	records map[string]record
	_       [32]byte // keeps the locks of two shards off one cache line
}

// record is a [store.Record] as a shard keeps it, under its key.
type record struct {
	version int64
	expires int64
	value   string
	labels  []string // never changed
}

// New returns an empty store.
func New() *Store { return new(Store) }

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, r store.Record) error {
	if err := before(ctx, r); err != nil {
		return err
	}
	rec := record{version: r.Version, expires: r.Expires, value: string(r.Value), labels: slices.Clone(r.Labels)}

	sh := s.shard(r.Key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if _, ok := sh.records[r.Key]; ok {
		return store.ErrExists
	}
	if sh.records == nil {
		sh.records = make(map[string]record)
	}
	sh.records[r.Key] = rec
	for _, l := range rec.labels {
		s.index(l).add(l, r.Key)
	}
	return nil
}

// Get implements [store.Store]. No keys, more than 16, one twice, or one that is not of the form of a
// key are errors.
func (s *Store) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(keys) < 1 || len(keys) > maxKeys {
		return nil, fmt.Errorf("memory: Get of %d keys, want 1 to %d", len(keys), maxKeys)
	}
	rs := make([]store.Record, len(keys))
	for i, k := range keys {
		if err := checkName(k); err != nil {
			return nil, err
		}
		if slices.Contains(keys[:i], k) {
			return nil, errors.New("memory: Get of the same key twice")
		}
		rs[i], _ = s.get(k)
	}
	return rs, nil
}

// get returns the record of key; if it is absent, one with that key and nothing else.
func (s *Store) get(key string) (r store.Record, ok bool) {
	sh := s.shard(key)
	sh.mu.RLock()
	rec, ok := sh.records[key]
	sh.mu.RUnlock()
	r.Key = key
	if ok {
		r.Version, r.Expires = rec.version, rec.expires
		r.Labels, r.Value = slices.Clone(rec.labels), []byte(rec.value)
	}
	return r, ok
}

// Swap implements [store.Store].
func (s *Store) Swap(ctx context.Context, r store.Record) error {
	if err := before(ctx, r); err != nil {
		return err
	}
	value := string(r.Value)

	sh := s.shard(r.Key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	rec, ok := sh.records[r.Key]
	if !ok || rec.version != r.Version {
		return store.ErrConflict
	}
	rec.version++
	rec.expires, rec.value = r.Expires, value
	sh.records[r.Key] = rec
	return nil
}

// List implements [store.Store]. A page holds at most 1000 records.
func (s *Store) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if err := checkName(label); err != nil {
		return nil, "", err
	}
	if limit < 1 {
		return nil, "", fmt.Errorf("memory: List with limit %d, want at least 1", limit)
	}
	keys, more := s.index(label).page(label, after, min(limit, maxPage))
	rs := make([]store.Record, 0, len(keys))
	for _, k := range keys {
		if r, ok := s.get(k); ok && slices.Contains(r.Labels, label) {
			rs = append(rs, r)
		}
	}
	if !more {
		return rs, "", nil
	}
	return rs, keys[len(keys)-1], nil
}

// Sweep implements [store.Store]. It goes round the records from where the last one stopped.
func (s *Store) Sweep(ctx context.Context, before int64, limit int) (int, error) {
	if limit < 1 {
		return 0, fmt.Errorf("memory: Sweep with limit %d, want at least 1", limit)
	}
	n, start := 0, s.swept.Load()
	for i := range uint32(shards) {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		at := (start + i) % shards
		s.swept.Store(at)
		if n += s.sweep(&s.records[at], before, limit-n); n == limit {
			break
		}
	}
	return n, nil
}

// sweep drops at most limit records of one shard.
func (s *Store) sweep(sh *shard, before int64, limit int) (n int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for k, rec := range sh.records {
		if n == limit {
			break
		}
		if 0 < rec.expires && rec.expires < before {
			delete(sh.records, k)
			for _, l := range rec.labels {
				s.index(l).remove(l, k)
			}
			n++
		}
	}
	return n
}

func (s *Store) shard(key string) *shard   { return &s.records[hash(key)%shards] }
func (s *Store) index(label string) *index { return &s.labels[hash(label)%shards] }

// hash is FNV-1a. It needs no seed: keys are random or hashes, chosen by the library.
func hash(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

// before is what a write checks first.
func before(ctx context.Context, r store.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.Check()
}

// checkName returns an error if name is not of the form of a key or label. Nothing can be there under such
// a name, but a database may refuse to be asked, so a caller who asks should learn it here.
func checkName(name string) error { return store.Record{Key: name, Version: 1}.Check() }
