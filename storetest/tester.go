package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

// tester is what a case works with: the test, an empty store, and helpers that fail the test if the store
// does not do what every store must.
type tester struct {
	testing.TB
	s   store.Store // calls end, see watched
	own store.Store // the same, as its author made it

	newStore func(testing.TB) store.Store
	o        *Options
	scale
}

// scale is how hard a run tries.
type scale struct {
	contenders int                 // in a race
	writes     int                 // where many are needed
	calls      int                 // that may leave nothing behind
	load       time.Duration       // of all methods at once
	patience   time.Duration       // with a call
	sleep      func(time.Duration) // until a record expires
}

// with returns a tester like c of another store, or of another handle on the same.
func (c *tester) with(s store.Store) *tester {
	d := *c
	d.s, d.own = watched{c.TB, s, c.patience}, s
	return &d
}

// impatient returns a tester like c whose calls end within d.
func (c *tester) impatient(d time.Duration) *tester {
	i := *c
	i.patience = d
	return i.with(c.own)
}

// first is the version of most records: a small one, so that a store that cuts large ones fails the cases
// about those alone.
const first = 4711

// rec returns a record that never expires.
func rec(key, value string, labels ...string) store.Record {
	return store.Record{Key: key, Version: first, Value: []byte(value), Labels: labels}
}

// next returns r with another value, as the record of a Swap.
func next(r store.Record, value string) store.Record {
	r.Value = []byte(value)
	return r
}

func (c *tester) create(rs ...store.Record) {
	c.Helper()
	for _, r := range rs {
		if err := c.s.Create(c.Context(), r); err != nil {
			c.Fatalf("Create(%s) = %v, want nil", show(r), err)
		}
	}
}

// swap writes r and returns it as it is then stored.
func (c *tester) swap(r store.Record) store.Record {
	c.Helper()
	if err := c.s.Swap(c.Context(), r); err != nil {
		c.Fatalf("Swap(%s) at the stored version = %v, want nil", show(r), err)
	}
	r.Version++
	return r
}

func (c *tester) get(key string) store.Record {
	c.Helper()
	return c.getAll(key)[0]
}

func (c *tester) getAll(keys ...string) []store.Record {
	c.Helper()
	rs, err := c.s.Get(c.Context(), keys...)
	if err != nil {
		c.Fatalf("Get(%q) = %v, want records", keys, err)
	}
	if len(rs) != len(keys) {
		c.Fatalf("Get(%q) gave %d records, want %d", keys, len(rs), len(keys))
	}
	return rs
}

// want fails the case if the records in the store are not these.
func (c *tester) want(after string, rs ...store.Record) {
	c.Helper()
	for _, r := range rs {
		if got := c.get(r.Key); !same(got, r) {
			c.Errorf("%s: Get(%q)\n got %s\nwant %s", after, r.Key, show(got), show(r))
		}
	}
}

// absent fails the case if one of keys has a record.
func (c *tester) absent(after string, keys ...string) {
	c.Helper()
	for _, k := range keys {
		c.want(after, store.Record{Key: k})
	}
}

// wantErr fails the case if err is not want.
func (c *tester) wantErr(call string, err, want error) {
	c.Helper()
	if !errors.Is(err, want) {
		c.Errorf("%s = %v, want %v by errors.Is", call, err, want)
	}
}

// pages returns the records with a label, read in pages of limit.
func (c *tester) pages(label string, limit int) []store.Record {
	c.Helper()
	return c.pagesAfter(label, "", limit)
}

// pagesAfter returns those of pages from a cursor on.
func (c *tester) pagesAfter(label, after string, limit int) (rs []store.Record) {
	c.Helper()
	for {
		page, next, err := c.s.List(c.Context(), label, after, limit)
		if err != nil {
			c.Fatalf("List(%q, %q, %d) = %v, want a page", label, after, limit, err)
		}
		if len(page) > limit {
			c.Fatalf("List(%q, %q, %d) gave %d records", label, after, limit, len(page))
		}
		if slices.ContainsFunc(page, func(r store.Record) bool { return r.Version == 0 }) {
			c.Errorf("List(%q, %q, %d) gave an absent record: %s", label, after, limit, showAll(page))
		}
		rs = append(rs, page...)
		if next == "" {
			return rs
		}
		if next <= after {
			c.Fatalf("List(%q, %q, %d) gave the cursor %q, want one that is greater", label, after, limit, next)
		}
		after = next
	}
}

// wantList fails the case if the records with label are not those with keys, in that order.
func (c *tester) wantList(after, label string, keys ...string) {
	c.Helper()
	if got := keysOf(c.pages(label, 100)); !slices.Equal(got, keys) {
		c.Errorf("%s: List(%q)\n got %q\nwant %q", after, label, got, keys)
	}
}

// soon returns Unix seconds that far ahead, for records that no engine may drop yet.
func soon(d time.Duration) int64 { return time.Now().Add(d).Unix() }

// cancelled returns a context that is done.
func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

// same reports whether two records are equal, but for the order of their labels.
func same(a, b store.Record) bool {
	return a.Key == b.Key && a.Version == b.Version && a.Expires == b.Expires && bytes.Equal(a.Value, b.Value) &&
		slices.Equal(slices.Sorted(slices.Values(a.Labels)), slices.Sorted(slices.Values(b.Labels)))
}

func clone(r store.Record) store.Record {
	r.Labels, r.Value = slices.Clone(r.Labels), bytes.Clone(r.Value)
	return r
}

func keysOf(rs []store.Record) []string {
	keys := make([]string, len(rs))
	for i, r := range rs {
		keys[i] = r.Key
	}
	return keys
}

// showAll prints records for people.
func showAll(rs []store.Record) string {
	shown := make([]string, len(rs))
	for i, r := range rs {
		shown[i] = show(r)
	}
	return "[" + strings.Join(shown, "\n     ") + "]"
}

// show prints a record for people, with the beginning of a long value.
func show(r store.Record) string {
	v, dots := r.Value, ""
	if len(v) > 64 {
		v, dots = v[:64], fmt.Sprintf("... of %d bytes", len(r.Value))
	}
	return fmt.Sprintf("{key %q, version %d, expires %d, labels %q, value %q%s}", r.Key, r.Version, r.Expires, r.Labels, v, dots)
}
