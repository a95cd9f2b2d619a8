package storetest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/oauthcore/oauthcore/store"
)

var createMutants = []mutant{
	{"Create overwrites", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if errors.Is(err, store.ErrExists) {
				b.set(r)
				err = nil
			}
			return err
		}
	}, `Create/TwiceIsErrExists Create/ErrExistsChangesNothing Create/ExistsAfterSwap Create/ExistsWhenExpired Create/OneWinner Handles/OneWinner`},
	{"Create overwrites and then says that the key exists", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if errors.Is(err, store.ErrExists) {
				b.set(r)
			}
			return err
		}
	}, `Create/ErrExistsChangesNothing Create/OneWinner Handles/OneWinner`},
	{"Create looks first and inserts then", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			if err := cmp.Or(ctx.Err(), r.Check()); err != nil {
				return err
			}
			if _, ok := b.peek(r.Key); ok {
				return store.ErrExists
			}
			runtime.Gosched()
			b.set(r)
			return nil
		}
	}, `Create/OneWinner Handles/OneWinner`},
	{"Create compares versions as well as keys", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if old, _ := b.peek(r.Key); errors.Is(err, store.ErrExists) && old.Version != r.Version {
				return nil // into a table whose primary key has both columns
			}
			return err
		}
	}, `Create/TwiceIsErrExists Create/ExistsAfterSwap Create/OneWinner Handles/OneWinner`},
	{"Create takes over what has expired", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if old, _ := b.peek(r.Key); errors.Is(err, store.ErrExists) && 0 < old.Expires && old.Expires < 1e9 {
				b.set(r)
				err = nil
			}
			return err
		}
	}, `Create/ExistsWhenExpired`},
	{"Create begins at version 1", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			if err := r.Check(); err != nil {
				return err
			}
			r.Version = 1
			return b.plain.Create(ctx, r)
		}
	}, `Create/IsRead Create/ErrExistsChangesNothing Create/ExistsAfterSwap Create/OneWinner ...`},
	{"Create keeps the slices it is given", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if err == nil {
				b.mu.Lock()
				b.m[r.Key] = r
				b.mu.Unlock()
			}
			return err
		}
	}, `Create/KeepsNoSlice`},
	{"Create orders the caller's labels", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			slices.Sort(r.Labels)
			return b.plain.Create(ctx, r)
		}
	}, `Create/ChangesNoArgument`},
	{"Create reports a conflict where the key exists", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if errors.Is(err, store.ErrExists) {
				err = store.ErrConflict
			}
			return err
		}
	}, `Create/TwiceIsErrExists Create/ExistsAfterSwap Create/ExistsWhenExpired Create/OneWinner Errors/SentinelsAreApart Handles/OneWinner Load/AllAtOnce? Handles/LeaveNothing`},
	{"the sentinels lose their identity", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if errors.Is(err, store.ErrExists) {
				err = fmt.Errorf("create: %v", err)
			}
			return err
		}
	}, `Create/TwiceIsErrExists Create/ExistsAfterSwap Create/ExistsWhenExpired Create/OneWinner Handles/OneWinner Load/AllAtOnce? Handles/LeaveNothing`},
}
