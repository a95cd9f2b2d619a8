package proof_test

import (
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/engine"
)

// TestStandbyTakesOver cuts the standby off for a moment before the primary is killed. Commits that wait
// for it are not acknowledged then; those that do not are lost.
func TestStandbyTakesOver(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		broken bool
	}{
		{"nothing acknowledged is lost", false},
		{"commits that do not wait for the standby are found out", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			primary := engine.Postgres(t, nil)
			standby := engine.Standby(t, primary, nil)
			// One address for both: the driver looks for the one that takes writes.
			sys, _ := newSystem(t, "postgres://postgres@"+primary.Addr+","+standby.Addr+
				"/postgres?sslmode=disable&target_session_attrs=primary&connect_timeout=2")
			l := newLoad(t, sys, 8)
			if test.broken {
				primary.Query("ALTER SYSTEM SET synchronous_commit = local")
				primary.Query("SELECT pg_reload_conf()")
			}
			l.during(t, func() {
				l.awaitRotations(t, 100)
				standby.Query("ALTER SYSTEM SET primary_conninfo = ''")
				standby.Query("SELECT pg_reload_conf()")
				if test.broken {
					l.awaitRotations(t, 20)
				} else {
					time.Sleep(300 * time.Millisecond)
				}
				primary.Kill()
				standby.Promote()
				l.awaitRotations(t, 100)
			})
			l.finish()
			l.log(t, "the primary was killed and the standby took over")
			l.report(t, test.broken)
		})
	}
}
