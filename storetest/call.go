package storetest

import (
	"context"
	"errors"
	"strings"

	"github.com/oauthcore/oauthcore/store"
)

var callRules = []rule{
	{
		name: "Context/DoneBeforeTheCall",
		text: "A method that is called with a context that is done returns its error, by errors.Is, and has no effect.",
		check: func(c *tester) {
			r := rec("key", "first", "label")
			r.Expires = 4102444800
			c.create(r)
			ctx := cancelled(c.Context())
			for _, m := range c.methods(r, "new") {
				c.wantErr(m.name+" with a context that is done", m.call(ctx), context.Canceled)
			}
			c.want("after the calls", r)
			c.absent("after the calls", "new")
			c.wantList("after the calls", "label", "key")
		},
	},
	{
		name: "Context/DoneIsNoSentinel",
		text: "The error for a context that is done is neither ErrExists nor ErrConflict, whatever is stored.",
		check: func(c *tester) {
			r := rec("key", "first")
			c.create(r)
			ctx := cancelled(c.Context())
			stale := r
			stale.Version--
			for name, err := range map[string]error{
				"Create of a key that is there": c.s.Create(ctx, r),
				"Swap at a stale version":       c.s.Swap(ctx, stale),
				"Swap of an absent key":         c.s.Swap(ctx, rec("missing", "value")),
			} {
				if err == nil || refused(err) {
					c.Errorf("%s with a context that is done = %v, want the context's error alone", name, err)
				}
			}
		},
	},
	{
		name: "Errors/SentinelsAreApart",
		text: "ErrExists is not ErrConflict: each means one thing.",
		check: func(c *tester) {
			r := rec("key", "first")
			c.create(r)
			if err := c.s.Create(c.Context(), r); errors.Is(err, store.ErrConflict) {
				c.Errorf("Create of a key that is there = %v, which is also %v", err, store.ErrConflict)
			}
			r.Version--
			if err := c.s.Swap(c.Context(), r); errors.Is(err, store.ErrExists) {
				c.Errorf("Swap at a stale version = %v, which is also %v", err, store.ErrExists)
			}
		},
	},
	{
		name: "Errors/HoldNoValue",
		text: "No error prints a value, for errors are logged.",
		check: func(c *tester) {
			const mark = "c2VjcmV0LW9mLWEtZ3JhbnQ"
			r := rec("key", mark)
			c.create(r)
			stale, long := r, next(r, strings.Repeat(mark, 3000))
			stale.Version--
			for name, err := range map[string]error{
				"Create of a key that is there": c.s.Create(c.Context(), r),
				"Create of a value too long":    c.s.Create(c.Context(), long),
				"Swap at a stale version":       c.s.Swap(c.Context(), stale),
				"Swap of a value too long":      c.s.Swap(c.Context(), long),
				"Swap with a context done":      c.s.Swap(cancelled(c.Context()), r),
			} {
				if err != nil && strings.Contains(err.Error(), mark) {
					c.Errorf("the error of %s prints the value", name)
				}
			}
		},
	},
}
