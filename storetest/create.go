package storetest

import (
	"errors"
	"fmt"

	"github.com/oauthcore/oauthcore/store"
)

var createRules = []rule{
	{
		name: "Create/IsRead",
		text: "Get after Create returns the record: its key, version, expiry, labels and value.",
		check: func(c *tester) {
			r := rec("key", "value", "label/a", "label/b")
			r.Expires = 4102444800
			c.create(r)
			c.want("after Create", r)
		},
	},
	{
		name: "Create/TwiceIsErrExists",
		text: "Create of a key that is there is ErrExists, whatever the record, also for the very same one.",
		check: func(c *tester) {
			r := rec("key", "first")
			c.create(r)
			other := next(r, "second")
			other.Version = 77
			c.wantErr("Create of the same record again", c.s.Create(c.Context(), r), store.ErrExists)
			c.wantErr("Create of another with its key", c.s.Create(c.Context(), other), store.ErrExists)
		},
	},
	{
		name: "Create/ErrExistsChangesNothing",
		text: "A Create that finds the key leaves the record as it was.",
		check: func(c *tester) {
			r := rec("key", "first", "one")
			c.create(r)
			other := rec("key", "second", "two")
			other.Version, other.Expires = 77, 4102444800
			_ = c.s.Create(c.Context(), other) // refused, as another case has it
			c.want("after a second Create", r)
			c.wantList("after a second Create", "one", "key")
			c.wantList("after a second Create", "two")
		},
	},
	{
		name: "Create/ExistsAfterSwap",
		text: "Create is ErrExists whatever the version of the record that is there.",
		check: func(c *tester) {
			r := rec("key", "first")
			c.create(r)
			now := c.swap(next(r, "second"))
			c.wantErr("Create at the first version", c.s.Create(c.Context(), r), store.ErrExists)
			c.wantErr("Create at the stored version", c.s.Create(c.Context(), now), store.ErrExists)
			c.want("after both", now)
		},
	},
	{
		name: "Create/ExistsWhenExpired",
		text: "A record that has expired and is still there is not taken over by Create.",
		check: func(c *tester) {
			r := rec("key", "first")
			r.Expires = 1
			c.create(r)
			if c.get("key").Version == 0 {
				return // dropped by the engine itself
			}
			c.wantErr("Create over an expired record", c.s.Create(c.Context(), next(r, "second")), store.ErrExists)
		},
	},
	{
		name:   "Create/OneWinner",
		text:   "Of many Creates of one key at once exactly one succeeds, the others are ErrExists, and what is stored is the winner's.",
		strict: true,
		check: func(c *tester) {
			for round := range rounds {
				key := fmt.Sprintf("key/%d", round)
				errs := c.race(c.contenders, func(i int) error { return c.s.Create(c.Context(), contender(key, i)) })
				won := c.winner("Create", errs, store.ErrExists)
				c.want("after the race", contender(key, won))
			}
		},
	},
	{
		name: "Create/KeepsNoSlice",
		text: "What the caller does to the slices of a record after Create does not change what is stored.",
		check: func(c *tester) {
			r := rec("key", "value", "label")
			given := clone(r)
			c.create(given)
			given.Value[0], given.Labels[0] = 'X', "other"
			c.want("after the caller changed its record", r)
			c.wantList("after the caller changed its record", "label", "key")
		},
	},
	{
		name: "Create/ChangesNoArgument",
		text: "Create does not change the record it is given, whether it succeeds or not.",
		check: func(c *tester) {
			r := rec("key", "value", "b", "a")
			given := clone(r)
			c.create(given)
			_ = c.s.Create(c.Context(), given)
			if !same(given, r) || given.Labels[0] != "b" {
				c.Errorf("Create changed its argument\n got %s\nwant %s", show(given), show(r))
			}
		},
	},
	{
		name: "Create/VersionIsTheCallers",
		text: "Each record keeps the version it was created with, and a Swap adds 1 to that.",
		check: func(c *tester) {
			for i, v := range []int64{1, 2, 4711, 1<<31 - 1, 1 << 31, 1 << 32, 1<<52 - 1, 1 << 52} {
				r := rec(fmt.Sprintf("key/%d", i), "value")
				r.Version = v
				c.create(r)
				c.want("after Create", r)
				c.want("after Swap", c.swap(r))
			}
		},
	},
	{
		name: "Create/KeysAreApart",
		text: "Records whose keys differ in the last byte have nothing in common.",
		check: func(c *tester) {
			a, b := rec("grant/abcdefgh1", "a"), rec("grant/abcdefgh2", "b")
			b.Version = 99
			c.create(a)
			c.absent("before its Create", b.Key)
			c.create(b)
			c.want("after both", a, b)
			a = c.swap(next(a, "a2"))
			c.want("after a Swap of the first", a, b)
		},
	},
}

// contender is the record of the i-th goroutine of a race. Each has its own version and value.
func contender(key string, i int) store.Record {
	r := rec(key, fmt.Sprintf("value of %d", i))
	r.Version += int64(i) * 1000
	return r
}

// refused reports whether err says that a write did not happen.
func refused(err error) bool {
	return errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict)
}
