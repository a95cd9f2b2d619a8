package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/sqlstore"
)

func ExampleOpen() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "oauth.db")+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	s, err := sqlstore.Open(ctx, db, sqlstore.SQLite, &sqlstore.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(store.Probe(ctx, s)) // s is now an oauth.Config's Store

	// Output: <nil>
}

func ExampleSchema() {
	schema, err := sqlstore.Schema(sqlstore.MySQL, "tokens")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(schema[:21])

	// Output: CREATE TABLE tokens (
}
