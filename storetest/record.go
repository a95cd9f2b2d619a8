package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/store"
)

var recordRules = []rule{
	values("EveryByte", "Each of the 256 byte values, anywhere in a value, comes back.", func() (vs [][]byte) {
		var all []byte
		for i := range 256 {
			all = append(all, byte(i))
		}
		back := slices.Clone(all)
		slices.Reverse(back)
		return [][]byte{all, back}
	}),
	values("NUL", "A zero byte first, inside or last is a byte like another.", texts("\x00", "\x00a", "a\x00b", "a\x00", "\x00\x00\x00")),
	values("InvalidUTF8", "A value need not be text.", texts("\xff", "a\xc3", "\xed\xa0\x80", "\xfe\xff\x00a", "\xef\xbb\xbfa")),
	values("SpacesStay", "Spaces and line ends, first or last, stay.", texts(" ", "a ", " a", "a\n", "\r\n", "a\r\n", "\t", "\n\n")),
	values("NotNormalised", "Composed and decomposed letters stay what they were.", texts("\u00e9", "e\u0301", "\u212b", "\u00c5", "\ufb01")),
	values("JSONStays", "A value that looks like JSON is bytes: spaces, order and repetition of members, and numbers stay.", texts(
		`{ "b": 1, "a": 2 }`, `{"a":1,"a":2}`, `{"n":1.0,"m":1e3}`, `{"n":12345678901234567890}`, `"text"`, `null`, `{"a":"\u00e9\/"}`)),
	values("NilAndEmpty", "A value may be nil or empty, and comes back with length 0.", func() [][]byte { return [][]byte{nil, {}} }),
	values("Longest", "A value of 64 KiB is kept whole.", func() [][]byte {
		return [][]byte{bytes.Repeat([]byte("0123456789abcde\xff"), 4096), bytes.Repeat([]byte{0}, 65535)}
	}),
	apart("CaseMatters", "Keys that differ only in case are different.", "grant/abc", "grant/ABC", "Grant/abc", "grant/abC"),
	apart("LongestIsKept", "A key of 128 bytes counts to its last byte.", strings.Repeat("k", 127)+"1", strings.Repeat("k", 127)+"2",
		strings.Repeat("k", 127), strings.Repeat("K", 128)),
	apart("PunctuationIsLiteral", "Punctuation in a key matches itself and nothing else.",
		"a_b", "a.b", "a~b", "a-b", "a/b", "axb", "ab", "a", "_", ".", "..", "/", "//", "./a", "a/", "a/../b"),
	apart("NotNumbers", "A key is no number and no word of a query language.", "0123", "123", "1e3", "1000", "1000.0", "-0", "0", "null", "NULL", "true"),
	{
		name: "Record/VersionHas53Bits",
		text: "Versions above 2^52 are kept and counted exactly.",
		check: func(c *tester) {
			r := rec("key", "value")
			r.Version = 1 << 52
			c.create(r)
			for range 5 {
				r = c.swap(r)
				c.want("after Swap", r)
			}
			r.Version--
			c.wantErr("Swap at one below", c.s.Swap(c.Context(), r), store.ErrConflict)
		},
	},
	{
		name: "Record/BeyondTheLimits",
		text: "A record beyond the limits is an error that is no sentinel, and is not cut to fit: begin Create and Swap with Record.Check.",
		check: func(c *tester) {
			long := strings.Repeat("x", 129)
			many := make([]string, 17)
			for i := range many {
				many[i] = fmt.Sprintf("label/%d", i)
			}
			good := rec("key", "value")
			c.create(good)
			for _, bad := range []struct {
				what   string
				change func(*store.Record)
			}{
				{"a value of 64 KiB and 1 byte", func(r *store.Record) { r.Value = make([]byte, 64<<10+1) }},
				{"a key of 129 bytes", func(r *store.Record) { r.Key = long }},
				{"an empty key", func(r *store.Record) { r.Key = "" }},
				{"a key with a space", func(r *store.Record) { r.Key = "a b" }},
				{"a key with a zero byte", func(r *store.Record) { r.Key = "a\x00b" }},
				{"a key with a letter outside ASCII", func(r *store.Record) { r.Key = "caf\u00e9" }},
				{"version 0", func(r *store.Record) { r.Version = 0 }},
				{"version -1", func(r *store.Record) { r.Version = -1 }},
				{"Expires -1", func(r *store.Record) { r.Expires = -1 }},
				{"Expires in the year 10000", func(r *store.Record) { r.Expires = 253402300800 }},
				{"17 labels", func(r *store.Record) { r.Labels = many }},
				{"a label of 129 bytes", func(r *store.Record) { r.Labels = []string{long} }},
				{"an empty label", func(r *store.Record) { r.Labels = []string{""} }},
				{"the same label twice", func(r *store.Record) { r.Labels = []string{"a", "a"} }},
			} {
				r := rec("new", "value")
				bad.change(&r)
				if err := c.s.Create(c.Context(), r); err == nil || refused(err) {
					c.Errorf("Create with %s = %v, want an error that is no sentinel", bad.what, err)
				}
				r = good
				bad.change(&r)
				if err := c.s.Swap(c.Context(), r); err == nil || refused(err) {
					c.Errorf("Swap with %s = %v, want an error that is no sentinel", bad.what, err)
				}
			}
			c.absent("after all", "new")
			c.want("after all", good)
		},
	},
}

// values is the rule that each of some values comes back byte for byte, from Create and from Swap.
func values(name, text string, of func() [][]byte) rule {
	return rule{name: "Value/" + name, text: text, check: func(c *tester) {
		for i, v := range of() {
			created := store.Record{Key: fmt.Sprintf("created/%d", i), Version: first, Value: v}
			c.create(created)
			c.want("after Create", created)

			swapped := rec(fmt.Sprintf("swapped/%d", i), "before", "label")
			c.create(swapped)
			swapped.Value = v
			c.want("after Swap", c.swap(swapped))
		}
	}}
}

func texts(ts ...string) func() [][]byte {
	return func() (vs [][]byte) {
		for _, t := range ts {
			vs = append(vs, []byte(t))
		}
		return vs
	}
}

// apart is the rule that each of keys is its own: absent until it is created, and then as it was created.
func apart(name, text string, keys ...string) rule {
	return rule{name: "Key/" + name, text: text, check: func(c *tester) {
		var rs []store.Record
		for i, k := range keys {
			c.absent("before its Create", k)
			r := rec(k, "value of "+k, "label")
			r.Version += int64(i)
			c.create(r)
			rs = append(rs, r)
		}
		c.want("after all", rs...)
		for i := range rs {
			rs[i] = c.swap(next(rs[i], "second of "+rs[i].Key))
		}
		c.want("after a Swap of each", rs...)
		slices.Sort(keys)
		c.wantList("after a Swap of each", "label", keys...)
	}}
}
