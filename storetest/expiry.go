package storetest

import (
	"fmt"
	"math"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

var expiryRules = []rule{
	{
		name: "Expires/NotEarly",
		text: "A record is there until its Expires.",
		check: func(c *tester) {
			for i := range 5 {
				r := rec(fmt.Sprintf("key/%d", i), "value")
				r.Expires = soon(2 * time.Second)
				c.create(r)
				if got := c.get(r.Key); !same(got, r) && time.Now().Unix() < r.Expires {
					c.Errorf("before its Expires: Get\n got %s\nwant %s", show(got), show(r))
				}
			}
		},
	},
	{
		name: "Expires/WholeOrAbsent",
		text: "A record past its Expires is read and listed whole or not at all.",
		check: func(c *tester) {
			r := rec("key", "value", "label")
			r.Expires = 1
			c.create(r)
			c.wholeOrAbsent("past its Expires", r)
		},
	},
	{
		name: "Expires/SwapAfterIt",
		text: "Swap of a record past its Expires succeeds or is ErrConflict, and leaves it whole or absent.",
		check: func(c *tester) {
			r := rec("key", "first", "label")
			r.Expires = 1
			c.create(r)
			c.swapExpired(r)
		},
	},
	{
		name: "Expires/Exact",
		text: "An expiry is kept to the second, from 1 to the end of the year 9999, by Create and by Swap.",
		check: func(c *tester) {
			for i, e := range []int64{0, soon(time.Hour), math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32, math.MaxUint32 + 1, 253402300799} {
				r := rec(fmt.Sprintf("key/%d", i), "value")
				r.Expires = e
				c.create(r)
				c.want("after Create", r)
				c.want("after Swap", c.swap(r))
			}
		},
	},
	{
		name: "Expires/AsTimePasses",
		text: "As time passes a record is there until its Expires and whole or absent after it, and one that Swap gave a later one, or none, is there after the old.",
		check: func(c *tester) {
			later, never, fading := rec("later", "value", "label"), rec("never", "value", "label"), rec("fading", "value", "fading")
			end := time.Unix(soon(2*time.Second), 0)
			later.Expires, never.Expires, fading.Expires = end.Unix(), end.Unix(), end.Unix()
			c.create(later, never, fading)
			later.Expires, never.Expires = soon(time.Hour), 0
			later, never = c.swap(later), c.swap(never)
			if got := c.get("fading"); !same(got, fading) && time.Now().Before(end) {
				c.Errorf("before its Expires: Get\n got %s\nwant %s", show(got), show(fading))
			}
			c.sleep(time.Until(end) + 200*time.Millisecond)
			c.want("after the Expires of its Create", later, never)
			c.wantList("after the Expires of their Create", "label", "later", "never")
			c.swapExpired(fading)
		},
	},
	{
		name: "Expires/NoTimeZone",
		text: "Times are instants, not the hours of a clock on a wall: those of an hour that summer time repeats are two.",
		check: func(c *tester) {
			for i, e := range []int64{
				2140043400, 2140047000, // 2037-10-25 in Europe: 02:30 twice in Berlin, 01:30 in London
				2140666200, 2140669800, // 2037-11-01 in New York, 01:30 twice
				2122471800, 2122475400, // 2037-04-05 in Sydney, 02:30 twice
				2122469100, 2122470900, // 2037-04-05 on Lord Howe Island, whose summer time is half an hour: 01:45 twice
			} {
				r := rec(fmt.Sprintf("key/%d", i), "value")
				r.Expires = e
				c.create(r)
				c.want("after Create", r)
				c.want("after Swap", c.swap(r))
			}
		},
	},
}

// swapExpired judges Get, List and Swap of r, which has one label and is past its Expires.
func (c *tester) swapExpired(r store.Record) {
	c.Helper()
	c.wholeOrAbsent("past its Expires", r)
	w := next(r, "second")
	w.Expires = soon(time.Hour)
	err := c.s.Swap(c.Context(), w)
	if err == nil {
		w.Version++
		c.want("after a Swap past Expires that succeeded", w)
		c.wantList("after a Swap past Expires that succeeded", r.Labels[0], r.Key)
		return
	}
	c.wantErr("Swap past Expires", err, store.ErrConflict)
	c.wholeOrAbsent("after a Swap past Expires that was refused", r)
}

// wholeOrAbsent fails the case if Get, or List of its label, gives another r.
func (c *tester) wholeOrAbsent(when string, r store.Record) {
	c.Helper()
	if got := c.get(r.Key); got.Version != 0 && !same(got, r) {
		c.Errorf("%s: Get\n got %s\nwant %s, or absent", when, show(got), show(r))
	}
	if got := c.pages(r.Labels[0], 10); len(got) > 0 && (len(got) > 1 || !same(got[0], r)) {
		c.Errorf("%s: List\n got %s\nwant %s, or nothing", when, showAll(got), show(r))
	}
}
