package storetest

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/oauthcore/oauthcore/store"
)

var getRules = []rule{
	{
		name: "Get/AbsentInItsPlace",
		text: "A key that is absent gives a record with that key and version 0, among those that are there, and no error.",
		check: func(c *tester) {
			r := rec("there", "value")
			c.create(r)
			c.absent("alone", "missing")
			got := c.getAll("missing/1", "there", "missing/2")
			for i, want := range []store.Record{{Key: "missing/1"}, r, {Key: "missing/2"}} {
				if !same(got[i], want) {
					c.Errorf("Get of three keys, result %d\n got %s\nwant %s", i, show(got[i]), show(want))
				}
			}
		},
	},
	{
		name: "Get/InTheOrderOfTheKeys",
		text: "Get of 16 keys returns one record for each, in the order asked.",
		check: func(c *tester) {
			var keys []string
			for i := range 16 {
				k := fmt.Sprintf("key/%x", i)
				keys = append(keys, k)
				if i%5 != 4 {
					c.create(rec(k, "value of "+k))
				}
			}
			for range 4 {
				keys = append(keys[7:], keys[:7]...)
				slices.Reverse(keys[:5])
				for i, r := range c.getAll(keys...) {
					want := rec(keys[i], "value of "+keys[i])
					if n, _ := strconv.ParseInt(keys[i][4:], 16, 0); n%5 == 4 {
						want = store.Record{Key: keys[i]}
					}
					if !same(r, want) {
						c.Errorf("Get(%q), result %d\n got %s\nwant %s", keys, i, show(r), show(want))
					}
				}
			}
		},
	},
	{
		name: "Get/NoKeysOrTwice",
		text: "Get of no keys, of one key twice, or of more than 16 is an error, or answers each key as it would alone.",
		check: func(c *tester) {
			r := rec("key", "value")
			c.create(r)
			var many []string
			for i := range 17 {
				many = append(many, fmt.Sprintf("missing/%d", i))
			}
			for _, keys := range [][]string{nil, {"key", "key"}, {"key", "missing", "key"}, many} {
				rs, err := c.s.Get(c.Context(), keys...)
				if err != nil {
					continue
				}
				if len(rs) != len(keys) {
					c.Fatalf("Get(%q) gave %d records, want %d or an error", keys, len(rs), len(keys))
				}
				for i, k := range keys {
					want := store.Record{Key: k}
					if k == "key" {
						want = r
					}
					if !same(rs[i], want) {
						c.Errorf("Get(%q), result %d\n got %s\nwant %s", keys, i, show(rs[i]), show(want))
					}
				}
			}
		},
	},
	{
		name: "Get/ResultIsPrivate",
		text: "What a caller does to the result of Get changes neither the store nor another result.",
		check: func(c *tester) {
			r := rec("key", "value", "label")
			c.create(r)
			a, b := c.get("key"), c.get("key")
			if len(a.Value) == 0 || len(a.Labels) == 0 {
				c.Fatalf("Get(%q) = %s, want a value and a label", "key", show(a))
			}
			a.Value[0], a.Labels[0] = 'X', "other"
			if !same(b, r) {
				c.Errorf("after a change to another result\n got %s\nwant %s", show(b), show(r))
			}
			c.want("after a change to a result", r)
		},
	},
	{
		name: "Get/HasNoEffect",
		text: "Get changes neither version nor expiry, of a record or of an absent one.",
		check: func(c *tester) {
			r := rec("key", "value")
			r.Expires = 4102444800
			c.create(r)
			for range 20 {
				c.want("after many Gets", r)
				c.absent("after many Gets", "missing")
			}
			c.swap(r)
			c.create(rec("missing", "value"))
		},
	},
	{
		name: "Get/IsNotTorn",
		text: "While others write, version and value of a record that is read belong together, and a version never goes back.",
		check: func(c *tester) {
			r := rec("key", strconv.Itoa(first))
			c.create(r)
			var polls atomic.Int64
			var done atomic.Bool
			write := func() error {
				for v := int64(first); v < first+int64(c.writes)*3/10 && !done.Load(); v++ {
					w := store.Record{Key: "key", Version: v, Value: strconv.AppendInt(nil, v+1, 10)}
					if err := c.s.Swap(c.Context(), w); err != nil {
						return err
					}
					for before := polls.Load(); polls.Load() == before && !done.Load(); {
						runtime.Gosched() // reads and writes alternate, however fast each is
					}
				}
				return nil
			}
			read := func() error {
				for last := int64(first); !done.Load(); polls.Add(1) {
					rs, err := c.s.Get(c.Context(), "key")
					if err != nil {
						return err
					}
					if got := string(rs[0].Value); got != strconv.FormatInt(rs[0].Version, 10) {
						return fmt.Errorf("read version %d with the value of version %s", rs[0].Version, got)
					}
					if rs[0].Version < last {
						return fmt.Errorf("read version %d after %d", rs[0].Version, last)
					}
					last = rs[0].Version
					runtime.Gosched()
				}
				return nil
			}
			errs := c.race(3, func(i int) (err error) {
				if i == 0 {
					err = write()
				} else {
					err = read()
				}
				done.Store(true)
				return err
			})
			for _, err := range errs {
				if err != nil {
					c.Errorf("under concurrent writes: %v", err)
				}
			}
		},
	},
	{
		name: "Get/ManyAtOnce",
		text: "A thousand Gets at once, with -short fewer, are all answered.",
		check: func(c *tester) {
			c.create(rec("key", "value"))
			for _, err := range c.race(c.writes, func(int) error {
				_, err := c.s.Get(c.Context(), "key", "missing")
				return err
			}) {
				if err != nil {
					c.Fatalf("Get by %d at once = %v, want records", c.writes, err)
				}
			}
		},
	},
}
