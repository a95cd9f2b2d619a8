package storetest

import (
	"fmt"

	"github.com/oauthcore/oauthcore/store"
)

var handleRules = []rule{
	{
		name: "Stores/AreApart",
		text: "Two stores have nothing in common: not keys, labels or what is swept.",
		check: func(c *tester) {
			other := &tester{TB: c.TB, s: c.newStore(c.TB)}
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
		},
	},
	{
		name: "Handles/SeeWritesAtOnce",
		text: "What one handle wrote, another on the same data reads as soon as the write returned.",
		check: func(c *tester) {
			other := c.second()
			for i := range 200 {
				r := rec(fmt.Sprintf("key/%03d", i), "first", fmt.Sprintf("label/%d", i))
				other.absent("before Create", r.Key)
				c.create(r)
				other.want("after Create through the first handle", r)
				other.wantList("after Create through the first handle", r.Labels[0], r.Key)
				r = other.swap(next(r, "second"))
				c.want("after Swap through the second handle", r)
			}
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
}

// second returns a tester of a second handle on the same data, or skips the case.
func (c *tester) second() *tester {
	if c.reopen == nil {
		c.Skip("Options.Reopen is nil: a second handle was not tested")
	}
	return &tester{TB: c.TB, s: c.reopen(c.TB, c.s)}
}
