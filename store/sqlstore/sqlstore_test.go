package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/sqlstore"
	"github.com/oauthcore/oauthcore/storetest"
)

// target is a database that the tests run on.
type target struct {
	name    string
	dialect sqlstore.Dialect

	// dsn returns the data source of a new database, or of one whose tables need names of their own.
	dsn func(t testing.TB) string
}

// sqliteDSN has the settings that the package's documentation gives.
func sqliteDSN(path string) string {
	return "file:" + path + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
}

// Sessions are in a time zone that is no whole number of hours from any clock of the tests.
var targets = []target{
	{"SQLite", sqlstore.SQLite, func(t testing.TB) string { return sqliteDSN(filepath.Join(t.TempDir(), "db")) }},
	{"PostgreSQL", sqlstore.PostgreSQL, func(t testing.TB) string {
		return postgres(t).DSN("postgres") + "&TimeZone=Asia/Kathmandu&default_transaction_isolation=read%20committed"
	}},
	{"PostgreSQL serializable, pooled by transaction", sqlstore.PostgreSQL, func(t testing.TB) string {
		pool := engine.PgBouncer(t, postgres(t), &engine.Config{Shared: true, Settings: []string{"default_pool_size=8"}})
		return pool.DSN(serializable(t)) + "&TimeZone=Asia/Kathmandu&default_query_exec_mode=exec"
	}},
	{"MariaDB", sqlstore.MySQL, func(t testing.TB) string {
		return engine.MariaDB(t, shared).DSN("test") + "interpolateParams=true&time_zone=%27%2B05%3A45%27"
	}},
}

var shared = &engine.Config{Shared: true}

func postgres(t testing.TB) *engine.Server { return engine.Postgres(t, shared) }

// serializable returns the name of a database whose sessions are at SERIALIZABLE, which the proxy would not
// let a client ask for.
func serializable(t testing.TB) string {
	const name = "serializable"
	pg := postgres(t)
	createSerializable.Do(func() {
		pg.Query("CREATE DATABASE " + name)
		pg.Query("ALTER DATABASE " + name + " SET default_transaction_isolation = serializable")
	})
	return name
}

var createSerializable sync.Once

// dial is the form of net.Dialer.DialContext.
type dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// connector returns the driver's way to a database, with connections made by d, nil being the driver's own.
func (x target) connector(t testing.TB, dsn string, d dial) driver.Connector {
	t.Helper()
	switch x.dialect {
	case sqlstore.PostgreSQL:
		c, err := pgx.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		if d != nil {
			c.DialFunc = d
		}
		return stdlib.GetConnector(*c)
	case sqlstore.MySQL:
		c, err := mysql.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		if d != nil {
			c.DialFunc = d
		}
		connector, err := mysql.NewConnector(c)
		if err != nil {
			t.Fatal(err)
		}
		return connector
	}
	return sqliteConnector(dsn)
}

// sqliteConnector is a [driver.Connector] of a data source.
type sqliteConnector string

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(string(c))
}
func (c sqliteConnector) Driver() driver.Driver { return new(sqlite.Driver) }

// pool opens a pool that ends with the test.
func pool(t testing.TB, c driver.Connector) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	t.Cleanup(func() { db.Close() })
	return db
}

var tables atomic.Int64

// newTable returns the name of tables that no other test uses.
func newTable() string { return fmt.Sprintf("records_%d", tables.Add(1)) }

// handle is a Store and where its data is.
type handle struct {
	*sqlstore.Store
	db         *sql.DB
	dsn, table string
}

// Close lets the suite see what a closed store says.
func (h *handle) Close() error { return h.db.Close() }

func (x target) open(t testing.TB, dsn, table string, d dial) *handle {
	t.Helper()
	h := &handle{db: pool(t, x.connector(t, dsn, d)), dsn: dsn, table: table}
	var err error
	if h.Store, err = sqlstore.Open(t.Context(), h.db, x.dialect, &sqlstore.Options{Table: table, Create: true}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (x target) newStore(t testing.TB) store.Store { return x.open(t, x.dsn(t), newTable(), nil) }

func TestStore(t *testing.T) {
	for _, x := range targets {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			o := &storetest.Options{Reopen: func(t testing.TB, s store.Store) store.Store {
				return x.open(t, s.(*handle).dsn, s.(*handle).table, nil)
			}}
			if x.dialect != sqlstore.SQLite {
				o.Dial = func(t testing.TB, s store.Store, d dial) store.Store {
					return x.open(t, s.(*handle).dsn, s.(*handle).table, d)
				}
			}
			storetest.Run(t, x.newStore, o)
		})
	}
}
