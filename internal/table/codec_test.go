package table_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// frame is a value as the layer stores it: the format, a nonce, the payload.
func frame(payload string) []byte { return []byte("\x01nonce-of-16-byte" + payload) }

// item and app are types as an old node knows them.
type item struct {
	ID    string `json:"id"`
	Until int    `json:"until,omitempty"`
}

type app struct {
	Name   string `json:"name"`
	Paused bool   `json:"paused,omitempty"`
	Live   struct {
		URI string `json:"uri"`
	} `json:"live"`
	Items []item          `json:"items"`
	Notes map[string]item `json:"notes,omitempty"`
	Next  *item           `json:"next,omitempty"`
}

// TestUnknownMembersStay has an old node change what a newer one stored.
func TestUnknownMembersStay(t *testing.T) {
	const stored = `{"name":"n","new":1.50,"live":{"uri":"u","logo":{"w":1}},"items":[{"id":"a","x":1},{"id":"b","x":2},{"id":"b","x":3}],` +
		`"notes":{"k":{"id":"1","y":[1]},"l":{"id":"2"}},"next":{"id":"n","z":null}}`
	for _, c := range []struct {
		name   string
		change func(*app)
		want   string
	}{
		{"when nothing changes", func(*app) {}, stored},
		{"when a member beside them changes", func(a *app) { a.Name, a.Paused = "m", true },
			strings.Replace(stored, `"name":"n"`, `"name":"m","paused":true`, 1)},
		{"when a member of their object changes", func(a *app) { a.Live.URI = "v" }, strings.Replace(stored, `"u"`, `"v"`, 1)},
		{"in the elements of an array that did not change, wherever they are", func(a *app) {
			a.Items = []item{{ID: "new"}, a.Items[2], a.Items[0]}
		}, strings.Replace(stored, `[{"id":"a","x":1},{"id":"b","x":2},{"id":"b","x":3}]`, `[{"id":"new"},{"id":"b","x":2},{"id":"a","x":1}]`, 1)},
		{"but not in an element that changed", func(a *app) { a.Items[0].Until = 5 },
			strings.Replace(stored, `{"id":"a","x":1}`, `{"id":"a","until":5}`, 1)},
		{"but not in an array that was emptied", func(a *app) { a.Items = []item{} },
			strings.Replace(stored, `[{"id":"a","x":1},{"id":"b","x":2},{"id":"b","x":3}]`, `[]`, 1)},
		{"in the entries of a map, where one leaves and one comes", func(a *app) {
			delete(a.Notes, "l")
			a.Notes["m"] = item{ID: "3"}
			a.Notes["k"] = item{ID: "4"}
		}, strings.Replace(stored, `"notes":{"k":{"id":"1","y":[1]},"l":{"id":"2"}}`, `"notes":{"k":{"id":"4","y":[1]},"m":{"id":"3"}}`, 1)},
		{"but not in an object that was removed", func(a *app) { a.Next = nil }, strings.Replace(stored, `,"next":{"id":"n","z":null}`, ``, 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := memory.New()
			apps := table.New[app](s, "app/")
			if err := s.Create(t.Context(), store.Record{Key: "app/x", Version: 1, Value: frame(stored)}); err != nil {
				t.Fatal(err)
			}
			row, err := apps.Update(t.Context(), "x", now, func(r *table.Row[app]) error { c.change(&r.Value); return nil })
			if err != nil {
				t.Fatal(err)
			}
			checkPayload(t, s, c.want)

			// A second write begins with what the first returned.
			row.Value.Name = "second"
			if _, err := apps.Swap(t.Context(), table.NewWrite(), row); err != nil {
				t.Fatal(err)
			}
			name := `"name":"n"`
			if strings.Contains(c.want, `"name":"m"`) {
				name = `"name":"m"`
			}
			checkPayload(t, s, strings.Replace(c.want, name, `"name":"second"`, 1))
		})
	}
}

