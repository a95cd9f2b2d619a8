package sqlstore_test

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/sqlstore"
)

// Nothing is prepared and no transaction is begun: the spy panics there.
func TestStatementsPerMethod(t *testing.T) {
	for _, x := range dialects() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			count := &spy{before: func(string) error { n.Add(1); return nil }}
			s := x.openSpied(t, count)
			plain := store.Record{Key: "plain", Version: 1, Expires: 100, Value: []byte("value")}
			labelled := store.Record{Key: "labelled", Version: 1, Labels: []string{"a", "b"}}
			for _, c := range []struct {
				call string
				f    func() error
				want int64
				err  error
			}{
				{"Create", func() error { return s.Create(t.Context(), plain) }, 1, nil},
				{"Create of a key that is there", func() error { return s.Create(t.Context(), plain) }, 1, store.ErrExists},
				{"Create with labels", func() error { return s.Create(t.Context(), labelled) }, 1, nil},
				{"Create with labels of a key that is there", func() error { return s.Create(t.Context(), labelled) }, 1, store.ErrExists},
				{"Get", func() error { _, err := s.Get(t.Context(), "plain"); return err }, 1, nil},
				{"Get of 3", func() error { _, err := s.Get(t.Context(), "plain", "labelled", "missing"); return err }, 1, nil},
				{"Swap", func() error { return s.Swap(t.Context(), plain) }, 1, nil},
				{"Swap at a stale version", func() error { return s.Swap(t.Context(), plain) }, 1, store.ErrConflict},
				{"List", func() error { _, _, err := s.List(t.Context(), "a", "", 10); return err }, 1, nil},
				{"Sweep", func() error { _, err := s.Sweep(t.Context(), 101, 10); return err }, 2, nil},
			} {
				n.Store(0)
				if err := c.f(); !errors.Is(err, c.err) {
					t.Errorf("%s = %v, want %v", c.call, err, c.err)
				}
				if got := n.Load(); got != c.want {
					t.Errorf("%s sent %d statements, want %d", c.call, got, c.want)
				}
			}
		})
	}
}

