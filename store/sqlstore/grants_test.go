package sqlstore_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/engine"
)

// BenchmarkGrants measures a rotation among few grants and among many: what it reads and writes, for grants
// picked at random by 8 clients. The two are run in turn, so that a slow moment of the machine meets both.
func BenchmarkGrants(b *testing.B) {
	x := targets[1]
	pg := engine.Postgres(b, &engine.Config{Shared: true, Settings: []string{"shared_buffers=1GB", "max_wal_size=8GB"}})
	type table struct {
		h      *handle
		grants int
		took   []time.Duration
	}
	var tables []*table
	for _, n := range []int{1_000, 1_000_000} {
		h := x.open(b, pg.DSN("postgres"), newTable(), nil)
		for _, text := range []string{
			"INSERT INTO " + h.table + " (record_key, version, expires, sweep_at, labels, value) SELECT 'grant/' || i, 1, 2000000000," +
				" 2000000000, '[]', decode(repeat('6f', 300), 'hex') FROM generate_series(0, " + fmt.Sprint(n-1) + ") i",
			"VACUUM ANALYZE " + h.table,
			"CHECKPOINT",
		} {
			if _, err := h.db.ExecContext(b.Context(), text); err != nil {
				b.Fatal(err)
			}
		}
		tables = append(tables, &table{h: h, grants: n})
	}
	const clients, turn = 8, 1000
	rotate := func(t *table, c int) error {
		rs, err := t.h.Get(b.Context(), fmt.Sprintf("grant/%d", rand.IntN(t.grants/clients)*clients+c))
		if err != nil {
			return err
		}
		rs[0].Expires++
		return t.h.Swap(b.Context(), rs[0])
	}
	for b.Loop() {
		for _, t := range tables {
			var mu sync.Mutex
			var wg sync.WaitGroup
			for c := range clients {
				wg.Go(func() {
					for range turn / clients {
						start := time.Now()
						if err := rotate(t, c); err != nil {
							b.Error(err)
							return
						}
						took := time.Since(start)
						mu.Lock()
						t.took = append(t.took, took)
						mu.Unlock()
					}
				})
			}
			wg.Wait()
		}
	}
	for _, t := range tables {
		slices.Sort(t.took)
		unit := "-ms-of-" + strings.Replace(fmt.Sprint(t.grants), "000000", "M", 1)
		b.ReportMetric(t.took[len(t.took)/2].Seconds()*1000, "p50"+unit)
		b.ReportMetric(t.took[len(t.took)*99/100].Seconds()*1000, "p99"+unit)
	}
	b.ReportMetric(0, "ns/op") // of a turn, which means nothing
}