func TestKnownMembersAreNotUnknown(t *testing.T) {
	for stored, want := range map[string]string{
		`{"NAME":"n","PAUSED":false,"new":1}`: `{"name":"m","paused":true,"live":{"uri":""},"items":null,"new":1}`, // in other letters
		`{"name":"n","paused":false,"new":1}`: `{"name":"m","paused":true,"live":{"uri":""},"items":null,"new":1}`, // that the type omits
	} {
		s := memory.New()
		apps := table.New[app](s, "app/")
		if err := s.Create(t.Context(), store.Record{Key: "app/x", Version: 1, Value: frame(stored)}); err != nil {
			t.Fatal(err)
		}
		if _, err := apps.Update(t.Context(), "x", now, func(r *table.Row[app]) error {
			r.Value.Name, r.Value.Paused = "m", true
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		checkPayload(t, s, want)
	}
}

func checkPayload(t *testing.T, s store.Store, want string) {
	t.Helper()
	rs, err := s.Get(t.Context(), "app/x")
	if err != nil {
		t.Fatal(err)
	}
	var g, w any
	if err := errors.Join(json.Unmarshal(rs[0].Value[17:], &g), json.Unmarshal([]byte(want), &w)); err != nil {
		t.Fatalf("%v in %s", err, rs[0].Value[17:])
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

// coded has a form of its own.
type coded struct {
	n     byte
	extra []byte // what it does not understand
}

func (c *coded) AppendBinary(b []byte) ([]byte, error) {
	if c.n == 0xff {
		return nil, errors.New("not to be coded")
	}
	return append(append(b, c.n), c.extra...), nil
}

func (c *coded) UnmarshalBinary(b []byte) error {
	if len(b) == 0 {
		return errors.New("empty")
	}
	c.n, c.extra = b[0], b[1:]
	return nil
}

func TestBinaryForm(t *testing.T) {
	s := memory.New()
	rows := table.New[coded](s, "c/")
	row, err := rows.Create(t.Context(), table.NewWrite(), table.Row[coded]{ID: "x", Value: coded{7, []byte("new")}}, now)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := s.Get(t.Context(), "c/x")
	if err != nil || rs[0].Value[0] != 1 || string(rs[0].Value[17:]) != "\x07new" {
		t.Errorf("stored %q, %v, want the format, a nonce and the type's own form", rs[0].Value, err)
	}
	if row, err = rows.Get(t.Context(), "x"); err != nil || row.Value.n != 7 || string(row.Value.extra) != "new" {
		t.Errorf("Get = %+v, %v, want what was stored", row, err)
	}
	row.Value.n = 0xff
	if _, err := rows.Swap(t.Context(), table.NewWrite(), row); err == nil || errors.Is(err, table.ErrUnavailable) {
		t.Errorf("Swap of what has no form = %v, want its error", err)
	}
}

func TestNonceIsTheRequests(t *testing.T) {
	s := memory.New()
	notes := table.New[note](s, "note/")
	nonces := make(map[string]bool)
	for range 2 {
		w := table.NewWrite()
		for _, id := range []string{"x", "y"} {
			_, err := notes.Create(t.Context(), w, table.Row[note]{ID: id, Expires: 1}, now)
			if err != nil {
				t.Fatal(err)
			}
			rs, err := s.Get(t.Context(), notes.Key(id))
			if err != nil {
				t.Fatal(err)
			}
			nonces[string(rs[0].Value[1:17])] = true
		}
	}
	if len(nonces) != 2 {
		t.Errorf("two requests of two writes stored %d nonces, want 2", len(nonces))
	}
}

func TestHash(t *testing.T) {
	seen := make(map[string][]string)
	long := strings.Repeat("a", 200)
	for _, parts := range [][]string{
		nil, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"ab"}, {"a", "b"}, {"b", "a"}, {"a", "b", ""}, {"\x01a"}, {"\x01", "a"},
		{"\x00"}, {long}, {long[:100], long[100:]}, {long[:72], long[72:]}, {"A"}, {"\u00e9"}, {"e\u0301"},
	} {
		h := table.Hash(parts...)
		if other, ok := seen[h]; ok {
			t.Errorf("Hash(%q) = Hash(%q)", parts, other)
		}
		seen[h] = parts
		if err := (store.Record{Key: h, Version: 1}).Check(); err != nil || len(h) != 43 {
			t.Errorf("Hash(%q) = %q, want 43 characters of a key", parts, h)
		}
	}
}

func TestList(t *testing.T) {
	notes := table.New[note](memory.New(), "note/")
	for i := range 5 {
		row := table.Row[note]{ID: fmt.Sprint(i), Labels: []string{"all"}, Value: note{Count: i}}
		if _, err := notes.Create(t.Context(), table.NewWrite(), row, now); err != nil {
			t.Fatal(err)
		}
	}
	rows, next, err := notes.List(t.Context(), "all", notes.Key("1"), 2)
	if err != nil || len(rows) != 2 || rows[0].ID != "2" || rows[1].Value.Count != 3 || next != notes.Key("3") {
		t.Errorf("List = %+v, %q, %v, want the rows 2 and 3 and the cursor of the latter", rows, next, err)
	}
}

// FuzzDecode reads hostile values. What can be read is written back without a loss: all that a reader of
// JSON finds in the stored text and the type does not know is there afterwards.
func FuzzDecode(f *testing.F) {
	f.Add(frame(`{"name":"n","items":[{"id":"a","x":1}],"new":{"a":[1,{"b":null}]}}`))
	f.Add(frame(`{"name":"n","name":"m","Name":"o","live":null}`))
	f.Add(frame(`{"notes":{"a":{"id":"b","c":"d"}},"next":{},"items":[{},{}]}`))
	f.Add(frame(`null`))
	f.Add(frame(`{`))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{1}, 17))
	f.Fuzz(func(t *testing.T, value []byte) {
		s := memory.New()
		apps := table.New[app](s, "app/")
		if err := s.Create(t.Context(), store.Record{Key: "app/x", Version: 1, Value: value}); err != nil {
			return // too long
		}
		row, err := apps.Get(t.Context(), "x")
		if err != nil || repeats(value[17:]) {
			return
		}
		row.Value.Paused = !row.Value.Paused
		row, err = apps.Swap(t.Context(), table.NewWrite(), row)
		if err != nil {
			if len(value) < 8<<10 {
				t.Fatalf("Swap of what was read = %v", err)
			}
			return // escapes made it too long
		}
		again, err := apps.Get(t.Context(), "x")
		if err != nil || !reflect.DeepEqual(again.Value, row.Value) {
			t.Fatalf("written\n got %+v, %v\nwant %+v", again.Value, err, row.Value)
		}
		rs, err := s.Get(t.Context(), "app/x")
		if err != nil {
			t.Fatal(err)
		}
		var before, after map[string]any
		if json.Unmarshal(value[17:], &before) != nil {
			return
		}
		if err := json.Unmarshal(rs[0].Value[17:], &after); err != nil {
			t.Fatal(err)
		}
		for name, want := range before {
			known := false
			for _, k := range []string{"name", "paused", "live", "items", "notes", "next"} {
				known = known || strings.EqualFold(k, name)
			}
			if got, ok := after[name]; !known && (!ok || !reflect.DeepEqual(got, want)) {
				t.Errorf("the member %q was %v and is %v", name, want, got)
			}
		}
	})
}

// repeats reports whether an object in the text has two members of one name, or one to package json: what
// is then read depends on their order, and this library stores none.
func repeats(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	var names []map[string]bool // of each open object, nil for an array
	isName := false
	for {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		switch tok := tok.(type) {
		case json.Delim:
			switch tok {
			case '{':
				names, isName = append(names, make(map[string]bool)), true
				continue
			case '[':
				names, isName = append(names, nil), false
				continue
			}
			names = names[:len(names)-1]
		case string:
			if isName {
				fold := strings.ToLower(strings.ToUpper(tok))
				if names[len(names)-1][fold] {
					return true
				}
				names[len(names)-1][fold], isName = true, false
				continue
			}
		}
		isName = len(names) > 0 && names[len(names)-1] != nil
	}
}

func TestAllocations(t *testing.T) {
	rows := table.New[coded](memory.New(), "c/")
	ctx, w := context.Background(), table.NewWrite()
	row, err := rows.Create(ctx, w, table.Row[coded]{ID: "x", Value: coded{7, make([]byte, 300)}}, now)
	if err != nil {
		t.Fatal(err)
	}
	// The key, the payload, the frame, the record's value in the store, and the row, which coding takes
	// the address of.
	const want = 6
	if got := testing.AllocsPerRun(100, func() {
		if row, err = rows.Swap(ctx, w, row); err != nil {
			t.Fatal(err)
		}
	}); got > want {
		t.Errorf("Swap allocates %v times, want at most %v", got, want)
	}
}

func BenchmarkSwap(b *testing.B) {
	b.Run("binary", func(b *testing.B) {
		benchmark(b, table.New[coded](memory.New(), "c/"), coded{7, make([]byte, 300)})
	})
	b.Run("JSON", func(b *testing.B) {
		benchmark(b, table.New[note](memory.New(), "note/"), note{Text: strings.Repeat("t", 300)})
	})
}

func benchmark[T any](b *testing.B, rows *table.Table[T], value T) {
	b.ReportAllocs()
	w := table.NewWrite()
	row, err := rows.Create(b.Context(), w, table.Row[T]{ID: "x", Value: value}, now)
	for b.Loop() {
		if err != nil {
			b.Fatal(err)
		}
		row, err = rows.Swap(b.Context(), w, row)
	}
}
