package storetest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/oauthcore/oauthcore/store"
)

var callMutants = []mutant{
	{"a context that is done is ignored", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error { return b.plain.Swap(context.WithoutCancel(ctx), r) }
	}, `Context/DoneBeforeTheCall Context/DoneIsNoSentinel`},
	{"a context that is done is noticed after the write", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			if err := b.plain.Create(context.WithoutCancel(ctx), r); err != nil && !errors.Is(err, store.ErrExists) {
				return err
			} else if ctx.Err() == nil {
				return err
			}
			return ctx.Err()
		}
	}, `Context/DoneBeforeTheCall`},
	{"an error prints its arguments", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if err := b.plain.Swap(ctx, r); err != nil {
				return fmt.Errorf("update with %q: %w", r.Value, err)
			}
			return nil
		}
	}, `Errors/HoldNoValue`},
}
