package storetest_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"

	"github.com/oauthcore/oauthcore/store"
)

var swapMutants = []mutant{
	{"Swap ignores the version", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if old, ok := b.peek(r.Key); ok && r.Version > 0 {
				r.Version = old.Version
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Swap/StaleVersionConflicts Swap/FutureVersionConflicts Swap/SecondReaderConflicts Swap/AgainConflicts Swap/OneWinner Swap/LosesNoUpdate? Swap/CreatedAgainIsAnother Record/VersionHas53Bits Handles/OneWinner Load/AllAtOnce?`},
	{"Swap accepts what is ahead", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if old, ok := b.peek(r.Key); ok && r.Version > old.Version {
				r.Version = old.Version
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Swap/FutureVersionConflicts Load/AllAtOnce?`},
	{"Swap compares and writes in two steps", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if err := cmp.Or(ctx.Err(), r.Check()); err != nil {
				return err
			}
			old, ok := b.peek(r.Key)
			if !ok || old.Version != r.Version {
				return store.ErrConflict
			}
			runtime.Gosched()
			b.mu.Lock()
			defer b.mu.Unlock()
			b.replace(old, r)
			return nil
		}
	}, `Swap/OneWinner Swap/LosesNoUpdate Sweep/LeavesTheExtended? Handles/OneWinner Load/AllAtOnce?`},
	{"Swap inserts what is absent", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if err := cmp.Or(ctx.Err(), r.Check()); err != nil {
				return err
			}
			if _, ok := b.peek(r.Key); !ok {
				r.Version++
				b.set(r)
				return nil
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Swap/AbsentConflicts Swap/SweptStaysAway Load/AllAtOnce?`},
	{"Swap calls an absent record a success", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			err := b.plain.Swap(ctx, r)
			if _, ok := b.peek(r.Key); !ok && errors.Is(err, store.ErrConflict) {
				err = nil // no rows affected
			}
			return err
		}
	}, `Swap/AbsentConflicts Swap/SweptStaysAway Sweep/LeavesTheExtended? Load/AllAtOnce?`},
	{"Swap takes an identical value for a conflict", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if old, ok := b.peek(r.Key); ok && old.Version == r.Version && old.Expires == r.Expires && bytes.Equal(old.Value, r.Value) {
				return store.ErrConflict // no rows changed
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Create/VersionIsTheCallers Get/HasNoEffect Swap/IdenticalCounts Swap/LeavesLabels Expires/Exact Record/VersionHas53Bits Record/BeyondTheLimits Expires/NoTimeZone`},
	{"Swap of an identical value adds nothing", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if old, ok := b.peek(r.Key); ok && old.Version == r.Version && old.Expires == r.Expires && bytes.Equal(old.Value, r.Value) {
				return ctx.Err()
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Create/VersionIsTheCallers Swap/OneWinner? Swap/IdenticalCounts Swap/LeavesLabels Expires/Exact Record/VersionHas53Bits Record/BeyondTheLimits Handles/OneWinner? Expires/NoTimeZone`},
	{"Swap leaves the expiry of Create", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if err := r.Check(); err != nil {
				return err
			}
			if old, ok := b.peek(r.Key); ok {
				r.Expires = old.Expires
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Swap/AddsOne Swap/MovesExpires Sweep/NeverDropsZero Sweep/UsesTheLatestExpires Sweep/LeavesTheExtended? Expires/SwapAfterIt Expires/AsTimePasses Stores/AreApart`},
	{"Swap sets labels", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			err := b.plain.Swap(ctx, r)
			if err == nil {
				now, _ := b.peek(r.Key)
				now.Labels = r.Labels
				b.set(now)
			}
			return err
		}
	}, `Swap/LosesNoUpdate? Swap/LeavesLabels Load/AllAtOnce?`},
	{"Swap keeps the slice it is given", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			err := b.plain.Swap(ctx, r)
			if err == nil {
				b.mu.Lock()
				defer b.mu.Unlock()
				now := b.m[r.Key]
				now.Value = r.Value
				b.m[r.Key] = now
			}
			return err
		}
	}, `Swap/LosesNoUpdate? Swap/KeepsNoSlice Load/AllAtOnce?`},
	{"Swap orders the caller's labels", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			slices.Sort(r.Labels)
			return b.plain.Swap(ctx, r)
		}
	}, `Swap/ChangesNoArgument`},
	{"Swap reports a conflict as existence", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			err := b.plain.Swap(ctx, r)
			if errors.Is(err, store.ErrConflict) {
				err = store.ErrExists
			}
			return err
		}
	}, `Swap/StaleVersionConflicts Swap/FutureVersionConflicts Swap/SecondReaderConflicts Swap/AgainConflicts Swap/AbsentConflicts Swap/OneWinner Swap/LosesNoUpdate? Swap/SweptStaysAway Swap/CreatedAgainIsAnother Sweep/LeavesTheExtended? Record/VersionHas53Bits Errors/SentinelsAreApart Handles/OneWinner Load/AllAtOnce? Handles/LeaveNothing`},
	{"Swap is sent again by the driver", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			err := b.plain.Swap(ctx, r)
			if errors.Is(err, store.ErrConflict) {
				if now, ok := b.peek(r.Key); ok && now.Version == r.Version+1 {
					return nil // it must have been mine
				}
			}
			return err
		}
	}, `Swap/StaleVersionConflicts Swap/SecondReaderConflicts Swap/AgainConflicts Swap/OneWinner Swap/LosesNoUpdate? Record/VersionHas53Bits Handles/OneWinner Load/AllAtOnce?`},
}
