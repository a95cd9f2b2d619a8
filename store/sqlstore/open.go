package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Options are the rare needs of [Open]. nil is the zero value.
type Options struct {
	// Table is the name of the table of records, as in [Schema]. Empty is "oauth_records".
	Table string

	// Create makes Open create what is missing of the tables. When all is there, no right to do so is needed.
	Create bool

	// InsecureDurability accepts a database whose settings let it lose what it acknowledged, when it or its
	// machine fails: for tests, for a code that was used could then be used again.
	InsecureDurability bool

	_ [0]func() // keyed and uncomparable: fields may be added
}

// Open returns a store in the database db, whose pool remains the caller's to set up and to close. It checks
// that the tables are as [Schema] says, that the database takes writes and compares keys bytewise, and
// that its settings keep what it acknowledges, and returns all that it finds wrong in one error. It looks
// at what is configured and writes nothing, unless it creates the tables; [store.Probe] tries out the rest.
func Open(ctx context.Context, db *sql.DB, d Dialect, o *Options) (*Store, error) {
	if o == nil {
		o = new(Options)
	}
	table := o.Table
	if table == "" {
		table = standardTable
	}
	schema, err := Schema(d, table)
	if err != nil {
		return nil, err
	}
	if err := checkSettings(ctx, db, d, o.InsecureDurability); err != nil {
		return nil, err
	}
	err = d.checkTables(ctx, db, table)
	if err != nil && o.Create {
		// Of several processes at once each creates what the others have not. What is there then decides.
		created := create(ctx, db, schema, table)
		if err = d.checkTables(ctx, db, table); err != nil {
			err = errors.Join(err, created)
		}
	}
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, dialect: d, text: d.statements(table), sweeper: make(chan struct{}, 1)}
	if d == SQLite {
		s.writer = make(chan struct{}, 1)
	}
	return s, nil
}

// create runs the statements of a schema, one by one, since not every driver takes several at once.
func create(ctx context.Context, db *sql.DB, schema, table string) error {
	var errs []error
	for text := range strings.SplitSeq(schema, ";\n\n") {
		if _, err := db.ExecContext(ctx, strings.TrimSuffix(text, ";\n")); err != nil {
			errs = append(errs, fmt.Errorf("sqlstore: creating table %s: %w", table, err))
		}
	}
	return errors.Join(errs...)
}
