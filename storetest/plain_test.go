package storetest_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/oauthcore/oauthcore/store"
)

// plain is the simplest correct store: a map and a lock. The broken stores are made of it.
type plain struct {
	mu sync.Mutex
	m  map[string]store.Record
}

func newPlain() *plain { return &plain{m: make(map[string]store.Record)} }

func private(r store.Record) store.Record {
	r.Labels, r.Value = slices.Clone(r.Labels), slices.Clone(r.Value)
	return r
}

func (p *plain) Create(ctx context.Context, r store.Record) error {
	if err := cmp.Or(ctx.Err(), r.Check()); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.m[r.Key]; ok {
		return store.ErrExists
	}
	p.m[r.Key] = private(r)
	return nil
}

func (p *plain) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	rs := make([]store.Record, len(keys))
	for i, k := range keys {
		rs[i] = private(p.m[k])
		rs[i].Key = k
	}
	return rs, nil
}

func (p *plain) Swap(ctx context.Context, r store.Record) error {
	if err := cmp.Or(ctx.Err(), r.Check()); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	old, ok := p.m[r.Key]
	if !ok || old.Version != r.Version {
		return store.ErrConflict
	}
	p.replace(old, r)
	return nil
}

// replace stores what Swap replaces of old by r. The lock is held.
func (p *plain) replace(old, r store.Record) {
	old.Version++
	old.Expires, old.Value = r.Expires, slices.Clone(r.Value)
	p.m[r.Key] = old
}

func (p *plain) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	if limit < 1 {
		return nil, "", errors.New("plain: limit below 1")
	}
	return p.list(ctx, after, limit, func(r store.Record) bool { return slices.Contains(r.Labels, label) })
}

// list is List of the records that match.
func (p *plain) list(ctx context.Context, after string, limit int, match func(store.Record) bool) (page []store.Record, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(p.m)) {
		if k <= after || !match(p.m[k]) {
			continue
		}
		if len(page) == limit {
			return page, page[limit-1].Key, nil
		}
		page = append(page, private(p.m[k]))
	}
	return page, "", nil
}

func (p *plain) Sweep(ctx context.Context, before int64, limit int) (int, error) {
	if limit < 1 {
		return 0, errors.New("plain: limit below 1")
	}
	return p.sweep(ctx, limit, func(r store.Record) bool { return 0 < r.Expires && r.Expires < before })
}

// sweep drops at most limit of the records that match.
func (p *plain) sweep(ctx context.Context, limit int, match func(store.Record) bool) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, r := range p.m {
		if n < limit && match(r) {
			delete(p.m, k)
			n++
		}
	}
	return n, nil
}
