package storetest_test

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

// broken is a plain store with one fault: the methods that are not nil replace those of plain.
type broken struct {
	*plain
	*clock
	create func(context.Context, store.Record) error
	get    func(context.Context, ...string) ([]store.Record, error)
	swap   func(context.Context, store.Record) error
	list   func(context.Context, string, string, int) ([]store.Record, string, error)
	sweep  func(context.Context, int64, int) (int, error)
}

func (b *broken) Create(ctx context.Context, r store.Record) error {
	if b.create != nil {
		return b.create(ctx, r)
	}
	return b.plain.Create(ctx, r)
}

func (b *broken) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if b.get != nil {
		return b.get(ctx, keys...)
	}
	return b.plain.Get(ctx, keys...)
}

func (b *broken) Swap(ctx context.Context, r store.Record) error {
	if b.swap != nil {
		return b.swap(ctx, r)
	}
	return b.plain.Swap(ctx, r)
}

func (b *broken) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	if b.list != nil {
		return b.list(ctx, label, after, limit)
	}
	return b.plain.List(ctx, label, after, limit)
}

func (b *broken) Sweep(ctx context.Context, before int64, limit int) (int, error) {
	if b.sweep != nil {
		return b.sweep(ctx, before, limit)
	}
	return b.plain.Sweep(ctx, before, limit)
}

// set stores r whatever is there.
func (p *plain) set(r store.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m[r.Key] = private(r)
}

// peek returns the record of key.
func (p *plain) peek(key string) (store.Record, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.m[key]
	return private(r), ok
}

// writes makes the store change each good record before it is written.
func (b *broken) writes(change func(*store.Record)) {
	b.create = func(ctx context.Context, r store.Record) error {
		if err := r.Check(); err != nil {
			return err
		}
		change(&r)
		return b.plain.Create(ctx, r)
	}
	b.swap = func(ctx context.Context, r store.Record) error {
		if err := r.Check(); err != nil {
			return err
		}
		change(&r)
		return b.plain.Swap(ctx, r)
	}
}

// values makes the store change each good value before it is written.
func (b *broken) values(change func([]byte) []byte) {
	b.writes(func(r *store.Record) { r.Value = change(r.Value) })
}

// keys makes the store use another key for each good one, and give back the one it was given.
func (b *broken) keys(change func(string) string) {
	b.writes(func(r *store.Record) { r.Key = change(r.Key) })
	b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
		own := slices.Clone(keys)
		for i := range own {
			own[i] = change(own[i])
		}
		rs, err := b.plain.Get(ctx, own...)
		for i := range rs {
			rs[i].Key = keys[i]
		}
		return rs, err
	}
}

// matches reports whether text is like pattern, in which an underscore stands for any character.
func matches(pattern, text string) bool {
	if len(pattern) != len(text) {
		return false
	}
	for i := range len(text) {
		if text[i] != pattern[i] && pattern[i] != '_' {
			return false
		}
	}
	return true
}

// clock is the time of a broken store. It goes on when a case sleeps, so that none has to.
type clock struct{ ahead atomic.Int64 }

func (c *clock) sleep(d time.Duration) { c.ahead.Add(int64(d)) }
func (c *clock) now() time.Time        { return time.Now().Add(time.Duration(c.ahead.Load())) }

// mutant is a fault and the cases that must fail for it.
type mutant struct {
	fault string
	make  func(*broken)
	fails string // the names; one that ends in ? may fail, for there the fault is a race; ... is almost all
}

var mutants = slices.Concat(createMutants, getMutants, swapMutants, valueMutants, listMutants, sweepMutants, expiryMutants,
	callMutants, loadMutants)

func named(fault string) mutant {
	return mutants[slices.IndexFunc(mutants, func(m mutant) bool { return m.fault == fault })]
}
