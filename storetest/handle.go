package storetest

import (
	"fmt"
	"io"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

var handleRules = []rule{
	{
		name: "Stores/AreApart",
		text: "Two stores have nothing in common: not keys, labels or what is swept.",
		check: func(c *tester) {
			other := c.with(c.newStore(c.TB))
			a, b := rec("key", "of a", "label"), rec("key", "of b", "label")
			b.Version = 42
			c.create(a)
			other.absent("in the other store", "key")
			other.wantList("in the other store", "label")
			other.create(b)
			c.want("in the first store", a)
			other.want("in the second store", b)
			a = c.swap(next(a, "second of a"))
			c.want("in the first store", a)
			other.want("in the second store", b)

			a.Expires, b.Expires = soon(time.Hour), soon(time.Hour)
			a, b = c.swap(a), other.swap(next(b, "second of b"))
			c.sweep(a.Expires + 1)
			other.want("in the second store, after a Sweep of the first", b)
		},
	},
	{
		name: "Handles/SeeWritesAtOnce",
		text: "What one handle wrote, another on the same data reads as soon as the write returned.",
		check: func(c *tester) {
			other := c.second()
			c.chains(c.writes, func(i int) error {
				key := fmt.Sprintf("key/%03d", i)
				r := rec(key, "first", "label/"+key)
				if err := other.reads(store.Record{Key: key}); err != nil {
					return err
				}
				if err := c.s.Create(c.Context(), r); err != nil {
					return fmt.Errorf("Create(%s) = %w, want nil", show(r), err)
				}
				if err := other.reads(r); err != nil {
					return fmt.Errorf("after Create through another handle: %w", err)
				}
				if err := other.lists(r); err != nil {
					return fmt.Errorf("after Create through another handle: %w", err)
				}
				w := next(r, "second")
				if err := other.s.Swap(c.Context(), w); err != nil {
					return fmt.Errorf("Swap(%s) at the version that another handle wrote = %w, want nil", show(w), err)
				}
				w.Version++
				if err := c.reads(w); err != nil {
					return fmt.Errorf("after Swap through another handle: %w", err)
				}
				return nil
			})
		},
	},
	{
		name:   "Handles/OneWinner",
		text:   "Two handles are one store: of many writes through both at once, one succeeds.",
		strict: true,
		check: func(c *tester) {
			handles := []store.Store{c.s, c.second().s}
			for round := range rounds {
				key := fmt.Sprintf("key/%d", round)
				errs := c.race(c.contenders, func(i int) error { return handles[i%2].Create(c.Context(), contender(key, i)) })
				r := contender(key, c.winner("Create through two handles", errs, store.ErrExists))
				c.want("after the race", r)
				errs = c.race(c.contenders, func(i int) error {
					return handles[i%2].Swap(c.Context(), next(r, fmt.Sprintf("value of %d", i)))
				})
				r.Value = fmt.Appendf(nil, "value of %d", c.winner("Swap through two handles", errs, store.ErrConflict))
				r.Version++
				c.want("after the race", r)
			}
		},
	},
	{
		name: "Handles/ClosedIsAnError",
		text: "After Close, where there is one, each method returns an error that is no sentinel.",
		check: func(c *tester) {
			r := rec("key", "value", "label")
			c.create(r)
			h := c
			if c.o.Dial != nil {
				h, _ = c.network(r)
			}
			if !h.close() {
				c.Log("the store has no Close")
				return
			}
			calls := h.methods(r, "new")
			errs := make([]error, len(calls))
			for i, m := range calls {
				errs[i] = m.call(c.Context())
			}
			c.wantNoAnswer("after Close", calls, errs)
		},
	},
}

// second returns a tester of a second handle on the same data, or skips the case.
func (c *tester) second() *tester {
	if c.o.Reopen == nil {
		c.Skip("Options.Reopen is nil: a second handle was not tested")
	}
	return c.with(c.o.Reopen(c.TB, c.own))
}

// close closes the store and reports whether it has a Close.
func (c *tester) close() bool {
	closer, ok := c.own.(io.Closer)
	if ok {
		if err := closer.Close(); err != nil {
			c.Errorf("Close = %v, want nil", err)
		}
	}
	return ok
}
