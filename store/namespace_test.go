package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/storetest"
)

func TestNamespaceIsAStore(t *testing.T) {
	const reason = "keys and labels are shorter in a namespace"
	storetest.Run(t, func(testing.TB) store.Store { return store.Namespace(memory.New(), "shop/") }, &storetest.Options{
		Reopen: func(_ testing.TB, s store.Store) store.Store { return s },
		Waive:  map[string]string{"Key/LongestIsKept": reason, "List/OddLabels": reason},
	})
}

func TestNamespace(t *testing.T) {
	ctx := t.Context()
	whole := memory.New()
	a, b := store.Namespace(whole, "a/"), store.Namespace(whole, "b.c/")
	for i, s := range []store.Store{a, b} {
		for _, k := range []string{"1", "2", "3"} {
			r := store.Record{Key: k, Version: int64(i + 1), Expires: int64(i + 1), Labels: []string{"label"}}
			if err := s.Create(ctx, r); err != nil {
				t.Fatalf("Create(%q) in namespace %d = %v, want nil", k, i, err)
			}
		}
	}
	t.Run("prefixes keys and labels", func(t *testing.T) {
		rs, next, err := whole.List(ctx, "b.c/label", "", 10)
		if err != nil || next != "" || len(rs) != 3 || rs[0].Key != "b.c/1" || rs[0].Version != 2 {
			t.Errorf("List of the whole = %v, %q, %v, want the three records of the second namespace", rs, next, err)
		}
	})
	t.Run("gives keys, labels and cursor as they went in", func(t *testing.T) {
		rs, next, err := a.List(ctx, "label", "1", 1)
		if err != nil || len(rs) != 1 || rs[0].Key != "2" || !slices.Equal(rs[0].Labels, []string{"label"}) || next != "2" {
			t.Errorf("List = %v, %q, %v, want the record 2 with its label, and 2 as cursor", rs, next, err)
		}
	})
	t.Run("does not change the caller's record", func(t *testing.T) {
		labels := []string{"x"}
		r := store.Record{Key: "own", Version: 1, Labels: labels}
		if err := a.Create(ctx, r); err != nil || r.Key != "own" || labels[0] != "x" {
			t.Errorf("Create = %v, and left %q with %q", err, r.Key, labels)
		}
	})
	t.Run("leaves room for the library's longest keys", func(t *testing.T) {
		s := store.Namespace(memory.New(), strings.Repeat("n", 23)+"/")
		if err := s.Create(ctx, store.Record{Key: strings.Repeat("k", 104), Version: 1}); err != nil {
			t.Errorf("Create of a key of 104 bytes = %v, want nil", err)
		}
		if err := s.Create(ctx, store.Record{Key: strings.Repeat("k", 105), Version: 1}); err == nil {
			t.Error("Create of a key of 105 bytes = nil, want an error")
		}
	})
	t.Run("refuses what the prefix alone would make good", func(t *testing.T) {
		if err := a.Create(ctx, store.Record{Version: 1}); err == nil {
			t.Error("Create of an empty key = nil, want an error")
		}
	})
	t.Run("sweeps the whole", func(t *testing.T) {
		if n, err := a.Sweep(ctx, 3, 100); n != 6 || err != nil {
			t.Errorf("Sweep = %d, %v, want the 6 of both namespaces", n, err)
		}
	})
	t.Run("refuses records and cursors of others", func(t *testing.T) {
		for name, s := range map[string]lying{
			"key":    {record: store.Record{Key: "b/1"}},
			"label":  {record: store.Record{Key: "a/1", Labels: []string{"b/label"}}},
			"cursor": {record: store.Record{Key: "a/1"}, next: "b/1"},
		} {
			if rs, next, err := store.Namespace(s, "a/").List(ctx, "label", "", 1); err == nil {
				t.Errorf("List with a foreign %s = %v, %q, want an error", name, rs, next)
			}
		}
	})
	t.Run("panics for a prefix that could meet another", func(t *testing.T) {
		for _, prefix := range []string{"", "/", "a", "a/b/", "a//", "a b/", "\u00e9/", strings.Repeat("n", 24) + "/"} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("Namespace(%q) did not panic", prefix)
					}
				}()
				store.Namespace(whole, prefix)
			}()
		}
	})
}

// lying lists one record whatever it is asked.
type lying struct {
	store.Store
	record store.Record
	next   string
}

func (l lying) List(context.Context, string, string, int) ([]store.Record, string, error) {
	return []store.Record{l.record}, l.next, nil
}
