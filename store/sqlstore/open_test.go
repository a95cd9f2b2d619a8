package sqlstore_test

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/store/sqlstore"
)

// open opens a store with options, and returns the error.
func (x target) try(t *testing.T, dsn string, o *sqlstore.Options) error {
	t.Helper()
	_, err := sqlstore.Open(t.Context(), pool(t, x.connector(t, dsn, nil)), x.dialect, o)
	return err
}

// wantErr fails the test if err does not say all of words.
func wantErr(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%s = %v, want an error with %q", what, err, w)
		}
	}
}

func TestOpenFindsTables(t *testing.T) {
	// Each changes one thing in the schema.
	changes := map[sqlstore.Dialect]map[string][2]string{
		sqlstore.PostgreSQL: {
			"record_key is \"text collate default":  {`record_key text COLLATE "C" NOT NULL PRIMARY`, `record_key text NOT NULL PRIMARY`},
			"label is \"text collate en-x-icu":      {`label text COLLATE "C"`, `label text COLLATE "en-x-icu"`},
			"version is \"integer":                  {"version bigint", "version integer"},
			"value is \"text":                       {"value bytea", "value text"},
			"no index":                              {"CREATE INDEX", "-- "},
			"\"unlogged":                            {"CREATE TABLE", "CREATE UNLOGGED TABLE"},
			"not null\", want \"text collate C not": {"NOT NULL PRIMARY KEY", "NOT NULL UNIQUE"},
			"expires is \"bigint\"":                 {"expires bigint NOT NULL", "expires bigint"},
			"without cascade":                       {"ON DELETE CASCADE", ""},
		},
		sqlstore.SQLite: {
			"record_key is \"text collate NOCASE": {"record_key TEXT NOT NULL PRIMARY", "record_key TEXT COLLATE NOCASE NOT NULL PRIMARY"},
			"not strict":                          {"STRICT", ""},
			"_labels is \"not strict":             {"STRICT, ", ""},
			"value is \"text":                     {"value BLOB", "value TEXT"},
			"no trigger":                          {"CREATE TRIGGER", "-- "},
			"no index":                            {"CREATE INDEX", "-- "},
		},
		sqlstore.MySQL: {
			"record_key is \"varchar(128) collate utf8mb4_general_ci": {"record_key VARBINARY(128) NOT NULL PRIMARY", "record_key VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL PRIMARY"},
			"value is \"blob(65535)":                                  {"MEDIUMBLOB", "BLOB"},
			"\"MyISAM":                                                {"ENGINE=InnoDB", "ENGINE=MyISAM"},
			"key 1 prefix":                                            {"VARBINARY(128) NOT NULL PRIMARY KEY,", "VARBINARY(128) NOT NULL, PRIMARY KEY (record_key(64)),"},
			"no trigger":                                              {"CREATE TRIGGER", "-- "},
			"no index":                                                {"INDEX oauth_records_sweep_at (sweep_at)", "INDEX other (version)"},
		},
	}
	for _, x := range dialects() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			db := pool(t, x.connector(t, x.dsn(t), nil))
			_, err := sqlstore.Open(t.Context(), db, x.dialect, nil)
			wantErr(t, "Open without tables", err, "no table oauth_records")
			for want, change := range changes[x.dialect] {
				table := newTable()
				schema, err := sqlstore.Schema(x.dialect, "")
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(schema, change[0]) {
					t.Fatalf("the schema has no %q", change[0])
				}
				schema = strings.Replace(schema, change[0], change[1], 1)
				for text := range strings.SplitSeq(strings.ReplaceAll(schema, "oauth_records", table), ";\n\n") {
					db.ExecContext(t.Context(), text) // what cannot be made with the change is missing
				}
				_, err = sqlstore.Open(t.Context(), db, x.dialect, &sqlstore.Options{Table: table})
				wantErr(t, "Open on tables with "+change[1]+" for "+change[0], err, want)
			}
		})
	}
}

