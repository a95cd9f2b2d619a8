package oauth_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/store"
)

// interceptor counts the calls of a store, and asks before each whether it should fail.
type interceptor struct {
	store.Store
	get          func(keys []string) error
	create, swap func(store.Record) error

	reads, writes atomic.Int64
}

// wrap puts s before the store of a host.
func (s *interceptor) wrap(c *oauth.Config) { s.Store, c.Store = c.Store, s }

// unwritten checks that f writes nothing.
func (s *interceptor) unwritten(t testing.TB, f func()) {
	t.Helper()
	before := s.writes.Load()
	f()
	if n := s.writes.Load() - before; n != 0 {
		t.Errorf("%d writes, want none", n)
	}
}

var errDown = errors.New("the database is down")

func (s *interceptor) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	s.reads.Add(1)
	if s.get != nil {
		if err := s.get(keys); err != nil {
			return nil, err
		}
	}
	return s.Store.Get(ctx, keys...)
}

func (s *interceptor) Create(ctx context.Context, r store.Record) error {
	s.writes.Add(1)
	if s.create != nil {
		if err := s.create(r); err != nil {
			return err
		}
	}
	return s.Store.Create(ctx, r)
}

func (s *interceptor) Swap(ctx context.Context, r store.Record) error {
	s.writes.Add(1)
	if s.swap != nil {
		if err := s.swap(r); err != nil {
			return err
		}
	}
	return s.Store.Swap(ctx, r)
}
