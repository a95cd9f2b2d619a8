package table_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

var errBroken = errors.New("connection reset")

// faulty is a memory store whose writes and reads can be interfered with.
type faulty struct {
	*memory.Store
	write  func(call int, do func() error) error // nil: do
	read   func(call int, do func() ([]store.Record, error)) ([]store.Record, error)
	writes int
	reads  int
}

func (f *faulty) Create(ctx context.Context, r store.Record) error {
	return f.wrote(func() error { return f.Store.Create(ctx, r) })
}

func (f *faulty) Swap(ctx context.Context, r store.Record) error {
	return f.wrote(func() error { return f.Store.Swap(ctx, r) })
}

func (f *faulty) wrote(do func() error) error {
	if f.writes++; f.write == nil {
		return do()
	}
	return f.write(f.writes, do)
}

func (f *faulty) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	do := func() ([]store.Record, error) { return f.Store.Get(ctx, keys...) }
	if f.reads++; f.read == nil {
		return do()
	}
	return f.read(f.reads, do)
}

type note struct {
	Text  string `json:"text"`
	Count int    `json:"count"`
}

const now = 1_800_000_000

// world is a table over a faulty store, with the means to write behind its back.
type world struct {
	*testing.T
	f     *faulty
	notes *table.Table[note]
	aside *table.Table[note] // the same records, without faults
}

func newWorld(t *testing.T) *world {
	f := &faulty{Store: memory.New()}
	return &world{T: t, f: f, notes: table.New[note](f, "note/"), aside: table.New[note](f.Store, "note/")}
}

// other adds one write of somebody else's.
func (w *world) other() {
	w.Helper()
	row, err := w.aside.Get(w.Context(), "x")
	if err == nil {
		row.Value = note{Text: "other's", Count: row.Value.Count + 100}
		if row.Version == 0 {
			_, err = w.aside.Create(w.Context(), table.NewWrite(), row, now)
		} else {
			_, err = w.aside.Swap(w.Context(), table.NewWrite(), row)
		}
	}
	if err != nil {
		w.Fatalf("a write aside: %v", err)
	}
}

// drop sweeps everything that expires.
func (w *world) drop() {
	w.Helper()
	if _, err := w.f.Store.Sweep(w.Context(), 1<<40, 1000); err != nil {
		w.Fatal(err)
	}
}

