package engine

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Where Debian, Red Hat and Homebrew keep the programs of PostgreSQL, all of one version together.
var postgresFolders = []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/pgsql-*/bin"}

// Postgres starts a PostgreSQL server whose superuser postgres needs no password. It has the database
// postgres; the encoding is UTF-8, the locale C.UTF-8.
func Postgres(t testing.TB, c *Config) *Server {
	t.Helper()
	bin := programs(t, "postgres", postgresFolders, "postgres", "initdb", "psql")
	return c.obtain(t, "postgres", func() []*Server {
		spec := postgresSpec(bin["postgres"], c.settings())
		return []*Server{launch(t, spec, func(s *Server) {
			// What is not synced here is synced by the server's first checkpoint.
			if _, err := s.command(bin["initdb"], "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8",
				"--locale=C.UTF-8", "--no-sync", "--no-instructions"); err != nil {
				t.Fatalf("engine: %v", err)
			}
		})}
	})[0]
}

// Standby starts a PostgreSQL server that follows primary by streaming, and returns when it has caught up
// and primary waits for it at each commit: what primary acknowledges is on the disks of both, unless a
// setting of primary says otherwise. While the standby is down, commits wait. It is never shared.
func Standby(t testing.TB, primary *Server, c *Config) *Server {
	t.Helper()
	bin := programs(t, "postgres", postgresFolders, "postgres", "pg_basebackup", "psql")
	s := launch(t, postgresSpec(bin["postgres"], append([]string{"cluster_name=standby"}, c.settings()...)), func(s *Server) {
		if _, err := s.command(bin["pg_basebackup"], "-d", primary.DSN("")+"&application_name=standby", "-D", s.data(),
			"-R", "-X", "stream", "-c", "fast", "--no-sync"); err != nil {
			t.Fatalf("engine: %v", err)
		}
	})
	t.Cleanup(s.discard)
	primary.Query("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
	primary.Query("SELECT pg_reload_conf()")
	primary.await("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "1")
	return s
}

// Promote makes a standby the primary, and returns when it takes writes.
func (s *Server) Promote() {
	s.t.Helper()
	s.Query("SELECT pg_promote()")
	s.await("SELECT pg_is_in_recovery()", "f")
}

// Query runs one statement on a PostgreSQL server, as its superuser, and returns what it yields: rows by
// line, columns with a bar between them.
func (s *Server) Query(sql string) string {
	s.t.Helper()
	psql := programs(s.t, "postgres", postgresFolders, "psql")["psql"]
	out, err := s.command(psql, "-X", "-A", "-t", "-q", "-d", s.DSN("postgres"), "-c", sql)
	if err != nil {
		s.t.Fatalf("engine: %s: %v", sql, err)
	}
	return strings.TrimSpace(out)
}

func postgresSpec(program string, settings []string) spec {
	return spec{
		name: "postgres",
		argv: func(s *Server) []string {
			argv := []string{program, "-D", s.data(), "-c", "port=" + s.port(), "-c", "listen_addresses=127.0.0.1",
				"-c", "unix_socket_directories=", "-c", "hot_standby=on", "-c", "max_connections=200"}
			for _, setting := range settings {
				argv = append(argv, "-c", setting)
			}
			return argv
		},
		ready: func(s *Server) error {
			lines, err := s.pidFile(filepath.Join(s.data(), "postmaster.pid"))
			if err == nil && (len(lines) < 8 || strings.TrimSpace(lines[7]) != "ready") { // the line of its state
				err = errors.New("it is starting")
			}
			return err
		},
		dsn:  postgresDSN,
		stop: syscall.SIGINT,
	}
}

func postgresDSN(addr, database string) string {
	return "postgres://postgres@" + addr + "/" + database + "?sslmode=disable"
}

// await returns when the query yields want.
func (s *Server) await(sql, want string) {
	s.t.Helper()
	got := ""
	for began := time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
		if got = s.Query(sql); got == want {
			return
		}
	}
	s.t.Fatalf("engine: %s: got %q, want %q", sql, got, want)
}
