package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/store/sqlstore"
)

// Settings of the SQLite driver: wait for another process that writes; readers do not wait for the writer;
// a write that returned is on disk.
const sqliteSettings = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"

// openStore opens the store that -store names, in which the tables are created if they are not there.
func openStore(ctx context.Context, name string) (s store.Store, closeStore func() error, err error) {
	var db *sql.DB
	var dialect sqlstore.Dialect
	switch {
	case name == "memory":
		return memory.New(), func() error { return nil }, nil
	case isPostgres(name):
		db, err = sql.Open("pgx", name)
		dialect = sqlstore.PostgreSQL
	default:
		db, err = sql.Open("sqlite", "file:"+(&url.URL{Path: name}).EscapedPath()+sqliteSettings)
		dialect = sqlstore.SQLite
	}
	if err != nil {
		return nil, nil, fmt.Errorf("-store: %w", err)
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if s, err = sqlstore.Open(ctx, db, dialect, &sqlstore.Options{Create: true}); err == nil {
		err = store.Probe(ctx, s)
	}
	if err != nil {
		db.Close()
		return nil, nil, fmt.Errorf("-store: %w", err)
	}
	return s, db.Close, nil
}

// checkStorage refuses what -store cannot mean: SQLite's own names of databases that are no plain file too,
// beside which no file of secrets could be.
func checkStorage(name string) error {
	const wanted = "wanted memory, the path of a file, or postgres://…"
	scheme, _, other := strings.Cut(name, "://")
	switch {
	case name == "":
		return errors.New("-store: got nothing, " + wanted)
	case other && !isPostgres(name):
		return fmt.Errorf("-store: got scheme %q, %s", scheme, wanted)
	case strings.HasPrefix(name, ":"), strings.HasPrefix(name, "file:"):
		return fmt.Errorf("-store: got %q, which is no path, %s", name, wanted)
	}
	return nil
}

// isPostgres reports whether -store names a PostgreSQL database.
func isPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// sweep drops expired records once a minute, which the library leaves to its host.
func sweep(ctx context.Context, st store.Store, log *slog.Logger) {
	const batch = 1000
	every(ctx, time.Minute, func(now time.Time) {
		n, err := batch, error(nil)
		for n == batch && err == nil {
			n, err = st.Sweep(ctx, now.Unix(), batch)
		}
		if err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "sweep", "error", err)
		}
	})
}

// every calls f at an interval until ctx ends.
func every(ctx context.Context, interval time.Duration, f func(now time.Time)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			f(now)
		}
	}
}