// openSpied opens a store with new tables, whose statements s hears from then on.
func (x target) openSpied(t testing.TB, s *spy) *sqlstore.Store {
	t.Helper()
	before := s.before
	s.before = nil
	s.Connector = x.connector(t, x.dsn(t), nil)
	made, err := sqlstore.Open(t.Context(), pool(t, s), x.dialect, &sqlstore.Options{Table: newTable(), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	s.before = before
	return made
}

// A grant that is refreshed lives longer than Create said, thousands of them for each one that expires.
func TestSweepPassesOverTheExtendedOnce(t *testing.T) {
	for _, x := range dialects() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			h := x.newStore(t).(*handle)
			const records = 60
			for i := range records {
				r := store.Record{Key: fmt.Sprintf("key/%02d", i), Version: 1, Expires: 100, Value: []byte("value")}
				if err := h.Create(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				switch i % 3 {
				case 0:
					r.Expires = 300
				case 1:
					r.Expires = 0
				case 2:
					continue
				}
				if err := h.Swap(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			candidates := func() (n int) {
				t.Helper()
				text := "SELECT count(*) FROM " + h.table + " WHERE sweep_at < 200"
				if err := h.db.QueryRowContext(t.Context(), text).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			if got := candidates(); got != records {
				t.Errorf("before Sweep %d records have a sweep_at below 200, want all %d: an index changes with each Swap", got, records)
			}
			for _, want := range []int{15, 5, 0} {
				if n, err := h.Sweep(t.Context(), 200, 15); n != want || err != nil {
					t.Errorf("Sweep(200, 15) = %d, %v, want %d", n, err, want)
				}
			}
			if got := candidates(); got != 0 {
				t.Errorf("after Sweep %d records have a sweep_at below 200, want none: each Sweep would look at them again", got)
			}
			for i := range records {
				r, err := h.Get(t.Context(), fmt.Sprintf("key/%02d", i))
				if err != nil {
					t.Fatal(err)
				}
				if there := r[0].Version != 0; there != (i%3 != 2) {
					t.Errorf("after Sweep record %d of kind %d is there: %v", i, i%3, there)
				}
			}
			// One that was made to expire sooner than all said so far is found too.
			sooner := store.Record{Key: "key/00", Version: 2, Expires: 50}
			if err := h.Swap(t.Context(), sooner); err != nil {
				t.Fatal(err)
			}
			if n, err := h.Sweep(t.Context(), 51, 15); n != 1 || err != nil {
				t.Errorf("Sweep of a record that Swap made to expire = %d, %v, want 1", n, err)
			}
		})
	}
}

// Batches end where the limit is, also when more than one is needed.
func TestSweepOfMoreThanABatch(t *testing.T) {
	h := targets[0].newStore(t).(*handle)
	const records, limit = 2500, 2200
	text := "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) INSERT INTO " + h.table +
		" SELECT 'key/' || i, 1, 10, 10, '[\"label\"]', x'00' FROM n"
	if _, err := h.db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{limit, records - limit, 0} {
		if n, err := h.Sweep(t.Context(), 11, limit); n != want || err != nil {
			t.Errorf("Sweep(11, %d) = %d, %v, want %d", limit, n, err, want)
		}
	}
	if page, _, err := h.List(t.Context(), "label", "", 10); err != nil || len(page) != 0 {
		t.Errorf("after Sweep List gave %d records and %v, want none", len(page), err)
	}
	var left int
	if err := h.db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+h.table+"_labels").Scan(&left); err != nil || left != 0 {
		t.Errorf("after Sweep %d labels are left (%v), want none", left, err)
	}
}

// A rotation changes no indexed column, so that PostgreSQL writes no index entry and needs no vacuum for it.
// With OAUTHCORE_LONG=1 it is a million rotations of 20,000 grants.
func TestRotationIsHeapOnly(t *testing.T) {
	x, pg := targets[1], postgres(t)
	// In a database of its own: a transaction that another test leaves open would keep what it might still read.
	name := newTable()
	pg.Query("CREATE DATABASE " + name)
	h := x.open(t, pg.DSN(name), name, nil)
	grants, rotations, clients := 4000, 10_000, 8
	if os.Getenv("OAUTHCORE_LONG") != "" {
		grants, rotations = 20_000, 1_000_000
	}
	// work calls f n times in all, each client with grants of its own.
	work := func(n int, f func(client, i int) error) {
		t.Helper()
		var wg sync.WaitGroup
		for c := range clients {
			wg.Go(func() {
				for i := range n / clients {
					if err := f(c, i); err != nil {
						t.Errorf("client %d, step %d: %v", c, i, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			t.FailNow()
		}
	}
	ask := func(db *sql.DB, text string, to ...any) {
		t.Helper()
		if err := db.QueryRowContext(t.Context(), text, h.table).Scan(to...); err != nil {
			t.Fatal(err)
		}
	}
	size := func() (bytes int64) {
		t.Helper()
		ask(h.db, "SELECT pg_total_relation_size($1::text::regclass)", &bytes)
		return bytes
	}

	records := make([]store.Record, grants)
	work(grants, func(c, i int) error {
		r := &records[i*clients+c]
		*r = store.Record{Key: "grant/" + rand.Text(), Version: 1, Expires: 1000, Value: bytes.Repeat([]byte("grant"), 60)}
		return h.Create(t.Context(), *r)
	})
	before := size()
	work(rotations, func(c, i int) error {
		r := &records[mathrand.IntN(grants/clients)*clients+c]
		r.Expires++
		err := h.Swap(t.Context(), *r)
		r.Version++
		return err
	})
	after := size()
	h.db.Close() // its sessions report what they counted

	db := pool(t, x.connector(t, h.dsn, nil))
	var all, hot int
	for range 500 {
		ask(db, "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = $1", &all, &hot)
		if all >= rotations {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("%d rotations of %d grants: %d heap-only, %d bytes before and %d after", all, grants, hot, before, after)
	if all != rotations || float64(hot) < 0.97*float64(all) {
		t.Errorf("%d updates, %d of them heap-only, want %d and more than 97 %%", all, hot, rotations)
	}
	if float64(after) > 1.05*float64(before) {
		t.Errorf("%d bytes before, %d after, want less than 5 %% more", before, after)
	}
}

// Rotations must stay cheap as grants come and go: the plan of each statement uses an index.
func TestStatementsUseIndexes(t *testing.T) {
	x := targets[0]
	var texts []string
	record := &spy{before: func(text string) error { texts = append(texts, text); return nil }}
	s := x.openSpied(t, record)
	ctx := t.Context()
	s.Swap(ctx, store.Record{Key: "key", Version: 1})
	s.Get(ctx, "key", "other")
	s.List(ctx, "label", "", 10)
	s.Sweep(ctx, 10, 10)
	record.before = nil
	db := pool(t, record)
	for _, text := range texts {
		args := make([]any, strings.Count(text, "?"))
		rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, args...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(detail, "SCAN") || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s\nhas in its plan: %s", text, detail)
			}
		}
		rows.Close()
	}
	if len(texts) != 5 {
		t.Errorf("%d statements, want 5", len(texts))
	}
}

// Most of what is counted is the driver's: this package adds the arguments and the result.
func TestAllocations(t *testing.T) {
	s := targets[0].newStore(t)
	r := store.Record{Key: "key", Version: 1, Value: make([]byte, 300)}
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		call string
		f    func() error
		most float64
	}{
		{"Get", func() error { _, err := s.Get(t.Context(), "key"); return err }, 60},
		{"Swap", func() error {
			r.Version++
			return s.Swap(t.Context(), store.Record{Key: "key", Version: r.Version - 1, Value: r.Value})
		}, 25},
	} {
		got := testing.AllocsPerRun(50, func() {
			if err := c.f(); err != nil {
				t.Fatal(err)
			}
		})
		if got > c.most {
			t.Errorf("%s allocates %v times, want at most %v", c.call, got, c.most)
		}
	}
}

// Two processes that sweep at once share the work: neither is told that there is no more.
func TestSweepOfTwoProcesses(t *testing.T) {
	const records, limit = 4000, 1000
	for _, x := range targets {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			h := x.newStore(t).(*handle)
			handles := []*handle{h, x.open(t, h.dsn, h.table, nil)}
			var wg sync.WaitGroup
			for c := range 16 {
				wg.Go(func() {
					for i := c; i < records; i += 16 {
						if err := h.Create(t.Context(), store.Record{Key: fmt.Sprintf("key/%d", i), Version: 1, Expires: 1000}); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			for left := records; left > 0 && !t.Failed(); left -= 2 * limit {
				for i, h := range handles {
					wg.Go(func() {
						if n, err := h.Sweep(t.Context(), 2000, limit); n != limit || err != nil {
							t.Errorf("with %d records left, Sweep of process %d dropped %d, %v, want %d", left, i, n, err, limit)
						}
					})
				}
				wg.Wait()
			}
		})
	}
}