func TestOpenFindsSettings(t *testing.T) {
	sqlite := func(pragmas string) string { return "file:" + filepath.Join(t.TempDir(), "db") + "?" + pragmas }
	pg := func(settings string) string { return postgres(t).DSN("postgres") + settings }
	weakPG := sync.OnceValue(func() string {
		return engine.Postgres(t, &engine.Config{Settings: []string{"fsync=off"}}).DSN("postgres")
	})
	weakMaria := sync.OnceValue(func() string {
		return engine.MariaDB(t, &engine.Config{Settings: []string{"innodb-flush-log-at-trx-commit=2", "log-bin=on", "sync-binlog=0"}}).DSN("test")
	})
	maria := func(settings string) string { return engine.MariaDB(t, shared).DSN("test") + settings }

	for _, c := range []struct {
		what     string
		dialect  sqlstore.Dialect
		dsn      string
		insecure bool // whether InsecureDurability accepts it
		want     []string
	}{
		{"a journal that is not WAL", sqlstore.SQLite, sqlite(""), true, []string{`journal_mode is "delete"`}},
		{"commits that are not synced", sqlstore.SQLite, sqlite("_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"), true, []string{`synchronous is "1"`}},
		{"a database in memory", sqlstore.SQLite, "file::memory:", true, []string{`journal_mode is "memory"`}},
		{"a file that is read only", sqlstore.SQLite, sqlite("_pragma=journal_mode(WAL)&_pragma=query_only(1)"), false, []string{`query_only is "1"`}},
		{"commits that are acknowledged early", sqlstore.PostgreSQL, pg("&synchronous_commit=off"), true, []string{`synchronous_commit is "off"`}},
		{"a server that does not sync", sqlstore.PostgreSQL, weakPG(), true, []string{`fsync is "off"`}},
		{"sessions that only read", sqlstore.PostgreSQL, pg("&default_transaction_read_only=on"), false, []string{`transaction_read_only is "on"`}},
		{"logs that are not synced", sqlstore.MySQL, weakMaria(), true, []string{`innodb_flush_log_at_trx_commit is "2"`, `sync_binlog is "0"`}},
		{"sessions that do not commit", sqlstore.MySQL, maria("autocommit=false"), false, []string{`autocommit is "OFF"`}},
		{"dirty reads", sqlstore.MySQL, maria("tx_isolation=%27read-uncommitted%27"), false, []string{`tx_isolation is "READ-UNCOMMITTED"`}},
	} {
		t.Run(c.what, func(t *testing.T) {
			x := target{dialect: c.dialect}
			wantErr(t, "Open", x.try(t, c.dsn, &sqlstore.Options{Table: newTable(), Create: true}), c.want...)
			err := x.try(t, c.dsn, &sqlstore.Options{Table: newTable(), Create: true, InsecureDurability: true})
			if c.insecure && err != nil {
				t.Errorf("Open with InsecureDurability = %v, want a store", err)
			} else if !c.insecure {
				wantErr(t, "Open with InsecureDurability", err, c.want...)
			}
		})
	}
}

func TestOpenRefusesStandby(t *testing.T) {
	primary := engine.Postgres(t, nil)
	standby := engine.Standby(t, primary, nil)
	x := target{dialect: sqlstore.PostgreSQL}
	if err := x.try(t, primary.DSN("postgres"), &sqlstore.Options{Create: true}); err != nil {
		t.Fatalf("Open on the primary = %v, want a store", err)
	}
	wantErr(t, "Open on the standby", x.try(t, standby.DSN("postgres"), nil), "standby")
}

// Processes of one service start together, and each may find no tables.
func TestOpenCreatesAtOnce(t *testing.T) {
	for _, x := range dialects() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			dsn := x.dsn(t)
			db := pool(t, x.connector(t, dsn, nil))
			for range 5 {
				table, start := newTable(), make(chan struct{})
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						<-start
						if _, err := sqlstore.Open(t.Context(), db, x.dialect, &sqlstore.Options{Table: table, Create: true}); err != nil {
							t.Errorf("Open with Create by 8 at once = %v, want a store", err)
						}
					})
				}
				close(start)
				wg.Wait()
			}
		})
	}
}
