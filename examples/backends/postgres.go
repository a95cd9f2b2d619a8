package main

import (
	"context"
	"database/sql"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/sqlstore"
)

// openPostgres opens a URL as psql takes it. Parameters that matter:
//
//   - sslmode=verify-full, over any network that is not your own;
//   - default_query_exec_mode=exec, behind a proxy that pools by transaction, such as PgBouncer: a
//     statement prepared on one of its connections is not there on the next;
//   - target_session_attrs=primary, where the URL names several hosts: a standby may be behind.
//
// A table made by hand, or by migrations, is the statements of sqlstore.Schema without Create.
func openPostgres(ctx context.Context, address string) (store.Store, func() error, error) {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(16) // of the server's max_connections, which all processes share
	db.SetMaxIdleConns(16) // the default of 2 would make connections anew all the time
	records, err := sqlstore.Open(ctx, db, sqlstore.PostgreSQL, &sqlstore.Options{Create: true})
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	return records, db.Close, nil
}
