package proof_test

import (
	"context"
	"errors"
	"sync"

	"github.com/oauthcore/oauthcore/store"
)

// weaknesses are ways to get a store wrong that only faults and races show.
var weaknesses = map[string]func(store.Store) store.Store{
	"":         func(s store.Store) store.Store { return s },
	"stubborn": func(s store.Store) store.Store { return stubborn{s} },
	"optimist": func(s store.Store) store.Store { return optimist{s} },
	"lazy":     func(s store.Store) store.Store { return &lazy{Store: s} },
}

func weaken(name string, s store.Store) store.Store {
	f, ok := weaknesses[name]
	if !ok {
		panic("no such weakness: " + name)
	}
	return f(s)
}

// stubborn reads the version again when another write came first, and writes over that.
type stubborn struct{ store.Store }

func (s stubborn) Swap(ctx context.Context, r store.Record) error {
	for {
		err := s.Store.Swap(ctx, r)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		rs, err := s.Get(ctx, r.Key)
		if err != nil {
			return err
		}
		r.Version = rs[0].Version
	}
}

// optimist takes the loss of a connection for a success.
type optimist struct{ store.Store }

func (s optimist) Create(ctx context.Context, r store.Record) error {
	if err := s.Store.Create(ctx, r); errors.Is(err, store.ErrExists) {
		return err
	}
	return nil
}

func (s optimist) Swap(ctx context.Context, r store.Record) error {
	if err := s.Store.Swap(ctx, r); errors.Is(err, store.ErrConflict) {
		return err
	}
	return nil
}

// lazy makes each swap when the next one comes, and answers from memory until then.
type lazy struct {
	store.Store
	mu   sync.Mutex
	late store.Record // as it will be; Version 0: none
}

func (s *lazy) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rs, err := s.Store.Get(ctx, keys...)
	for i := range rs {
		if rs[i].Key == s.late.Key && s.late.Version != 0 {
			rs[i] = s.late
		}
	}
	return rs, err
}

func (s *lazy) Swap(ctx context.Context, r store.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.late.Version != 0 {
		late := s.late
		late.Version--
		if err := s.Store.Swap(ctx, late); err != nil {
			return err
		}
		s.late = store.Record{}
	}
	rs, err := s.Store.Get(ctx, r.Key)
	if err != nil {
		return err
	}
	if rs[0].Version != r.Version {
		return store.ErrConflict
	}
	s.late = r
	s.late.Version++
	return nil
}
