package table_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

func add(r *table.Row[note]) error { r.Value.Count++; return nil }

func TestUpdate(t *testing.T) {
	t.Run("creates an absent row", func(t *testing.T) {
		w := newWorld(t)
		row, err := w.notes.Update(t.Context(), "x", now, func(r *table.Row[note]) error {
			if r.Version != 0 || r.ID != "x" || r.Value != (note{}) {
				t.Errorf("change is given %+v, want an absent row", r)
			}
			r.Expires, r.Labels = now+60, []string{"notes"}
			return add(r)
		})
		if stored, getErr := w.aside.Get(t.Context(), "x"); err != nil || getErr != nil || stored.Value.Count != 1 ||
			stored.Version != row.Version || stored.Expires != now+60 || len(stored.Labels) != 1 {
			t.Errorf("Update = %+v, %v, stored %+v, want what change made", row, err, stored)
		}
	})
	t.Run("writes nothing if change fails", func(t *testing.T) {
		w := newWorld(t)
		w.other()
		refused := errors.New("refused")
		if _, err := w.notes.Update(t.Context(), "x", now, func(r *table.Row[note]) error { add(r); return refused }); err != refused || w.f.writes != 0 {
			t.Errorf("Update = %v after %d writes, want %v after none", err, w.f.writes, refused)
		}
	})
	for _, absent := range []bool{true, false} {
		name := "calls change again with what another stored first, over a row that was there"
		if absent {
			name = "calls change again with what another stored first, where there was none"
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			want := 101
			if !absent {
				w.other()
				want += 100
			}
			w.f.write = func(call int, do func() error) error {
				if call == 1 {
					w.other()
				}
				return do()
			}
			if row, err := w.notes.Update(t.Context(), "x", now, add); err != nil || row.Value.Count != want {
				t.Errorf("Update = %+v, %v, want a count of %d", row, err, want)
			}
		})
	}
	t.Run("starts over when the row is dropped meanwhile", func(t *testing.T) {
		w := newWorld(t)
		if _, err := w.aside.Create(t.Context(), table.NewWrite(), table.Row[note]{ID: "x", Expires: 5, Value: note{Count: 7}}, 1); err != nil {
			t.Fatal(err)
		}
		w.f.write = func(call int, do func() error) error {
			if call == 1 {
				w.drop()
			}
			return do()
		}
		// What became of the first write cannot be told from an absent record, so it is not repeated.
		if row, err := w.notes.Update(t.Context(), "x", now, add); !errors.Is(err, table.ErrUnavailable) {
			t.Errorf("Update = %+v, %v, want %v", row, err, table.ErrUnavailable)
		}
	})
	t.Run("does not repeat a write that another may have covered", func(t *testing.T) {
		w := newWorld(t)
		w.other()
		w.f.write = func(_ int, do func() error) error { err := do(); w.other(); return errors.Join(err, errBroken) }
		calls := 0
		_, err := w.notes.Update(t.Context(), "x", now, func(r *table.Row[note]) error { calls++; return add(r) })
		if !errors.Is(err, table.ErrUnavailable) || errors.Is(err, store.ErrConflict) || calls != 1 {
			t.Errorf("Update = %v after %d calls of change, want %v after one", err, calls, table.ErrUnavailable)
		}
	})
	t.Run("gives up after four conflicts", func(t *testing.T) {
		w := newWorld(t)
		w.other()
		w.f.write = func(_ int, do func() error) error { w.other(); return do() }
		if _, err := w.notes.Update(t.Context(), "x", now, add); !errors.Is(err, table.ErrUnavailable) || w.f.writes != table.Rounds {
			t.Errorf("Update = %v after %d writes, want %v after %d", err, w.f.writes, table.ErrUnavailable, table.Rounds)
		}
	})
	t.Run("gives up when the store is away", func(t *testing.T) {
		w := newWorld(t)
		w.f.write = func(int, func() error) error { return errBroken }
		if _, err := w.notes.Update(t.Context(), "x", now, add); !errors.Is(err, table.ErrUnavailable) || !errors.Is(err, errBroken) {
			t.Errorf("Update = %v, want %v with the cause", err, table.ErrUnavailable)
		}
	})
}

// TestUpdateUnderContention has sixteen add to one number. One that gives up did not write, for this store
// never loses an answer, and tries again.
func TestUpdateUnderContention(t *testing.T) {
	const by, each = 16, 50
	notes := table.New[note](memory.New(), "note/")
	start := make(chan struct{})
	var done sync.WaitGroup
	for range by {
		done.Go(func() {
			<-start
			for added := 0; added < each; {
				_, err := notes.Update(t.Context(), "x", now, add)
				switch {
				case err == nil:
					added++
				case !errors.Is(err, table.ErrUnavailable):
					t.Errorf("Update = %v, want nil or %v", err, table.ErrUnavailable)
					return
				}
			}
		})
	}
	close(start)
	done.Wait()
	if row, err := notes.Get(t.Context(), "x"); err != nil || row.Value.Count != by*each {
		t.Errorf("after %d times %d the count is %d, %v", by, each, row.Value.Count, err)
	}
}
