package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

var sweepRules = []rule{
	{
		name: "Sweep/DropsWhatExpired",
		text: "Sweep drops the records with 0 < Expires < before and returns their number, or does nothing and returns 0.",
		check: func(c *tester) {
			base := soon(time.Hour)
			var rs []store.Record
			for i, expires := range []int64{base - 2, base - 1, base, base + 1, 0} {
				r := rec(fmt.Sprintf("key/%d", i), "value", "label")
				r.Expires = expires
				rs = append(rs, r)
			}
			c.create(rs...)
			n, err := c.s.Sweep(c.Context(), base, 100)
			if err != nil {
				c.Fatalf("Sweep = %v, want nil", err)
			}
			switch n {
			case 0:
				c.want("after a Sweep of nothing", rs...)
			case 2:
				c.absent("after Sweep", rs[0].Key, rs[1].Key)
				c.want("after Sweep", rs[2:]...)
			default:
				c.Errorf("Sweep of 2 expired records of 5 dropped %d, want 2 (or 0 and nothing)", n)
			}
			if n, err := c.s.Sweep(c.Context(), base, 100); err != nil || n != 0 {
				c.Errorf("Sweep again = %d, %v, want 0", n, err)
			}
		},
	},
	{
		name: "Sweep/NeverDropsZero",
		text: "A record with Expires 0 is never dropped.",
		check: func(c *tester) {
			r := rec("key", "value")
			moved := rec("moved", "value")
			moved.Expires = soon(time.Hour)
			c.create(r, moved)
			moved.Expires = 0
			moved = c.swap(moved)
			c.sweep(253402300799)
			c.want("after Sweep at the end of time", r, moved)
		},
	},
	{
		name: "Sweep/AtMostLimit",
		text: "Sweep drops at most limit records; fewer than limit means that it found no more.",
		check: func(c *tester) {
			var keys []string
			for i := range 10 {
				r := rec(fmt.Sprintf("key/%d", i), "value", "label")
				r.Expires = soon(time.Hour)
				c.create(r)
				keys = append(keys, r.Key)
			}
			before, left := soon(2*time.Hour), len(keys)
			for _, want := range []int{3, 3, 3, 1, 0} {
				n, err := c.s.Sweep(c.Context(), before, 3)
				if err != nil {
					c.Fatalf("Sweep = %v, want nil", err)
				}
				if left == len(keys) && n == 0 {
					break // an engine that drops them itself
				}
				left -= n
				there := 0
				for _, r := range c.getAll(keys...) {
					if r.Version != 0 {
						there++
					}
				}
				if n != want || there != left {
					c.Fatalf("Sweep with limit 3 returned %d and left %d, want %d and %d", n, there, want, left)
				}
			}
		},
	},
	{
		name: "Sweep/LimitBelowOne",
		text: "A limit of 0 or below is an error and drops nothing.",
		check: func(c *tester) {
			r := rec("key", "value")
			r.Expires = soon(time.Hour)
			c.create(r)
			for _, limit := range []int{0, -1} {
				if n, err := c.s.Sweep(c.Context(), soon(2*time.Hour), limit); err == nil {
					c.Errorf("Sweep with limit %d = %d, want an error", limit, n)
				}
			}
			c.want("after it", r)
		},
	},
	{
		name: "Sweep/UsesTheLatestExpires",
		text: "What counts is the expiry that the last Swap stored, later or earlier than the one before.",
		check: func(c *tester) {
			longer, shorter := rec("longer", "value"), rec("shorter", "value")
			longer.Expires, shorter.Expires = soon(time.Hour), soon(3*time.Hour)
			c.create(longer, shorter)
			longer.Expires, shorter.Expires = shorter.Expires, longer.Expires
			longer, shorter = c.swap(longer), c.swap(shorter)
			n, err := c.s.Sweep(c.Context(), soon(2*time.Hour), 100)
			if err != nil {
				c.Fatalf("Sweep = %v, want nil", err)
			}
			c.want("after Sweep", longer)
			if n != 0 {
				c.absent("after Sweep", shorter.Key)
			}
		},
	},
	{
		name:   "Sweep/LeavesTheExtended",
		text:   "A record that a Swap extends while Sweep runs is there afterwards, or the Swap was ErrConflict.",
		strict: true,
		check: func(c *tester) {
			const each = 16
			for round := range rounds {
				rs := make([]store.Record, each)
				for i := range rs {
					rs[i] = rec(fmt.Sprintf("key/%d/%d", round, i), "first")
					rs[i].Expires = soon(time.Hour)
				}
				c.create(rs...)
				before := soon(2 * time.Hour)
				errs := c.race(each+4, func(i int) error {
					if i >= each {
						_, err := c.s.Sweep(c.Context(), before, each)
						return err
					}
					w := next(rs[i], "extended")
					w.Expires = soon(4 * time.Hour)
					rs[i] = w
					return c.s.Swap(c.Context(), w)
				})
				for i, err := range errs {
					switch {
					case i >= each && err != nil:
						c.Fatalf("Sweep during Swaps = %v, want nil", err)
					case i >= each:
					case err == nil:
						rs[i].Version++
						c.want("after a Swap during Sweep", rs[i])
					case !errors.Is(err, store.ErrConflict):
						c.Fatalf("Swap during Sweep = %v, want nil or %v", err, store.ErrConflict)
					default:
						c.absent("after a Swap that lost to Sweep", rs[i].Key)
					}
				}
			}
		},
	},
}
