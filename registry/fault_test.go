package registry_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

var errFault = errors.New("connection lost")

// faulty is a memory store that counts calls and can fail them.
type faulty struct {
	store.Store

	mu     sync.Mutex
	calls  []string                                                       // method and key or label of each, since reset
	at     int                                                            // the call that fails, from 1; 0: none
	until  int                                                            // and all up to this one
	after  bool                                                           // it has its effect and then fails
	before func(ctx context.Context, method, key string, r *store.Record) // called before each call
}

func newFaulty() *faulty { return &faulty{Store: memory.New()} }

func (s *faulty) fail(at, until int, after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.at, s.until, s.after = nil, at, until, after
}

func (s *faulty) call(ctx context.Context, method, key string, r *store.Record, do func() error) error {
	s.mu.Lock()
	s.calls = append(s.calls, method+" "+key)
	n, before := len(s.calls), s.before
	s.mu.Unlock()
	if before != nil {
		before(ctx, method, key, r)
	}
	s.mu.Lock()
	fails, after := s.at > 0 && n >= s.at && n <= s.until, s.after
	s.mu.Unlock()
	if fails && !after {
		return errFault
	}
	err := do()
	if fails {
		return errFault
	}
	return err
}

func (s *faulty) Create(ctx context.Context, r store.Record) error {
	return s.call(ctx, "Create", r.Key, &r, func() error { return s.Store.Create(ctx, r) })
}

func (s *faulty) Swap(ctx context.Context, r store.Record) error {
	return s.call(ctx, "Swap", r.Key, &r, func() error { return s.Store.Swap(ctx, r) })
}

func (s *faulty) Get(ctx context.Context, keys ...string) (rs []store.Record, err error) {
	err = s.call(ctx, "Get", keys[0], nil, func() error { rs, err = s.Store.Get(ctx, keys...); return err })
	return rs, err
}

func (s *faulty) List(ctx context.Context, label, after string, limit int) (rs []store.Record, next string, err error) {
	err = s.call(ctx, "List", label, nil, func() error { rs, next, err = s.Store.List(ctx, label, after, limit); return err })
	return rs, next, err
}

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newRegistry returns a registry over s that begins at start.
func newRegistry(t testing.TB, s store.Store) (*registry.Registry, *clock) {
	t.Helper()
	c := &clock{now: start}
	r, err := registry.New(registry.Config{Store: s, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}
