package proof_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/engine"
)

// during runs the load until f returns.
func (l *load) during(t testing.TB, f func()) {
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		l.run(ctx)
	}()
	f()
	cancel()
	<-stopped
}

// awaitRotations returns when n more rotations were acknowledged.
func (l *load) awaitRotations(t testing.TB, n int64) {
	t.Helper()
	goal := l.rotations.Load() + n
	for began := time.Now(); l.rotations.Load() < goal; time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("%d rotations were acknowledged in a minute, want %d", l.rotations.Load()-goal+n, n)
		}
	}
}

func TestPostgresKilledUnderLoad(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		broken bool
		kills  int
	}{
		{"no acknowledged rotation or end is lost", false, 5},
		{"commits that do not wait for the disk are found out", true, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pg := engine.Postgres(t, &engine.Config{Settings: []string{"wal_writer_delay=10s", "wal_writer_flush_after=100MB"}})
			sys, _ := newSystem(t, pg.DSN("postgres"))
			l := newLoad(t, sys, 8)
			if test.broken {
				pg.Query("ALTER SYSTEM SET synchronous_commit = off")
				pg.Query("SELECT pg_reload_conf()")
			}
			kills := 0
			for kills < test.kills && !(test.broken && l.count() > 0) {
				kills++
				l.during(t, func() {
					l.awaitRotations(t, 200)
					time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
					pg.Kill()
					time.Sleep(100 * time.Millisecond) // in which clients see a server without a database
					pg.Start()
					l.awaitRotations(t, 20)
				})
				l.check()
			}
			l.finish()
			l.log(t, "%d kills", kills)
			l.report(t, test.broken)
		})
	}
}
