package sqlstore_test

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/store/sqlstore"
)

// dialects returns one target of each dialect.
func dialects() []target {
	var xs []target
	for _, x := range targets {
		if len(xs) == 0 || xs[len(xs)-1].dialect != x.dialect {
			xs = append(xs, x)
		}
	}
	return xs
}

// The schema is a promise to those who keep it in migrations of their own.
func TestSchemaIsFrozen(t *testing.T) {
	want := map[sqlstore.Dialect]string{
		sqlstore.PostgreSQL: "fee7829d39839ed9",
		sqlstore.SQLite:     "93e48601638a896c",
		sqlstore.MySQL:      "7e3a68383296bab8",
	}
	for d, want := range want {
		text, err := sqlstore.Schema(d, "")
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		if got := hex.EncodeToString(sum[:8]); got != want {
			t.Errorf("the schema of %v has the hash %s, want %s: tables that exist are as they were", d, got, want)
		}
	}
}

func TestSchemaIsWhatOpenCreates(t *testing.T) {
	for _, x := range dialects() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			dsn, table := x.dsn(t), newTable()
			schema, err := sqlstore.Schema(x.dialect, table)
			if err != nil {
				t.Fatal(err)
			}
			db := pool(t, x.connector(t, dsn, nil))
			for text := range strings.SplitSeq(schema, ";\n\n") {
				if _, err := db.ExecContext(t.Context(), text); err != nil {
					t.Fatalf("%s\n%v", text, err)
				}
			}
			if _, err := sqlstore.Open(t.Context(), db, x.dialect, &sqlstore.Options{Table: table}); err != nil {
				t.Errorf("Open on tables made by hand = %v, want a store", err)
			}
		})
	}
}

func TestTableName(t *testing.T) {
	for _, name := range []string{"", "o", "oauth_records", "r2_", strings.Repeat("a", 40)} {
		text, err := sqlstore.Schema(sqlstore.PostgreSQL, name)
		if err != nil {
			t.Errorf("Schema of table %q = %v, want a text", name, err)
		}
		if name != "" && !strings.Contains(text, "CREATE TABLE "+name+"_labels (") {
			t.Errorf("Schema of table %q does not create its table of labels:\n%s", name, text)
		}
	}
	for _, name := range []string{"Records", "2r", "_r", "a.b", "a b", "a-b", `a"b`, "a;b", "é", "a\x00", strings.Repeat("a", 41)} {
		if _, err := sqlstore.Schema(sqlstore.PostgreSQL, name); err == nil {
			t.Errorf("Schema of table %q = nil, want an error", name)
		}
		if _, err := sqlstore.Open(t.Context(), nil, sqlstore.SQLite, &sqlstore.Options{Table: name}); err == nil {
			t.Errorf("Open of table %q = nil, want an error", name)
		}
	}
	for _, d := range []sqlstore.Dialect{0, -1, 4} {
		if _, err := sqlstore.Schema(d, ""); err == nil {
			t.Errorf("Schema of %v = nil, want an error", d)
		}
	}
}

// What a name holds besides letters would be SQL.
func FuzzTableName(f *testing.F) {
	for _, name := range []string{"oauth_records", "a; DROP TABLE b", `a"b`, "a`b", "A", "9", "schema.table", "ſ"} {
		f.Add(name)
	}
	plain := regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	f.Fuzz(func(t *testing.T, name string) {
		_, err := sqlstore.Schema(sqlstore.MySQL, name)
		if want := name == "" || plain.MatchString(name); (err == nil) != want {
			t.Errorf("Schema of table %q: error %v, want a text: %v", name, err, want)
		}
	})
}
