package sqlstore_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/sqlstore"
)

func TestProbePasses(t *testing.T) {
	for _, x := range targets {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			if err := store.Probe(t.Context(), x.newStore(t)); err != nil {
				t.Errorf("Probe = %v, want nil", err)
			}
		})
	}
}

// The tables are changed after Open, which would refuse them.
func TestProbeFindsFoldedKeys(t *testing.T) {
	x := targets[0]
	h := x.newStore(t).(*handle)
	schema, err := sqlstore.Schema(x.dialect, h.table)
	if err != nil {
		t.Fatal(err)
	}
	schema = strings.ReplaceAll(schema, "TEXT NOT NULL", "TEXT COLLATE NOCASE NOT NULL")
	for text := range strings.SplitSeq("DROP TABLE "+h.table+";\n\nDROP TABLE "+h.table+"_labels;\n\n"+schema, ";\n\n") {
		if _, err := h.db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	wantErr(t, "Probe", store.Probe(t.Context(), h), "folded together")
}

// A proxy that sends queries to a replica, which has yet to hear of the last writes.
func TestProbeFindsReplica(t *testing.T) {
	x, table := targets[0], newTable()
	o := &sqlstore.Options{Table: table, Create: true}
	s := &spy{Connector: sqliteConnector(sqliteDSN(filepath.Join(t.TempDir(), "primary")))}
	if err := x.try(t, sqliteDSN(filepath.Join(t.TempDir(), "never")), o); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.Open(t.Context(), pool(t, s), x.dialect, o); err != nil {
		t.Fatal(err)
	}
	replica := sqliteDSN(filepath.Join(t.TempDir(), "replica"))
	if err := x.try(t, replica, o); err != nil {
		t.Fatal(err)
	}
	s.reads = sqliteConnector(replica)
	split, err := sqlstore.Open(t.Context(), pool(t, s), x.dialect, o)
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "Probe", store.Probe(t.Context(), split), "reads do not see writes", "a replica")
}