// TestWrites proves each rule of a write's outcome, for Create and Swap alike, by a store with that fault.
func TestWrites(t *testing.T) {
	type outcome struct {
		err    error // nil, a sentinel or ErrUnavailable; store.ErrConflict stands for Create's ErrExists too
		text   string
		doubt  bool
		writes int
	}
	lose := func(call int, do func() error) error { return errBroken }
	for _, c := range []struct {
		name  string
		fault func(*world)
		want  outcome
	}{
		{"without a fault succeeds at once", func(*world) {}, outcome{nil, "mine", false, 1}},
		{"applied and then an error succeeds", func(w *world) {
			w.f.write = func(_ int, do func() error) error { return errors.Join(do(), errBroken) }
		}, outcome{nil, "mine", false, 1}},
		{"an error and not applied is sent again", func(w *world) {
			w.f.write = func(call int, do func() error) error {
				if call < table.Rounds {
					return errBroken
				}
				return do()
			}
		}, outcome{nil, "mine", false, table.Rounds}},
		{"applied twice by the driver succeeds", func(w *world) {
			w.f.write = func(_ int, do func() error) error { do(); return do() }
		}, outcome{nil, "mine", false, 1}},
		{"landing after the next read succeeds", func(w *world) {
			var late func() error
			w.f.write = func(call int, do func() error) error {
				if call == 1 {
					late = do
					return errBroken
				}
				return do()
			}
			w.f.read = func(_ int, do func() ([]store.Record, error)) ([]store.Record, error) {
				rs, err := do()
				if late != nil {
					late()
					late = nil
				}
				return rs, err
			}
		}, outcome{nil, "mine", false, 2}},
		{"applied, then an error and a stale read, succeeds", func(w *world) {
			before, _ := w.f.Store.Get(w.Context(), "note/x")
			w.f.write = func(call int, do func() error) error { return errors.Join(do(), errBroken) }
			w.f.read = func(call int, do func() ([]store.Record, error)) ([]store.Record, error) {
				if call == 1 {
					return before, nil
				}
				return do()
			}
		}, outcome{nil, "mine", false, 2}},
		{"applied, then an error and two reads that fail, succeeds", func(w *world) {
			w.f.write = func(call int, do func() error) error { return errors.Join(do(), errBroken) }
			w.f.read = func(call int, do func() ([]store.Record, error)) ([]store.Record, error) {
				if call <= 2 {
					return nil, errBroken
				}
				return do()
			}
		}, outcome{nil, "mine", false, 3}},
		{"never applied gives up after four rounds, in doubt", func(w *world) {
			w.f.write = lose
		}, outcome{table.ErrUnavailable, "", true, table.Rounds}},
		{"without any answer gives up after four rounds, in doubt", func(w *world) {
			w.f.write = func(_ int, do func() error) error { return errors.Join(do(), errBroken) }
			w.f.read = func(int, func() ([]store.Record, error)) ([]store.Record, error) { return nil, errBroken }
		}, outcome{table.ErrUnavailable, "", true, table.Rounds}},
		{"refused, with no read to tell by whom, is no conflict", func(w *world) {
			w.f.write = func(_ int, do func() error) error { do(); return do() }
			w.f.read = func(int, func() ([]store.Record, error)) ([]store.Record, error) { return nil, errBroken }
		}, outcome{table.ErrUnavailable, "", true, table.Rounds}},
		{"after another's is surely lost", func(w *world) {
			w.f.write = func(_ int, do func() error) error { w.other(); return do() }
		}, outcome{store.ErrConflict, "other's", false, 1}},
		{"with an error and then after another's is surely lost", func(w *world) {
			w.f.write = func(call int, do func() error) error {
				if call == 1 {
					return errBroken
				}
				w.other()
				return do()
			}
		}, outcome{store.ErrConflict, "other's", false, 2}},
		{"applied, written over and then an error is in doubt", func(w *world) {
			w.f.write = func(_ int, do func() error) error {
				err := do()
				w.other()
				return errors.Join(err, errBroken)
			}
		}, outcome{store.ErrConflict, "other's", true, 1}},
		{"applied, written over and repeated by the driver is in doubt", func(w *world) {
			w.f.write = func(_ int, do func() error) error { do(); w.other(); return do() }
		}, outcome{store.ErrConflict, "other's", true, 1}},
	} {
		for _, verb := range []string{"Create", "Swap"} {
			t.Run(verb+" "+c.name, func(t *testing.T) {
				w := newWorld(t)
				row := table.Row[note]{ID: "x", Expires: now + 60, Labels: []string{"notes"}}
				if verb == "Swap" {
					var err error
					row.Value.Text = "before"
					if row, err = w.aside.Create(t.Context(), table.NewWrite(), row, now); err != nil {
						t.Fatal(err)
					}
				}
				first := row.Version
				c.fault(w)
				row.Value = note{"mine", 1}
				by := table.NewWrite()
				var got table.Row[note]
				var err error
				want := c.want
				if verb == "Swap" {
					got, err = w.notes.Swap(t.Context(), by, row)
				} else {
					got, err = w.notes.Create(t.Context(), by, row, now)
					if want.err == store.ErrConflict {
						want.err = store.ErrExists
					}
				}
				if !errors.Is(err, want.err) || got.Value.Text != want.text || by.Doubt() != want.doubt || w.f.writes != want.writes {
					t.Errorf("%s = %q, %v, doubt %v after %d writes\nwant %q, %v, doubt %v after %d",
						verb, got.Value.Text, err, by.Doubt(), w.f.writes, want.text, want.err, want.doubt, want.writes)
				}
				for _, sentinel := range []error{store.ErrExists, store.ErrConflict, table.ErrUnavailable} {
					if errors.Is(err, sentinel) && sentinel != want.err {
						t.Errorf("the error %q is %q too", err, sentinel)
					}
				}
				if err != nil {
					return
				}
				stored, getErr := w.aside.Get(t.Context(), "x")
				if getErr != nil || stored.Value != row.Value || stored.Version != got.Version {
					t.Errorf("stored is %+v, %v, want what was returned, %+v", stored, getErr, got)
				}
				if verb == "Swap" && got.Version != first+1 {
					t.Errorf("Swap went from version %d to %d, want one more", first, got.Version)
				}
			})
		}
	}
}

