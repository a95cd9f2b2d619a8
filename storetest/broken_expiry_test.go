package storetest_test

import (
	"context"
	"sync"
	"time"
	_ "time/tzdata"

	"github.com/oauthcore/oauthcore/store"
)

// wall makes the store keep times as a clock on a wall in zone shows them.
func (b *broken) wall(zone string) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	b.writes(func(r *store.Record) {
		if r.Expires > 0 {
			t := time.Unix(r.Expires, 0).In(loc)
			r.Expires = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, loc).Unix()
		}
	})
}

// ends makes an engine that drops records itself, at the times in ends, by its own clock.
func (b *broken) ends(renew func(ends map[string]int64, r store.Record)) {
	var mu sync.Mutex
	ends := make(map[string]int64)
	b.create = func(ctx context.Context, r store.Record) error {
		err := b.plain.Create(ctx, r)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			ends[r.Key] = r.Expires
		}
		return err
	}
	b.swap = func(ctx context.Context, r store.Record) error {
		err := b.plain.Swap(ctx, r)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			renew(ends, r)
		}
		return err
	}
	gone := func(r store.Record) bool { return 0 < ends[r.Key] && ends[r.Key] <= b.now().Unix() }
	drop := func(ctx context.Context) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = b.plain.sweep(ctx, 1<<20, gone)
	}
	b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
		drop(ctx)
		return b.plain.Get(ctx, keys...)
	}
	b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
		drop(ctx)
		return b.plain.List(ctx, label, after, limit)
	}
}

var expiryMutants = []mutant{
	{"the engine drops by the expiry of Create", func(b *broken) {
		b.ends(func(map[string]int64, store.Record) {})
	}, `Expires/AsTimePasses`},
	{"the engine drops what was made to stay", func(b *broken) {
		b.ends(func(ends map[string]int64, r store.Record) {
			if r.Expires > 0 {
				ends[r.Key] = r.Expires
			}
		})
	}, `Expires/AsTimePasses`},
	{"the engine drops values before records", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			for i, r := range rs {
				if 1e9 < r.Expires && r.Expires <= b.now().Unix() {
					rs[i].Value = nil
				}
			}
			return rs, err
		}
	}, `Expires/AsTimePasses`},
	{"times are those of Berlin", func(b *broken) { b.wall("Europe/Berlin") }, `Expires/NoTimeZone`},
	{"times are those of New York", func(b *broken) { b.wall("America/New_York") }, `Expires/NoTimeZone`},
	{"times are those of Lord Howe Island", func(b *broken) { b.wall("Australia/Lord_Howe") }, `Expires/NoTimeZone`},
}
