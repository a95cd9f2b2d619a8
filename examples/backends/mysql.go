package main

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/sqlstore"
)

// openMySQL opens mysql: and a data source name of the driver, with tls=true over any network that is not
// your own. MariaDB is meant too.
func openMySQL(ctx context.Context, address string) (store.Store, func() error, error) {
	c, err := mysql.ParseDSN(strings.TrimPrefix(address, "mysql:"))
	if err != nil {
		return nil, nil, errors.New("mysql: not a data source name, want user:password@tcp(host:3306)/database")
	}
	c.InterpolateParams = true // one round trip for a statement, not one to prepare it, one to run it, one to forget it
	c.RejectReadOnly = true    // after a failover, leave the old primary for the new one
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(16)                 // of the server's max_connections, which all processes share
	db.SetMaxIdleConns(16)                 // the default of 2 would make connections anew all the time
	db.SetConnMaxLifetime(3 * time.Minute) // before the server or a firewall ends them
	records, err := sqlstore.Open(ctx, db, sqlstore.MySQL, &sqlstore.Options{Create: true})
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	return records, db.Close, nil
}