func TestSwapTwoBehind(t *testing.T) {
	w := newWorld(t)
	w.other()
	row, err := w.notes.Get(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	w.other()
	w.other()
	by := table.NewWrite()
	got, err := w.notes.Swap(t.Context(), by, row)
	if !errors.Is(err, store.ErrConflict) || !by.Doubt() || got.Value.Count != 300 {
		t.Errorf("Swap two versions behind = %+v, %v, doubt %v, want the stored row, %v and doubt", got, err, by.Doubt(), store.ErrConflict)
	}
}

func TestSwapOfADroppedRow(t *testing.T) {
	w := newWorld(t)
	row, err := w.notes.Create(t.Context(), table.NewWrite(), table.Row[note]{ID: "x", Expires: now}, now)
	if err != nil {
		t.Fatal(err)
	}
	w.drop()
	by := table.NewWrite()
	got, err := w.notes.Swap(t.Context(), by, row)
	if !errors.Is(err, store.ErrConflict) || got.Version != 0 || got.ID != "x" {
		t.Errorf("Swap = %+v, %v, want an absent row and %v", got, err, store.ErrConflict)
	}
}

func TestCreateOverALeftover(t *testing.T) {
	leftover := func(t *testing.T) (*world, table.Row[note]) {
		w := newWorld(t)
		old, err := w.aside.Create(t.Context(), table.NewWrite(),
			table.Row[note]{ID: "x", Expires: now, Labels: []string{"old"}, Value: note{Text: "old"}}, now)
		if err != nil {
			t.Fatal(err)
		}
		return w, old
	}
	fresh := table.Row[note]{ID: "x", Expires: now + 60, Labels: []string{"new"}, Value: note{Text: "mine"}}

	t.Run("that expired takes it over, with its labels", func(t *testing.T) {
		w, old := leftover(t)
		got, err := w.notes.Create(t.Context(), table.NewWrite(), fresh, now+1)
		if err != nil || got.Version != old.Version+1 || len(got.Labels) != 1 || got.Labels[0] != "old" {
			t.Errorf("Create = %+v, %v, want the next version of the leftover", got, err)
		}
		if stored, err := w.aside.Get(t.Context(), "x"); err != nil || stored.Value.Text != "mine" || stored.Expires != now+60 {
			t.Errorf("stored is %+v, %v, want the new value and expiry", stored, err)
		}
	})
	t.Run("in its last second does not", func(t *testing.T) {
		w, _ := leftover(t)
		if got, err := w.notes.Create(t.Context(), table.NewWrite(), fresh, now); !errors.Is(err, store.ErrExists) || got.Value.Text != "old" {
			t.Errorf("Create = %+v, %v, want the leftover and %v", got, err, store.ErrExists)
		}
	})
	t.Run("that never expires does not", func(t *testing.T) {
		w := newWorld(t)
		w.other()
		if got, err := w.notes.Create(t.Context(), table.NewWrite(), fresh, 1<<40); !errors.Is(err, store.ErrExists) || got.Value.Text != "other's" {
			t.Errorf("Create = %+v, %v, want the stored row and %v", got, err, store.ErrExists)
		}
	})
	t.Run("that another takes over is that one's", func(t *testing.T) {
		w, _ := leftover(t)
		w.f.write = func(call int, do func() error) error {
			if call == 2 {
				w.other()
			}
			return do()
		}
		by := table.NewWrite()
		if got, err := w.notes.Create(t.Context(), by, fresh, now+1); !errors.Is(err, store.ErrExists) || got.Value.Text != "other's" || by.Doubt() {
			t.Errorf("Create = %+v, %v, doubt %v, want the other's row, %v and no doubt", got, err, by.Doubt(), store.ErrExists)
		}
	})
	t.Run("with the answer lost succeeds", func(t *testing.T) {
		w, _ := leftover(t)
		w.f.write = func(call int, do func() error) error {
			if err := do(); call != 2 {
				return err
			}
			return errBroken
		}
		if got, err := w.notes.Create(t.Context(), table.NewWrite(), fresh, now+1); err != nil || got.Value.Text != "mine" {
			t.Errorf("Create = %+v, %v, want mine", got, err)
		}
	})
}

// TestHostileStore gives answers that no store may give: each is an error, never a panic or a row.
func TestHostileStore(t *testing.T) {
	good := store.Record{Key: "note/x", Version: 1, Value: []byte("\x01nonce-of-16-byte{}")}
	with := func(change func(*store.Record)) []store.Record {
		r := good
		change(&r)
		return []store.Record{r}
	}
	for name, rs := range map[string][]store.Record{
		"no record":            {},
		"two for one":          {good, good},
		"another key":          with(func(r *store.Record) { r.Key = "note/y" }),
		"another kind":         with(func(r *store.Record) { r.Key = "x" }),
		"no value":             with(func(r *store.Record) { r.Value = nil }),
		"a short value":        with(func(r *store.Record) { r.Value = r.Value[:16] }),
		"no payload":           with(func(r *store.Record) { r.Value = r.Value[:17] }),
		"another format":       with(func(r *store.Record) { r.Value = append([]byte{2}, r.Value[1:]...) }),
		"garbage":              with(func(r *store.Record) { r.Value = append(r.Value[:17:17], "\xff\x00{"...) }),
		"a value of no object": with(func(r *store.Record) { r.Value = append(r.Value[:17:17], `["text"]`...) }),
	} {
		t.Run("giving "+name, func(t *testing.T) {
			w := newWorld(t)
			w.f.read = func(int, func() ([]store.Record, error)) ([]store.Record, error) { return rs, nil }
			if row, err := w.notes.Get(t.Context(), "x"); err == nil {
				t.Errorf("Get = %+v, want an error", row)
			}
			w.f.write = func(int, func() error) error { return errBroken }
			if row, err := w.notes.Create(t.Context(), table.NewWrite(), table.Row[note]{ID: "x"}, now); err == nil {
				t.Errorf("Create = %+v, want an error", row)
			}
			if row, err := w.notes.Swap(t.Context(), table.NewWrite(), table.Row[note]{ID: "x", Version: 5}); err == nil {
				t.Errorf("Swap = %+v, want an error", row)
			}
			if row, err := w.notes.Update(t.Context(), "x", now, func(*table.Row[note]) error { return nil }); err == nil {
				t.Errorf("Update = %+v, want an error", row)
			}
		})
	}
	for name, l := range map[string]listing{
		"a cursor that stands": {rs: []store.Record{good}, next: "a"},
		"an absent record":     {rs: []store.Record{{Key: "note/x"}}},
		"another kind":         {rs: []store.Record{{Key: "x", Version: 1}}},
		"an error":             {err: errBroken},
	} {
		t.Run("listing "+name, func(t *testing.T) {
			if rows, next, err := table.New[note](l, "note/").List(t.Context(), "label", "a", 2); err == nil {
				t.Errorf("List = %+v, %q, want an error", rows, next)
			}
		})
	}
	if _, err := table.New[note](&faulty{Store: memory.New(), read: func(int, func() ([]store.Record, error)) ([]store.Record, error) {
		return nil, errBroken
	}}, "note/").Get(t.Context(), "x"); !errors.Is(err, table.ErrUnavailable) || !errors.Is(err, errBroken) {
		t.Errorf("Get of a store that fails = %v, want %v with the cause", err, table.ErrUnavailable)
	}
}

// listing is a store whose List gives the same always.
type listing struct {
	store.Store
	rs   []store.Record
	next string
	err  error
}

func (l listing) List(context.Context, string, string, int) ([]store.Record, string, error) {
	return l.rs, l.next, l.err
}

func TestBeyondTheLimits(t *testing.T) {
	w := newWorld(t)
	for name, row := range map[string]table.Row[note]{
		"a value":  {ID: "x", Value: note{Text: string(make([]byte, 70_000))}},
		"an id":    {ID: "caf\u00e9"},
		"an error": {ID: "x", Expires: -1},
	} {
		if _, err := w.notes.Create(t.Context(), table.NewWrite(), row, now); err == nil || errors.Is(err, table.ErrUnavailable) || w.f.writes != 0 {
			t.Errorf("Create with %s beyond the limits = %v after %d writes, want an error at once", name, err, w.f.writes)
		}
	}
}

func ExampleTable_Update() {
	ctx := context.Background()
	counters := table.New[struct{ N int }](memory.New(), "counter/")
	for range 3 {
		row, err := counters.Update(ctx, "visits", 0, func(r *table.Row[struct{ N int }]) error {
			r.Value.N++
			return nil
		})
		fmt.Println(row.Value.N, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}
