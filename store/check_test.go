package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/store"
)

func TestRecordCheck(t *testing.T) {
	long := strings.Repeat("k", 128)
	labels := func(n int) (ls []string) {
		for i := range n {
			ls = append(ls, fmt.Sprintf("label/%d", i))
		}
		return ls
	}
	for _, c := range []struct {
		name   string
		change func(*store.Record)
		want   string // "" is no error
	}{
		{"the smallest", func(r *store.Record) {}, ""},
		{"the largest", func(r *store.Record) {
			*r = store.Record{Key: long, Version: 1<<53 - 1, Expires: 253402300799, Labels: labels(16), Value: make([]byte, 64<<10)}
		}, ""},
		{"every character", func(r *store.Record) {
			r.Key = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.~-"
		}, ""},
		{"no key", func(r *store.Record) { r.Key = "" }, "store: key is empty"},
		{"a long key", func(r *store.Record) { r.Key = long + "k" }, "store: key of 129 bytes, want at most 128"},
		{"a key with a space", func(r *store.Record) { r.Key = "a b" }, `store: key has " " at byte 1, want one of [A-Za-z0-9/_.~-]`},
		{"a key outside ASCII", func(r *store.Record) { r.Key = "\u00e9" }, `store: key has "\xc3" at byte 0, want one of [A-Za-z0-9/_.~-]`},
		{"version 0", func(r *store.Record) { r.Version = 0 }, "store: version 0, want 1 to 9007199254740991"},
		{"version 2^53", func(r *store.Record) { r.Version = 1 << 53 }, "store: version 9007199254740992, want 1 to 9007199254740991"},
		{"an expiry before 1970", func(r *store.Record) { r.Expires = -1 }, "store: expiry at -1, want 0 to 253402300799"},
		{"an expiry in the year 10000", func(r *store.Record) { r.Expires = 253402300800 }, "store: expiry at 253402300800, want 0 to 253402300799"},
		{"a long value", func(r *store.Record) { r.Value = make([]byte, 64<<10+1) }, "store: value of 65537 bytes, want at most 65536"},
		{"17 labels", func(r *store.Record) { r.Labels = labels(17) }, "store: 17 labels, want at most 16"},
		{"an empty label", func(r *store.Record) { r.Labels = []string{"a", ""} }, "store: label 1 is empty"},
		{"a long label", func(r *store.Record) { r.Labels = []string{long + "k"} }, "store: label 0 of 129 bytes, want at most 128"},
		{"a label twice", func(r *store.Record) { r.Labels = []string{"a", "b", "a"} }, "store: label 2 is there twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := store.Record{Key: "k", Version: 1}
			c.change(&r)
			if err := r.Check(); err == nil && c.want != "" || err != nil && err.Error() != c.want {
				t.Errorf("Check() = %v, want %q", err, c.want)
			}
		})
	}
	t.Run("allocates nothing", func(t *testing.T) {
		r := store.Record{Key: long, Version: 1, Labels: labels(3), Value: make([]byte, 300)}
		if n := testing.AllocsPerRun(100, func() { _ = r.Check() }); n != 0 {
			t.Errorf("Check allocates %v times, want 0", n)
		}
	})
}
