package storetest_test

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/oauthcore/oauthcore/store"
)

var sweepMutants = []mutant{
	{"Sweep drops what never expires", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			if limit < 1 {
				return 0, errors.New("limit")
			}
			return b.plain.sweep(ctx, limit, func(r store.Record) bool { return r.Expires < before })
		}
	}, `List/CursorOutlivesItsRecord List/SkipsTheSwept List/PagesHoldBetweenWrites List/PagesHoldUnderWrites? Sweep/DropsWhatExpired Sweep/NeverDropsZero Load/AllAtOnce?`},
	{"Sweep drops one second too much", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			return b.plain.Sweep(ctx, before+1, limit)
		}
	}, `Sweep/DropsWhatExpired`},
	{"Sweep leaves the last second", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			return b.plain.Sweep(ctx, before-1, limit)
		}
	}, `Sweep/DropsWhatExpired`},
	{"Sweep has no limit", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			if limit > 0 {
				limit = 1 << 20
			}
			return b.plain.Sweep(ctx, before, limit)
		}
	}, `Sweep/AtMostLimit Load/AllAtOnce?`},
	{"Sweep takes no limit for all", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			if limit < 1 {
				limit = 1 << 20
			}
			return b.plain.Sweep(ctx, before, limit)
		}
	}, `Sweep/LimitBelowOne`},
	{"Sweep counts what it did not drop", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			n, err := b.plain.Sweep(ctx, before, limit)
			if n > 0 {
				n = limit
			}
			return n, err
		}
	}, `Sweep/DropsWhatExpired Sweep/AtMostLimit`},
	{"Sweep selects and then deletes by key", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (n int, err error) {
			if err := ctx.Err(); err != nil || limit < 1 {
				return 0, cmp.Or(err, errors.New("limit"))
			}
			b.mu.Lock()
			var keys []string
			for k, r := range b.m {
				if len(keys) < limit && 0 < r.Expires && r.Expires < before {
					keys = append(keys, k)
				}
			}
			b.mu.Unlock()
			for _, k := range keys {
				runtime.Gosched()
				b.mu.Lock()
				if _, ok := b.m[k]; ok {
					delete(b.m, k)
					n++
				}
				b.mu.Unlock()
			}
			return n, nil
		}
	}, `Sweep/LeavesTheExtended`},
	{"Sweep goes by the expiry of Create", func(b *broken) {
		var mu sync.Mutex
		created := make(map[string]int64)
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				created[r.Key] = r.Expires
			}
			return err
		}
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			if limit < 1 {
				return 0, errors.New("limit")
			}
			mu.Lock()
			defer mu.Unlock()
			return b.plain.sweep(ctx, limit, func(r store.Record) bool { return 0 < created[r.Key] && created[r.Key] < before })
		}
	}, `Sweep/NeverDropsZero Sweep/UsesTheLatestExpires Sweep/LeavesTheExtended?`},
	{"a record goes a while before it expires", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if r.Expires > 0 && err == nil {
				_, err = b.plain.sweep(ctx, 1<<20, func(r store.Record) bool { return 0 < r.Expires && r.Expires < later(10) })
			}
			return err
		}
	}, `Expires/NotEarly Expires/AsTimePasses`},
}
