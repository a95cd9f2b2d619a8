package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The parts of a schema that a Store relies on, each as a name and what it is.
var parts = map[Dialect]string{
	PostgreSQL: `
		column oauth_records.record_key: text collate C not null, key 1
		column oauth_records.version: bigint not null
		column oauth_records.expires: bigint not null
		column oauth_records.sweep_at: bigint not null
		column oauth_records.labels: text collate C not null
		column oauth_records.value: bytea not null
		table oauth_records: permanent
		index oauth_records_sweep_at: on oauth_records
		column oauth_records_labels.label: text collate C not null, key 1
		column oauth_records_labels.record_key: text collate C not null, key 2
		table oauth_records_labels: permanent
		index oauth_records_labels_record_key: on oauth_records_labels
		foreign key of oauth_records_labels: on delete cascade`,
	SQLite: `
		column oauth_records.record_key: text collate BINARY not null, key 1
		column oauth_records.version: integer not null
		column oauth_records.expires: integer not null
		column oauth_records.sweep_at: integer not null
		column oauth_records.labels: text not null
		column oauth_records.value: blob not null
		table oauth_records: strict
		index oauth_records_sweep_at: on oauth_records
		trigger oauth_records_created: on oauth_records
		trigger oauth_records_dropped: on oauth_records
		trigger oauth_records_sooner: on oauth_records
		column oauth_records_labels.label: text collate BINARY not null, key 1
		column oauth_records_labels.record_key: text collate BINARY not null, key 2
		table oauth_records_labels: strict`,
	MySQL: `
		column oauth_records.record_key: varbinary(128) not null, key 1
		column oauth_records.version: bigint not null
		column oauth_records.expires: bigint not null
		column oauth_records.sweep_at: bigint not null
		column oauth_records.labels: varchar(2100) collate ascii_bin not null
		column oauth_records.value: mediumblob(16777215) not null
		table oauth_records: InnoDB
		index oauth_records_sweep_at: on oauth_records
		trigger oauth_records_created: on oauth_records
		column oauth_records_labels.label: varbinary(128) not null, key 1
		column oauth_records_labels.record_key: varbinary(128) not null, key 2
		table oauth_records_labels: InnoDB
		index oauth_records_labels_record_key: on oauth_records_labels
		foreign key of oauth_records_labels: on delete cascade`,
}

// The queries that describe what is there in the same words, given the names of both tables wherever two
// are asked for. CockroachDB has one order of text, the bytewise one, and calls it the default. Those of
// MySQL are apart, since their names have various collations and a UNION wants one.
var descriptions = map[Dialect][]string{
	PostgreSQL: {`
		WITH tables AS (SELECT oid, relname, relpersistence FROM pg_catalog.pg_class WHERE oid IN (to_regclass(?), to_regclass(?)))
		SELECT 'column ' || t.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) ||
			CASE WHEN c.collname IS NULL THEN ''
				WHEN c.collname = 'default' AND version() LIKE 'CockroachDB%' THEN ' collate C'
				ELSE ' collate ' || c.collname END ||
			CASE WHEN a.attnotnull THEN ' not null' ELSE '' END ||
			COALESCE((SELECT ', key ' || array_position(k.conkey, a.attnum) FROM pg_catalog.pg_constraint k
				WHERE k.conrelid = t.oid AND k.contype = 'p' AND a.attnum = ANY (k.conkey)), '')
		FROM tables t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid
		LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
		WHERE a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT 'table ' || relname, CASE relpersistence WHEN 'p' THEN 'permanent' ELSE 'unlogged or temporary' END FROM tables
		UNION ALL
		SELECT 'index ' || i.relname, 'on ' || t.relname FROM tables t
		JOIN pg_catalog.pg_index x ON x.indrelid = t.oid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
		UNION ALL
		SELECT 'foreign key of ' || t.relname, CASE k.confdeltype WHEN 'c' THEN 'on delete cascade' ELSE 'without cascade' END
		FROM tables t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f'
		WHERE k.confrelid IN (to_regclass(?), to_regclass(?))`},
	SQLite: {`
		SELECT 'column ' || m.name || '.' || c.name, lower(c.type) || coalesce(' collate ' ||
				(SELECT x.coll FROM pragma_index_list(m.name) l, pragma_index_xinfo(l.name) x WHERE l.origin = 'pk' AND x.key AND x.name = c.name), '') ||
			CASE WHEN c."notnull" THEN ' not null' ELSE '' END || CASE WHEN c.pk > 0 THEN ', key ' || c.pk ELSE '' END
		FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name IN (?, ?)
		UNION ALL
		SELECT m.type || ' ' || m.name, CASE m.type WHEN 'table' THEN
			(SELECT CASE WHEN t.strict THEN 'strict' ELSE 'not strict' END FROM pragma_table_list(m.name) t WHERE t.schema = 'main')
			ELSE 'on ' || m.tbl_name END
		FROM sqlite_schema m WHERE m.tbl_name IN (?, ?)`},
	MySQL: {`
		SELECT CONCAT('column ', c.table_name, '.', c.column_name),
			CONCAT(c.data_type, COALESCE(CONCAT('(', c.character_maximum_length, ')'), ''), COALESCE(CONCAT(' collate ', c.collation_name), ''),
			CASE c.is_nullable WHEN 'NO' THEN ' not null' ELSE '' END,
			COALESCE((SELECT CONCAT(', key ', i.seq_in_index, CASE WHEN i.sub_part IS NULL THEN '' ELSE ' prefix' END) FROM information_schema.statistics i
				WHERE i.table_schema = c.table_schema AND i.table_name = c.table_name AND i.column_name = c.column_name
				AND i.index_name = 'PRIMARY'), ''))
		FROM information_schema.columns c WHERE c.table_schema = DATABASE() AND c.table_name IN (?, ?)`, `
		SELECT CONCAT('table ', table_name), engine
		FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN (?, ?)`, `
		SELECT CONCAT('index ', index_name), CONCAT('on ', table_name)
		FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name IN (?, ?)`, `
		SELECT CONCAT('trigger ', trigger_name), CONCAT('on ', event_object_table)
		FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND event_object_table IN (?, ?)`, `
		SELECT CONCAT('foreign key of ', table_name), CONCAT('on delete ', LOWER(delete_rule))
		FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() AND table_name IN (?, ?)`},
}

