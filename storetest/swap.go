package storetest

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

var swapRules = []rule{
	{
		name: "Swap/AddsOne",
		text: "Swap at the stored version replaces value and expiry and adds exactly 1 to the version.",
		check: func(c *tester) {
			r := rec("key", "0", "label")
			c.create(r)
			for i := range 5 {
				r.Value, r.Expires = []byte(strconv.Itoa(i+1)), 4102444800+int64(i)
				r = c.swap(r)
				c.want("after Swap", r)
			}
		},
	},
	{
		name:   "Swap/StaleVersionConflicts",
		text:   "Swap at a version below the stored one is ErrConflict and changes nothing.",
		strict: true,
		check: func(c *tester) {
			r := rec("key", "first")
			c.create(r)
			now := c.swap(next(r, "second"))
			c.wantErr("Swap at the version before", c.s.Swap(c.Context(), next(r, "stale")), store.ErrConflict)
			c.want("after a stale Swap", now)
		},
	},
	{
		name: "Swap/FutureVersionConflicts",
		text: "Swap at a version above the stored one is ErrConflict and changes nothing.",
		check: func(c *tester) {
			r := rec("key", "first")
			c.create(r)
			for _, ahead := range []int64{1, 2, 1 << 32} {
				w := next(r, "future")
				w.Version += ahead
				c.wantErr(fmt.Sprintf("Swap at %d above the version", ahead), c.s.Swap(c.Context(), w), store.ErrConflict)
				c.want("after it", r)
			}
		},
	},
	{
		name:   "Swap/SecondReaderConflicts",
		text:   "Of two that read the same version, the second to write gets ErrConflict; it is not retried inside.",
		strict: true,
		check: func(c *tester) {
			c.create(rec("key", "first"))
			a, b := c.get("key"), c.get("key")
			now := c.swap(next(a, "of a"))
			c.wantErr("Swap by the second reader", c.s.Swap(c.Context(), next(b, "of b")), store.ErrConflict)
			c.want("after both", now)
		},
	},
	{
		name:   "Swap/AgainConflicts",
		text:   "The same Swap sent twice is ErrConflict the second time and adds 1 once.",
		strict: true,
		check: func(c *tester) {
			r := rec("key", "first")
			c.create(r)
			w := next(r, "second")
			now := c.swap(w)
			c.wantErr("the same Swap again", c.s.Swap(c.Context(), w), store.ErrConflict)
			c.want("after it", now)
		},
	},
	{
		name: "Swap/AbsentConflicts",
		text: "Swap of an absent key is ErrConflict, and the key stays absent.",
		check: func(c *tester) {
			c.create(rec("other", "value"))
			for _, v := range []int64{1, first} {
				r := rec("key", "value", "label")
				r.Version = v
				c.wantErr("Swap of an absent key", c.s.Swap(c.Context(), r), store.ErrConflict)
			}
			c.absent("after Swap", "key")
			c.wantList("after Swap", "label")
		},
	},
	{
		name:   "Swap/OneWinner",
		text:   "Of many Swaps at one version at once exactly one succeeds, the others are ErrConflict, and what is stored is the winner's.",
		strict: true,
		check: func(c *tester) {
			r := rec("key", "start")
			c.create(r)
			for range rounds {
				errs := c.race(c.contenders, func(i int) error {
					return c.s.Swap(c.Context(), next(r, fmt.Sprintf("value of %d", i)))
				})
				r.Value = fmt.Appendf(nil, "value of %d", c.winner("Swap", errs, store.ErrConflict))
				r.Version++
				c.want("after the race", r)
			}
		},
	},
	{
		name:   "Swap/LosesNoUpdate",
		text:   "Sixteen that each add 1 fifty times, reading again after ErrConflict, add 800; with -short fewer.",
		strict: true,
		check: func(c *tester) {
			c.create(rec("key", "0"))
			const by = 16
			each := c.writes / 20
			for _, err := range c.race(by, func(int) error {
				for range each {
					if err := c.increment("key"); err != nil {
						return err
					}
				}
				return nil
			}) {
				if err != nil {
					c.Fatalf("increment: %v", err)
				}
			}
			want := rec("key", strconv.Itoa(each*by))
			want.Version += int64(each * by)
			c.want("after the increments", want)
		},
	},
	{
		name: "Swap/IdenticalCounts",
		text: "Swap with the value and expiry that are stored already succeeds and adds 1.",
		check: func(c *tester) {
			r := rec("key", "value")
			c.create(r)
			for range 3 {
				r = c.swap(r)
				c.want("after an identical Swap", r)
			}
		},
	},
	{
		name: "Swap/MovesExpires",
		text: "Swap may make the expiry earlier, later, never, and a time again.",
		check: func(c *tester) {
			r := rec("key", "value")
			r.Expires = soon(time.Hour)
			c.create(r)
			for _, d := range []time.Duration{time.Minute, 48 * time.Hour, 0, time.Hour} {
				if r.Expires = 0; d != 0 {
					r.Expires = soon(d)
				}
				r = c.swap(r)
				c.want("after Swap", r)
			}
		},
	},
	{
		name: "Swap/LeavesLabels",
		text: "Swap ignores the labels of its record: those of Create stay.",
		check: func(c *tester) {
			r := rec("key", "value", "a", "b")
			c.create(r)
			for _, labels := range [][]string{nil, {"c"}, {"a", "c"}} {
				w := r
				w.Labels = labels
				r.Version = c.swap(w).Version
				c.want("after Swap with other labels", r)
				c.wantList("after Swap with other labels", "a", "key")
				c.wantList("after Swap with other labels", "b", "key")
				c.wantList("after Swap with other labels", "c")
			}
		},
	},
	{
		name: "Swap/KeepsNoSlice",
		text: "What the caller does to the value after Swap does not change what is stored.",
		check: func(c *tester) {
			r := rec("key", "first")
			c.create(r)
			w := next(r, "second")
			now := clone(c.swap(w))
			w.Value[0] = 'X'
			c.want("after the caller changed its value", now)
		},
	},
	{
		name: "Swap/ChangesNoArgument",
		text: "Swap does not change the record it is given, whether it succeeds or not.",
		check: func(c *tester) {
			r := rec("key", "first", "b", "a")
			c.create(clone(r))
			given := clone(next(r, "second"))
			want := clone(given)
			c.swap(given)
			_ = c.s.Swap(c.Context(), given)
			if !same(given, want) || given.Labels[0] != "b" {
				c.Errorf("Swap changed its argument\n got %s\nwant %s", show(given), show(want))
			}
		},
	},
	{
		name:   "Swap/SweptStaysAway",
		text:   "Swap of a record that was swept is ErrConflict, and the key stays absent.",
		strict: true,
		check: func(c *tester) {
			r := rec("key", "value")
			r.Expires = 1
			c.create(r)
			c.sweep(2)
			if c.get("key").Version != 0 {
				return // an engine that drops it later, by itself
			}
			r.Expires = 0
			c.wantErr("Swap of a swept record", c.s.Swap(c.Context(), r), store.ErrConflict)
			c.absent("after it", "key")
		},
	},
	{
		name:   "Swap/CreatedAgainIsAnother",
		text:   "A record that was swept and created again has the new version: Swap at that of the old one is ErrConflict.",
		strict: true,
		check: func(c *tester) {
			old := rec("key", "old")
			old.Expires = 1
			c.create(old)
			c.sweep(2)
			if c.get("key").Version != 0 {
				return
			}
			fresh := rec("key", "fresh")
			fresh.Version = 1 << 50
			c.create(fresh)
			old.Expires = 0
			c.wantErr("Swap at the version of the old record", c.s.Swap(c.Context(), old), store.ErrConflict)
			c.want("after it", fresh)
		},
	},
}

// increment adds 1 to the number in the record of key, however often it takes.
func (c *tester) increment(key string) error {
	for {
		rs, err := c.s.Get(c.Context(), key)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(rs[0].Value))
		if err != nil {
			return err
		}
		if err = c.s.Swap(c.Context(), next(rs[0], strconv.Itoa(n+1))); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// sweep drops all records that expired before then, as far as the engine lets it.
func (c *tester) sweep(before int64) {
	c.Helper()
	if _, err := c.s.Sweep(c.Context(), before, math.MaxInt32); err != nil {
		c.Fatalf("Sweep(%d) = %v, want nil", before, err)
	}
}
