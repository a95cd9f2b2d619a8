package sqlstore

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
)

// Dialect is the SQL that a database speaks. The zero value is none.
type Dialect int

// The dialects.
const (
	PostgreSQL Dialect = iota + 1 // PostgreSQL 12 and later, YugabyteDB, CockroachDB
	SQLite                        // SQLite 3.38 and later
	MySQL                         // MySQL 8.0.19 and later, MariaDB 10.6 and later
)

// String returns the name of the constant.
func (d Dialect) String() string {
	switch d {
	case PostgreSQL:
		return "PostgreSQL"
	case SQLite:
		return "SQLite"
	case MySQL:
		return "MySQL"
	}
	return "Dialect(" + strconv.Itoa(int(d)) + ")"
}

//go:embed schema/*.sql
var schemas embed.FS

// standardTable is the name in the schema's files and in the texts of this package, which rename replaces.
const standardTable = "oauth_records"

func rename(text, table string) string { return strings.ReplaceAll(text, standardTable, table) }

// Schema returns the statements that create the tables of a store, for migrations of one's own: the records
// in table, the labels in one whose name is table and "_labels". An empty table is "oauth_records". Each
// statement ends with a semicolon and a line break, and an empty line is between two. The schema is frozen:
// no later version of this package needs another.
//
// A table is named by 1 to 40 of the characters [a-z0-9_], the first of them a letter.
func Schema(d Dialect, table string) (string, error) {
	if d < PostgreSQL || d > MySQL {
		return "", fmt.Errorf("sqlstore: there is no %v", d)
	}
	if table == "" {
		table = standardTable
	}
	if err := checkTable(table); err != nil {
		return "", err
	}
	text, err := schemas.ReadFile("schema/" + strings.ToLower(d.String()) + ".sql")
	if err != nil {
		panic("sqlstore: internal error: " + err.Error())
	}
	return rename(string(text), table), nil
}

// checkTable holds names to what every dialect takes unquoted and in one case. The bound leaves room for
// the ends of the names of labels, indexes and triggers, 63 bytes in PostgreSQL.
func checkTable(table string) error {
	if len(table) > 40 {
		return fmt.Errorf("sqlstore: table name of %d bytes, want at most 40", len(table))
	}
	for i, c := range []byte(table) {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return fmt.Errorf("sqlstore: table name %q, want [a-z][a-z0-9_]*", table)
		}
	}
	return nil
}

// statements are the texts that a Store sends.
type statements struct {
	create   string
	labelled string // create with labels
	swap     string
	get      [maxKeys + 1]string // by number of keys
	list     string
	move     string // corrects sweep_at of records that live longer than it says
	drop     string
}

// statements returns the texts for a table. Each is written with question marks; PostgreSQL numbers them.
func (d Dialect) statements(table string) *statements {
	const columns = "record_key, version, expires, labels, value"
	s := &statements{
		create: "INSERT INTO oauth_records (record_key, version, expires, sweep_at, labels, value) VALUES (?, ?, ?, ?, ?, ?)",
		swap: "UPDATE oauth_records SET version = version + 1, expires = ?, value = ?, sweep_at = LEAST(sweep_at, ?)" +
			" WHERE record_key = ? AND version = ?",
		list: "SELECT r." + strings.ReplaceAll(columns, " ", " r.") + " FROM oauth_records_labels l" +
			" JOIN oauth_records r ON r.record_key = l.record_key" +
			" WHERE l.label = ? AND l.record_key > ? ORDER BY l.record_key LIMIT ?",
	}
	for n := range s.get {
		if n > 0 {
			s.get[n] = "SELECT " + columns + " FROM oauth_records WHERE record_key IN (?" + strings.Repeat(", ?", n-1) + ")"
		}
	}

	// The conditions stand in the statement that changes, beside the choice of keys, so that a record which
	// another transaction changed in between is judged again as it is then.
	const (
		update = "UPDATE oauth_records SET sweep_at = CASE WHEN expires = 0 THEN " + never + " ELSE expires END WHERE "
		remove = "DELETE FROM oauth_records WHERE "
		alive  = "sweep_at < ? AND (expires = 0 OR expires >= ?)"
		dead   = "sweep_at < ? AND expires > 0 AND expires < ?"
		first  = " ORDER BY sweep_at LIMIT ?"
		choose = "SELECT record_key FROM oauth_records WHERE "
	)
	switch d {
	case PostgreSQL:
		s.create += " ON CONFLICT (record_key) DO NOTHING"
		s.labelled = "WITH created AS (" + s.create + " RETURNING record_key, labels)" +
			" INSERT INTO oauth_records_labels (label, record_key)" +
			" SELECT jsonb_array_elements_text(labels::jsonb), record_key FROM created"
		// As an array the choice is made once. As a subquery of IN it may be made anew for each row. Rows that
		// another process sweeps are passed over, or both would choose the same and one find none.
		const locked = " FOR UPDATE SKIP LOCKED"
		s.move = update + "record_key = ANY (ARRAY(" + choose + alive + first + locked + ")) AND " + alive
		s.drop = remove + "record_key = ANY (ARRAY(" + choose + dead + first + locked + ")) AND " + dead
	case SQLite:
		s.create += " ON CONFLICT (record_key) DO NOTHING"
		// SQLite rewrites the index of each column that a statement names. A trigger sets sweep_at when it
		// has to.
		s.swap = strings.Replace(s.swap, ", sweep_at = LEAST(sweep_at, ?)", "", 1)
		s.move = update + "record_key IN (" + choose + alive + first + ")"
		s.drop = remove + "record_key IN (" + choose + dead + first + ")"
	case MySQL:
		s.move = update + alive + first
		s.drop = remove + dead + first
	}
	if s.labelled == "" {
		s.labelled = s.create // a trigger writes the labels
	}
	for _, text := range s.all() {
		*text = rename(*text, table)
		if d == PostgreSQL {
			*text = numbered(*text)
		}
	}
	return s
}

func (s *statements) all() []*string {
	all := []*string{&s.create, &s.labelled, &s.swap, &s.list, &s.move, &s.drop}
	for i := range s.get {
		all = append(all, &s.get[i])
	}
	return all
}

// numbered replaces each question mark by $1, $2 and so on.
func numbered(text string) string {
	parts := strings.Split(text, "?")
	for i := range parts[1:] {
		parts[i] += "$" + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}
