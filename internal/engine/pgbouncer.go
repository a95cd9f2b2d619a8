package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// PgBouncer starts a proxy in front of pg that pools by transaction: two statements of one client run on
// whatever connections are free. It passes on all databases of pg, and its DSN differs from pg's in the
// port alone.
func PgBouncer(t testing.TB, pg *Server, c *Config) *Server {
	t.Helper()
	bin := programs(t, "pgbouncer", nil, "pgbouncer")
	spec := spec{
		name: "pgbouncer",
		configure: func(s *Server) error {
			users := filepath.Join(s.dir, "users")
			ini := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%s user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = transaction
ignore_startup_parameters = extra_float_digits
pidfile = %s
%s
`, pg.port(), s.port(), users, filepath.Join(s.dir, "pid"), strings.Join(c.settings(), "\n"))
			return errors.Join(
				os.WriteFile(users, []byte("\"postgres\" \"\"\n"), 0o644),
				os.WriteFile(filepath.Join(s.dir, "ini"), []byte(ini), 0o644))
		},
		argv: func(s *Server) []string { return []string{bin["pgbouncer"], filepath.Join(s.dir, "ini")} },
		ready: func(s *Server) error {
			if _, err := s.pidFile(filepath.Join(s.dir, "pid")); err != nil { // written when it has the port
				return err
			}
			// A request for encryption, which it answers with one letter.
			_, err := s.exchange("\x00\x00\x00\x08\x04\xd2\x16\x2f")
			return err
		},
		dsn:  postgresDSN,
		stop: syscall.SIGTERM,
	}
	return c.obtain(t, "pgbouncer "+pg.Addr, func() []*Server { return []*Server{launch(t, spec, nil)} })[0]
}
