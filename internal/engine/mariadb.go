package engine

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// MariaDB starts a MariaDB server whose user root needs no password over TCP. It has the database test.
func MariaDB(t testing.TB, c *Config) *Server {
	t.Helper()
	bin := programs(t, "mariadb", nil, "mariadbd", "mariadb-install-db")
	spec := spec{
		name: "mariadb",
		argv: func(s *Server) []string {
			argv := []string{bin["mariadbd"], "--no-defaults", "--datadir=" + s.data(), "--port=" + s.port(),
				"--bind-address=127.0.0.1", "--skip-name-resolve", "--socket=" + filepath.Join(s.dir, "socket"),
				"--pid-file=" + filepath.Join(s.dir, "pid"), "--init-file=" + filepath.Join(s.dir, "init.sql"),
				"--max-connections=300"}
			for _, setting := range c.settings() {
				argv = append(argv, "--"+setting)
			}
			return argv
		},
		ready: func(s *Server) error {
			if _, err := s.pidFile(filepath.Join(s.dir, "pid")); err != nil { // written when it has the port
				return err
			}
			greeting, err := s.exchange("")
			if err == nil && (len(greeting) < 5 || greeting[4] != 10) { // the version of the protocol
				err = errors.New("it does not greet")
			}
			return err
		},
		dsn:  func(addr, database string) string { return "root@tcp(" + addr + ")/" + database + "?" },
		stop: syscall.SIGTERM,
	}
	return c.obtain(t, "mariadb", func() []*Server {
		return []*Server{launch(t, spec, func(s *Server) {
			if _, err := s.command(bin["mariadb-install-db"], "--no-defaults", "--datadir="+s.data(),
				"--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
				t.Fatalf("engine: %v", err)
			}
			// Runs at each start, before the server listens.
			const sql = "CREATE USER IF NOT EXISTS root@'127.0.0.1';\n" +
				"GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n" +
				"CREATE DATABASE IF NOT EXISTS test;\n"
			if err := os.WriteFile(filepath.Join(s.dir, "init.sql"), []byte(sql), 0o644); err != nil {
				t.Fatalf("engine: %v", err)
			}
		})}
	})[0]
}