// checkTables returns what is missing or different in the tables.
func (d Dialect) checkTables(ctx context.Context, db *sql.DB, table string) error {
	found := make(map[string]string)
	for _, text := range descriptions[d] {
		var args []any
		for range strings.Count(text, "?") / 2 {
			args = append(args, table, table+"_labels")
		}
		if d == PostgreSQL {
			text = numbered(text)
		}
		if err := pairs(ctx, db, found, text, args...); err != nil {
			return fmt.Errorf("sqlstore: looking at table %s: %w", table, err)
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("sqlstore: no table %s: Schema has the statements that create it, or set Options.Create", table)
	}
	var faults []error
	for line := range strings.Lines(rename(parts[d], table)) {
		part, want, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		if got, ok := found[part]; !ok {
			faults = append(faults, fmt.Errorf("sqlstore: there is no %s, want it %s", part, want))
		} else if got != want {
			faults = append(faults, fmt.Errorf("sqlstore: %s is %q, want %q", part, got, want))
		}
	}
	return errors.Join(faults...)
}

// setting is one that Open looks at. Some databases lack some of them.
type setting struct {
	name   string
	want   []string // one of these
	why    string
	losing bool // other values lose what was acknowledged, and InsecureDurability accepts them
}

var settings = map[Dialect][]setting{
	PostgreSQL: {
		{"transaction_read_only", []string{"off"}, "this is a standby, or made to be read only", false},
		{"synchronous_commit", []string{"on", "local", "remote_write", "remote_apply"}, "a crash loses the last commits", true},
		{"fsync", []string{"on"}, "a crash loses commits and may destroy the database", true},
	},
	SQLite: {
		{"query_only", []string{"0"}, "it takes no writes", false},
		{"journal_mode", []string{"wal"}, "readers and the writer lock each other out", true},
		{"synchronous", []string{"2", "3"}, "a power failure loses the last commits: FULL is 2", true},
	},
	MySQL: {
		{"read_only", []string{"OFF"}, "this is a replica, or made to be read only", false},
		{"super_read_only", []string{"OFF"}, "this is a replica, or made to be read only", false},
		{"autocommit", []string{"ON"}, "no write would be committed", false},
		{"tx_isolation", isolated, "reads would see what is rolled back later", false},
		{"transaction_isolation", isolated, "reads would see what is rolled back later", false},
		{"innodb_flush_log_at_trx_commit", []string{"1"}, "a crash loses the last commits", true},
		{"sync_binlog", []string{"1"}, "a crash loses the last commits, with those the binary log lost", true},
	},
}

var isolated = []string{"READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE"}

// checkSettings returns an error for each setting that is not as a store needs it.
func checkSettings(ctx context.Context, db *sql.DB, d Dialect, insecure bool) error {
	found, err := readSettings(ctx, db, d)
	if err != nil {
		return fmt.Errorf("sqlstore: reading the settings: %w", err)
	}
	if found["log_bin"] != "ON" {
		delete(found, "sync_binlog") // no binary log, which alone it is about
	}
	var faults []error
	for _, s := range settings[d] {
		if got, ok := found[s.name]; ok && !slices.Contains(s.want, got) && (!s.losing || !insecure) {
			faults = append(faults, fmt.Errorf("sqlstore: %s is %q, want %s: %s", s.name, got, strings.Join(s.want, " or "), s.why))
		}
	}
	return errors.Join(faults...)
}

// readSettings returns the settings of the dialect, as far as the database has them.
func readSettings(ctx context.Context, db *sql.DB, d Dialect) (map[string]string, error) {
	found := make(map[string]string)
	if d == SQLite {
		for _, s := range settings[d] {
			var value string
			if err := db.QueryRowContext(ctx, "PRAGMA "+s.name).Scan(&value); err != nil {
				return nil, err
			}
			found[s.name] = value
		}
		return found, nil
	}
	names := []any{"log_bin"}
	for _, s := range settings[d] {
		names = append(names, s.name)
	}
	list := "(?" + strings.Repeat(", ?", len(names)-1) + ")"
	text := "SHOW VARIABLES WHERE variable_name IN " + list
	if d == PostgreSQL {
		text = numbered("SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN " + list)
	}
	return found, pairs(ctx, db, found, text, names...)
}

// pairs adds to found the rows of a query that yields names and values.
func pairs(ctx context.Context, db *sql.DB, found map[string]string, text string, args ...any) error {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		found[name] = value
	}
	return rows.Err()
}
