package storetest_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/storetest"
)

// handleMutant is a fault that shows between two stores, two handles, or at the end of one.
type handleMutant struct {
	fault string
	make  func() (newStore func(testing.TB) store.Store, o *storetest.Options)
	fails string // as those of mutant
}

// closable is a plain store with a Close. The methods of a broken store replace its own.
type closable struct {
	broken
	close func() error
}

func (c *closable) Close() error { return c.close() }

// closing returns a handleMutant's stores: make breaks each and returns its Close.
func closing(make func(*broken) func() error) func() (func(testing.TB) store.Store, *storetest.Options) {
	return func() (func(testing.TB) store.Store, *storetest.Options) {
		return func(testing.TB) store.Store {
			c := &closable{broken: broken{plain: newPlain()}}
			c.close = make(&c.broken)
			return c
		}, &storetest.Options{Reopen: sameHandle}
	}
}

var errClosed = errors.New("closed")

// end gives all methods of b an answer for after its Close.
func (b *broken) end(err error) {
	b.create = func(context.Context, store.Record) error { return err }
	b.get = func(context.Context, ...string) ([]store.Record, error) { return nil, err }
	b.swap = func(context.Context, store.Record) error { return err }
	b.list = func(context.Context, string, string, int) ([]store.Record, string, error) { return nil, "", err }
	b.sweep = func(context.Context, int64, int) (int, error) { return 0, err }
}

// second returns stores of which the first handle is right and the second is broken.
func second(make func(*broken)) func() (func(testing.TB) store.Store, *storetest.Options) {
	return func() (func(testing.TB) store.Store, *storetest.Options) {
		return newPlainStore, &storetest.Options{Reopen: func(_ testing.TB, s store.Store) store.Store {
			b := &broken{plain: s.(*plain)}
			make(b)
			return b
		}}
	}
}

var handleMutants = []handleMutant{
	{"two stores are one", func() (func(testing.TB) store.Store, *storetest.Options) {
		var mu sync.Mutex
		stores := make(map[testing.TB]store.Store)
		return func(t testing.TB) store.Store {
			mu.Lock()
			defer mu.Unlock()
			if stores[t] == nil {
				stores[t] = newPlain()
			}
			return stores[t]
		}, &storetest.Options{Reopen: sameHandle}
	}, `Stores/AreApart`},
	{"Sweep reaches into other stores", func() (func(testing.TB) store.Store, *storetest.Options) {
		var mu sync.Mutex
		stores := make(map[testing.TB][]*plain)
		return func(t testing.TB) store.Store {
			mu.Lock()
			defer mu.Unlock()
			b := &broken{plain: newPlain()}
			stores[t] = append(stores[t], b.plain)
			b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
				mu.Lock()
				others := stores[t]
				mu.Unlock()
				for _, p := range others {
					if p != b.plain {
						_, _ = p.Sweep(ctx, before, limit)
					}
				}
				return b.plain.Sweep(ctx, before, limit)
			}
			return b
		}, &storetest.Options{Reopen: sameHandle}
	}, `Stores/AreApart`},
	{"a second handle reads what was there a write ago", second(func(b *broken) {
		replica := newPlain()
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := replica.Get(ctx, keys...)
			for _, k := range keys {
				if r, ok := b.peek(k); ok {
					replica.set(r)
				}
			}
			return rs, err
		}
	}), `Handles/SeeWritesAtOnce Load/AllAtOnce`},
	{"a second handle has a lock of its own", second(func(b *broken) {
		named("Swap compares and writes in two steps").make(b)
	}), `Handles/OneWinner Load/AllAtOnce?`},
	{"a closed store panics", closing(func(b *broken) func() error {
		return func() error {
			b.get = func(context.Context, ...string) ([]store.Record, error) { panic("the pool is nil") }
			return nil
		}
	}), `Handles/ClosedIsAnError`},
	{"a closed store goes on", closing(func(b *broken) func() error {
		return func() error { return nil }
	}), `Handles/ClosedIsAnError`},
	{"a closed store is empty", closing(func(b *broken) func() error {
		return func() error {
			b.end(nil)
			return nil
		}
	}), `Handles/ClosedIsAnError`},
	{"a closed store refuses writes as conflicts", closing(func(b *broken) func() error {
		return func() error {
			b.end(errClosed)
			b.swap = func(context.Context, store.Record) error { return store.ErrConflict }
			return nil
		}
	}), `Handles/ClosedIsAnError`},
	{"Close leaves a goroutine", closing(func(b *broken) func() error {
		go func() { select {} }()
		return func() error {
			b.end(errClosed)
			return nil
		}
	}), `Handles/LeaveNothing`},
	{"Close fails", closing(func(b *broken) func() error {
		return func() error {
			b.end(errClosed)
			return errors.New("a connection is in use")
		}
	}), `Handles/ClosedIsAnError Handles/LeaveNothing`},
}
