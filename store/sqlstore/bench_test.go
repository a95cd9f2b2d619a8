package sqlstore_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/sqlstore"
	"github.com/oauthcore/oauthcore/storetest"
)

func BenchmarkStore(b *testing.B) {
	for _, x := range targets {
		b.Run(x.name, func(b *testing.B) { storetest.Benchmark(b, x.newStore) })
	}
}

// BenchmarkRotation compares what a refresh costs the database with a design that keeps a row per token. Both
// read what the token presented leads to and then write, for 2,000 grants of 300 bytes with 8 clients.
func BenchmarkRotation(b *testing.B) {
	const grants, clients = 2000, 8
	value := make([]byte, 300)
	for i := range value {
		value[i] = byte(i * i)
	}
	for _, x := range dialects() {
		b.Run(x.name+"/a record per grant", func(b *testing.B) {
			h := x.newStore(b).(*handle)
			records := make([]store.Record, grants)
			for i := range records {
				records[i] = store.Record{Key: fmt.Sprintf("grant/%016x", i*7919), Version: 1, Expires: 2e9, Value: value}
				if err := h.Create(b.Context(), records[i]); err != nil {
					b.Fatal(err)
				}
			}
			x.measure(b, h.db, clients, func(n int) error {
				g := n % grants
				rs, err := h.Get(b.Context(), records[g].Key)
				if err != nil {
					return err
				}
				r := rs[0]
				r.Expires++
				binary.BigEndian.PutUint64(r.Value, uint64(n)) // what a rotation changes: two hashes and a time
				copy(r.Value[8:], hash(n)[:])
				return h.Swap(b.Context(), r)
			})
		})
		if x.dialect != sqlstore.PostgreSQL {
			continue
		}
		for _, row := range []struct {
			name string
			size int
		}{{"a row per token", 300}, {"a small row per token", 16}} {
			b.Run(x.name+"/"+row.name, func(b *testing.B) {
				t := newTokens(b, pool(b, x.connector(b, x.dsn(b), nil)), grants, value[:row.size])
				x.measure(b, t.db, clients, func(n int) error { return t.rotate(b, n%grants) })
			})
		}
	}
}

func hash(n int) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return sum[:]
}

// measure runs op b.N times by clients, no two of which work on numbers that are equal modulo clients.
func (x target) measure(b *testing.B, db *sql.DB, clients int, op func(n int) error) {
	wal := func() (bytes int64) {
		if x.dialect == sqlstore.PostgreSQL {
			if err := db.QueryRowContext(b.Context(), "SELECT pg_current_wal_insert_lsn() - '0/0'").Scan(&bytes); err != nil {
				b.Fatal(err)
			}
		}
		return bytes
	}
	var failed atomic.Bool
	b.ResetTimer()
	before := wal()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for n := c; n < b.N && !failed.Load(); n += clients {
				if err := op(n); err != nil {
					failed.Store(true)
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	if bytes := wal() - before; bytes > 0 {
		b.ReportMetric(float64(bytes)/float64(b.N), "WAL-B/op")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

// tokens is the design that most servers have: a row for each refresh token, marked when it was used.
type tokens struct {
	db      *sql.DB
	table   string
	value   []byte
	serial  atomic.Int64
	current []int // by grant, the number whose hash is its token
}

func newTokens(b *testing.B, db *sql.DB, grants int, value []byte) *tokens {
	t := &tokens{db: db, table: newTable(), value: value, current: make([]int, grants)}
	for _, text := range []string{
		"CREATE TABLE " + t.table + ` (token_hash bytea PRIMARY KEY, grant_id text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
			expires_at timestamptz NOT NULL, used_at timestamptz, data bytea NOT NULL)`,
		"CREATE INDEX ON " + t.table + " (grant_id)",
		"CREATE INDEX ON " + t.table + " (expires_at)",
	} {
		if _, err := db.ExecContext(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
	for g := range t.current {
		t.current[g] = int(t.serial.Add(1))
		if _, err := db.ExecContext(b.Context(), t.insert(), hash(t.current[g]), grantID(g), value); err != nil {
			b.Fatal(err)
		}
	}
	return t
}

func (t *tokens) insert() string {
	return "INSERT INTO " + t.table + " (token_hash, grant_id, expires_at, data) VALUES ($1, $2, now() + interval '30 days', $3)"
}

func grantID(g int) string { return fmt.Sprintf("grant/%016x", g*7919) }

// rotate exchanges the token of a grant.
func (t *tokens) rotate(b *testing.B, g int) error {
	ctx := b.Context()
	var id string
	var used sql.NullTime
	var data []byte
	old := hash(t.current[g])
	if err := t.db.QueryRowContext(ctx, "SELECT grant_id, used_at, data FROM "+t.table+" WHERE token_hash = $1", old).Scan(&id, &used, &data); err != nil {
		return err
	}
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	result, err := tx.ExecContext(ctx, "UPDATE "+t.table+" SET used_at = now() WHERE token_hash = $1 AND used_at IS NULL", old)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, errors.New("the token was used"))
	}
	next := int(t.serial.Add(1))
	if _, err := tx.ExecContext(ctx, t.insert(), hash(next), id, data); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	t.current[g] = next
	return nil
}
