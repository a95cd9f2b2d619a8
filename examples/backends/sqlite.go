package main

import (
	"context"
	"database/sql"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite", which needs no C compiler

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/sqlstore"
)

// sqliteSettings go with every connection; each is one of SQLite's PRAGMA statements. A path that holds a
// question mark or a percent sign must be escaped as in a URL.
const sqliteSettings = "?_pragma=busy_timeout(10000)" + // wait while another process writes, in milliseconds: 0 would fail at once
	"&_pragma=journal_mode(WAL)" + // readers do not wait for the writer
	"&_pragma=synchronous(FULL)" // a write that returned is on disk; NORMAL may lose the last ones with the power

// openSQLite opens sqlite:path. Several processes of one machine may open the file; a network file system
// cannot lock it well enough.
func openSQLite(ctx context.Context, address string) (store.Store, func() error, error) {
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(address, "sqlite:")+sqliteSettings)
	if err != nil {
		return nil, nil, err
	}
	records, err := sqlstore.Open(ctx, db, sqlstore.SQLite, &sqlstore.Options{Create: true})
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	return records, db.Close, nil
}
