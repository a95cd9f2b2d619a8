package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var listRules = []rule{
	{
		name: "List/ExactlyTheLabel",
		text: "List returns the records that carry the label, bytewise equal, and no others.",
		check: func(c *tester) {
			labels := []string{"acme", "acme2", "Acme", "ACME", "acm", "a", "acme/", "acme/x", "x/acme"}
			for i, l := range labels {
				c.create(rec(fmt.Sprintf("key/%d", i), "value", l))
			}
			c.create(rec("none", "value"))
			for i, l := range labels {
				c.wantList("one record each", l, fmt.Sprintf("key/%d", i))
			}
			c.wantList("a label of no record", "acme3")
			c.wantList("the key of a record", "none")
		},
	},
	{
		name: "List/NoLabelNoList",
		text: "A record without labels is in no list; to list the empty label is an error or gives nothing.",
		check: func(c *tester) {
			c.create(rec("key", "value"))
			if page, _, err := c.s.List(c.Context(), "", "", 10); err == nil && len(page) > 0 {
				c.Errorf("List of the empty label gave %q, want nothing", keysOf(page))
			}
		},
	},
	{
		name: "List/EachOfItsLabels",
		text: "A record is found by each of its 16 labels.",
		check: func(c *tester) {
			var labels []string
			for i := range 16 {
				labels = append(labels, fmt.Sprintf("label/%d", i))
			}
			r := rec("key", "value", labels...)
			c.create(r)
			c.want("after Create", r)
			for _, l := range labels {
				c.wantList("after Create", l, "key")
			}
		},
	},
	{
		name: "List/OddLabels",
		text: "Labels of punctuation and of 128 bytes are as good as others, and none matches another.",
		check: func(c *tester) {
			long := strings.Repeat("l", 127)
			labels := []string{"a_b", "a.b", "a~b", "a-b", "a/b", "axb", "_", "..", "0123", "123", long, long + "1", long + "2"}
			for i, l := range labels {
				c.create(rec(fmt.Sprintf("key/%02d", i), "value", l))
			}
			for i, l := range labels {
				c.wantList("one record each", l, fmt.Sprintf("key/%02d", i))
			}
		},
	},
	{
		name: "List/BytewiseOrder",
		text: "Records come in the bytewise order of their keys, not in that of a language or of their creation.",
		check: func(c *tester) {
			keys := []string{"b", "a", "B", "A", "_", "-", ".", "/", "~", "0", "10", "9", "aa", "a-", "a/", "a.b", "Z", "z"}
			for _, k := range keys {
				c.create(rec(k, "value", "label"))
			}
			slices.Sort(keys)
			c.wantList("in one page", "label", keys...)
			if got := keysOf(c.pages("label", 4)); !slices.Equal(got, keys) {
				c.Errorf("in pages of 4: List\n got %q\nwant %q", got, keys)
			}
		},
	},
	{
		name: "List/Pages",
		text: "Pages of every size give each record once; none is longer than its limit; the last has no cursor.",
		check: func(c *tester) {
			var keys []string
			for i := range 23 {
				keys = append(keys, fmt.Sprintf("key/%02d", i))
				c.create(rec(keys[i], "value", "label"), rec("other/"+keys[i], "value", "other"))
			}
			for _, limit := range []int{1, 2, 5, 22, 23, 24, 100} {
				if got := keysOf(c.pages("label", limit)); !slices.Equal(got, keys) {
					c.Errorf("in pages of %d: List\n got %q\nwant %q", limit, got, keys)
				}
			}
		},
	},
	{
		name: "List/AfterIsAnyKey",
		text: "List begins behind the key it is given, which need not be that of a record.",
		check: func(c *tester) {
			c.create(rec("b", "value", "label"), rec("d", "value", "label"))
			for after, want := range map[string][]string{"a": {"b", "d"}, "b": {"d"}, "c": {"d"}, "d": {}, "e": {}} {
				page, _, err := c.s.List(c.Context(), "label", after, 10)
				if err != nil {
					c.Fatalf("List after %q = %v, want a page", after, err)
				}
				if got := keysOf(page); !slices.Equal(got, want) {
					c.Errorf("List after %q\n got %q\nwant %q", after, got, want)
				}
			}
		},
	},
	{
		name: "List/CursorOutlivesItsRecord",
		text: "A cursor stays good when the records of its page are swept.",
		check: func(c *tester) {
			var keys []string
			for i := range 10 {
				r := rec(fmt.Sprintf("key/%02d", i), "value", "label")
				r.Expires = soon(time.Hour)
				if i >= 5 {
					r.Expires = 0
				}
				c.create(r)
				keys = append(keys, r.Key)
			}
			_, cursor, err := c.s.List(c.Context(), "label", "", 3)
			if err != nil {
				c.Fatalf("List = %v, want a page", err)
			}
			c.sweep(soon(2 * time.Hour))
			got := keysOf(c.pagesAfter("label", cursor, 3))
			if len(got) < 5 || !slices.Equal(got[len(got)-5:], keys[5:]) {
				c.Errorf("after Sweep the later pages gave %q, want %q at their end", got, keys[5:])
			}
		},
	},
	{
		name: "List/LimitBelowOne",
		text: "A limit of 0 or below is an error, never everything.",
		check: func(c *tester) {
			c.create(rec("key", "value", "label"))
			for _, limit := range []int{0, -1} {
				if page, _, err := c.s.List(c.Context(), "label", "", limit); err == nil {
					c.Errorf("List with limit %d gave %d records, want an error", limit, len(page))
				}
			}
		},
	},
	{
		name: "List/SeesWrites",
		text: "A record is listed when Create returns, as it is stored, and as Swap left it when Swap returns.",
		check: func(c *tester) {
			for i := range 50 {
				own := fmt.Sprintf("label/%d", i)
				r := rec(fmt.Sprintf("key/%02d", i), "first", "label", own)
				c.create(r)
				for _, written := range []string{"Create", "Swap"} {
					if written == "Swap" {
						r = c.swap(next(r, "second"))
					}
					if got := c.pages(own, 10); len(got) != 1 || !same(got[0], r) {
						c.Fatalf("after %s: List(%q) gave %d records %q, want only %s", written, own, len(got), keysOf(got), show(r))
					}
				}
				if got := len(c.pages("label", 100)); got != i+1 {
					c.Fatalf("after Create: List gave %d records, want %d", got, i+1)
				}
			}
		},
	},
	{
		name: "List/ResultIsPrivate",
		text: "What a caller does to the result of List does not change the store.",
		check: func(c *tester) {
			r := rec("key", "value", "label")
			c.create(r)
			for _, got := range c.pages("label", 10) {
				got.Value[0], got.Labels[0] = 'X', "other"
			}
			c.want("after a change to a result", r)
			c.wantList("after a change to a result", "label", "key")
		},
	},
	{
		name: "List/SkipsTheSwept",
		text: "What was swept is in no list, and what is created again is in those of its new labels.",
		check: func(c *tester) {
			r := rec("key", "value", "old", "both")
			r.Expires = 1
			c.create(r, rec("stays", "value", "old"))
			c.sweep(2)
			if c.get("key").Version != 0 {
				return // an engine that drops it later, by itself
			}
			c.wantList("after Sweep", "old", "stays")
			c.wantList("after Sweep", "both")
			c.create(rec("key", "value", "new", "both"))
			c.wantList("after it was created again", "old", "stays")
			c.wantList("after it was created again", "new", "key")
			c.wantList("after it was created again", "both", "key")
		},
	},
	{
		name: "List/PagesHoldBetweenWrites",
		text: "When records are created and swept between two pages, those that stay are in the pages once and in order.",
		check: func(c *tester) {
			var stay []string
			for i := range 20 {
				stay = append(stay, fmt.Sprintf("key/%03d", 10*i))
				c.create(rec(stay[i], "value", "label"))
			}
			n := 0
			c.walk(stay, func() {
				if n++; n%2 == 0 {
					c.sweep(2)
					return
				}
				for i := range 4 {
					r := rec(fmt.Sprintf("key/%03d-%d", i, n), "value", "label")
					r.Expires = 1
					c.create(r)
				}
			})
		},
	},
	{
		name: "List/PagesHoldUnderWrites",
		text: "While others are created and swept, the pages hold every record that is there throughout, once and in order.",
		check: func(c *tester) {
			var stay []string
			for i := range 40 {
				stay = append(stay, fmt.Sprintf("key/%03d", 10*i))
				c.create(rec(stay[i], "value", "label"))
			}
			c.walk(stay, nil)
			var done atomic.Bool
			var reader sync.WaitGroup
			reader.Go(func() {
				for !done.Load() && !c.Failed() {
					c.walk(stay, nil)
				}
			})
			c.chains(c.writes, func(i int) error {
				r := rec(fmt.Sprintf("key/%03d-%d", i%400, i), "value", "label")
				r.Expires = 1
				if err := c.s.Create(c.Context(), r); err != nil {
					return fmt.Errorf("Create(%s) = %w, want nil", show(r), err)
				}
				if i/16%4 > 0 {
					return nil
				}
				if _, err := c.s.Sweep(c.Context(), 2, 6); err != nil {
					return fmt.Errorf("Sweep(2, 6) = %w, want nil", err)
				}
				return nil
			})
			done.Store(true)
			reader.Wait()
		},
	},
}

// walk reads all pages of "label" and fails the case unless each of stay is there exactly once and in order.
// It calls between, if it is not nil, after each page.
func (c *tester) walk(stay []string, between func()) {
	c.Helper()
	var got []string
	for after, more := "", true; more; more = after != "" {
		page, next, err := c.s.List(c.Context(), "label", after, 7)
		if err != nil {
			c.Errorf("List(%q, %q, 7) = %v, want a page", "label", after, err)
			return
		}
		for _, r := range page {
			if r.Version == 0 {
				c.Errorf("List gave an absent record, %q", r.Key)
			}
			if !strings.Contains(r.Key, "-") {
				got = append(got, r.Key)
			}
		}
		if between != nil {
			between()
		}
		if next != "" && next <= after {
			c.Errorf("List(%q, %q, 7) gave the cursor %q, want one that is greater", "label", after, next)
			return
		}
		after = next
	}
	if !slices.Equal(got, stay) {
		c.Errorf("the pages, without what came and went\n got %q\nwant %q", got, stay)
	}
}
