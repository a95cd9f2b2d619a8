package storetest_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/oauthcore/oauthcore/store"
)

// meeting makes each write of the store take a while, and gives abort the outcome of those that meet another.
func (b *broken) meeting(abort func(method string, write func() error) error) {
	var writing atomic.Int32
	write := func(method string, f func() error) error {
		defer writing.Add(-1)
		met := writing.Add(1) > 1
		for range 4 {
			runtime.Gosched()
		}
		if met || writing.Load() > 1 {
			return abort(method, f)
		}
		return f()
	}
	b.create = func(ctx context.Context, r store.Record) error {
		return write("Create", func() error { return b.plain.Create(ctx, r) })
	}
	b.swap = func(ctx context.Context, r store.Record) error {
		return write("Swap", func() error { return b.plain.Swap(ctx, r) })
	}
	b.sweep = func(ctx context.Context, before int64, limit int) (n int, err error) {
		err = write("Sweep", func() (err error) { n, err = b.plain.Sweep(ctx, before, limit); return err })
		return n, err
	}
}

var errAborted = errors.New("could not serialize access (40001)")

var loadMutants = []mutant{
	{"Swap fails where the engine aborts it", func(b *broken) {
		b.meeting(func(method string, write func() error) error {
			if method == "Swap" {
				return errAborted
			}
			return write()
		})
	}, `Swap/OneWinner Swap/LosesNoUpdate Sweep/LeavesTheExtended? Handles/SeeWritesAtOnce? Handles/OneWinner Handles/LeaveNothing? Load/AllAtOnce`},
	{"Create fails where the engine aborts it", func(b *broken) {
		b.meeting(func(method string, write func() error) error {
			if method == "Create" {
				return errAborted
			}
			return write()
		})
	}, `Create/OneWinner List/PagesHoldUnderWrites Handles/SeeWritesAtOnce Handles/OneWinner Handles/LeaveNothing? Load/AllAtOnce`},
	{"Sweep fails where the engine aborts it", func(b *broken) {
		b.meeting(func(method string, write func() error) error {
			if method == "Sweep" {
				return errAborted
			}
			return write()
		})
	}, `List/PagesHoldUnderWrites Sweep/LeavesTheExtended? Handles/LeaveNothing? Load/AllAtOnce`},
	{"Create is lost where the engine aborts it", func(b *broken) {
		b.meeting(func(method string, write func() error) error {
			if method == "Create" {
				return nil
			}
			return write()
		})
	}, `Create/OneWinner Handles/SeeWritesAtOnce Handles/OneWinner Load/AllAtOnce`},
	{"replicas take turns", func(b *broken) {
		// The second lags, but only while a write is on its way.
		var reads atomic.Int64
		replica := newPlain()
		b.swap = func(ctx context.Context, r store.Record) error {
			old, ok := b.peek(r.Key)
			err := b.plain.Swap(ctx, r)
			if ok && err == nil {
				replica.set(old)
				for range 4 {
					runtime.Gosched()
				}
				now, _ := b.peek(r.Key)
				replica.set(now)
			}
			return err
		}
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			if reads.Add(1)%2 == 0 {
				for i := range rs {
					if r, ok := replica.peek(rs[i].Key); ok && rs[i].Version > 0 {
						rs[i] = r
					}
				}
			}
			return rs, err
		}
	}, `Get/IsNotTorn Load/AllAtOnce`},
	{"a Get of an absent key keeps its connection", func(b *broken) {
		pool := make(chan struct{}, 60)
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			select {
			case pool <- struct{}{}:
			default:
				return nil, errors.New("too many connections")
			}
			rs, err := b.plain.Get(ctx, keys...)
			for _, r := range rs {
				if r.Version == 0 {
					return rs, err
				}
			}
			<-pool
			return rs, err
		}
	}, `Get/ManyAtOnce Handles/LeaveNothing Load/AllAtOnce Handles/SeeWritesAtOnce Sweep/LeavesTheExtended?`},
	{"a call leaves a goroutine", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			go func() { <-context.WithoutCancel(ctx).Done() }()
			return b.plain.List(ctx, label, after, limit)
		}
	}, `Handles/LeaveNothing`},
}
