// Package engine starts real database servers for tests: PostgreSQL with a standby and a pooling proxy,
// MariaDB, Redis and a Redis Cluster.
//
//	pg := engine.Postgres(t, nil)
//	db, err := sql.Open("pgx", pg.DSN("postgres"))
//
// Every server listens on loopback alone, in a temporary directory, as an unprivileged user when the test
// runs as root. It ends with the test that started it, or with the test binary if it is shared; a binary
// that dies takes its servers with it. Where the programs are missing the test is skipped, or fails if the
// environment variable OAUTHCORE_REQUIRE names the engine: postgres, mariadb, redis, pgbouncer. Where the
// system is no Unix it is always skipped.
//
// # Design
//
// The servers are the ones that the system has installed, as processes: a proof about kill -9 needs a
// process to kill, and containers would need more rights than tests should have.
//
// A small shell process watches over each server through a pipe that closes when the test binary ends,
// however it ends. A parent-death signal would be simpler, but it follows the thread that started the
// server, and threads of a Go program come and go.
//
// Ports are picked below the range from which systems choose the ports of outgoing connections. A port
// that the system picks would be free at first, and lost to some connection while its server is down.
//
// A server is ready when it says so and it is the process that was started: a server of somebody else's may
// have taken the port in between, and would answer for it.
package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Config says how an engine is started. Nil is a server of one's own with the engine's defaults, which are
// durable but for Redis.
type Config struct {
	// Settings are added to the engine's own, each as name=value: "fsync=off" for PostgreSQL,
	// "innodb_lock_wait_timeout=5" for MariaDB, "appendonly=yes" for Redis, "default_pool_size=2" for
	// PgBouncer.
	Settings []string

	// Shared asks for the one server that all tests of the binary have in common which ask with the same
	// Settings. It runs until the binary ends. Tests keep apart by names of their own, and must not stop it.
	Shared bool
}

// settings is c.Settings, of a nil Config too.
func (c *Config) settings() []string {
	if c == nil {
		return nil
	}
	return c.Settings
}

// common keeps the shared servers by engine and settings.
var common struct {
	sync.Mutex
	servers map[string][]*Server
}

// obtain returns the servers that start makes: for t alone, or the common ones.
func (c *Config) obtain(t testing.TB, name string, start func() []*Server) []*Server {
	t.Helper()
	if c == nil || !c.Shared {
		servers := start()
		for _, s := range servers {
			t.Cleanup(s.discard)
		}
		return servers
	}
	common.Lock()
	defer common.Unlock()
	key := name + "\x00" + strings.Join(c.Settings, "\x00")
	if _, ok := common.servers[key]; !ok {
		servers := start()
		if common.servers == nil {
			common.servers = make(map[string][]*Server)
		}
		common.servers[key] = servers
	}
	var servers []*Server
	for _, s := range common.servers[key] {
		view := *s
		view.t, view.shared = t, true
		t.Cleanup(view.report)
		servers = append(servers, &view)
	}
	return servers
}

// programs returns the paths of the named programs of an engine: from the last of the folders that has
// one, which may be patterns, else from where programs are looked for. If one is missing, it skips t or
// fails it.
func programs(t testing.TB, engine string, folders []string, names ...string) map[string]string {
	t.Helper()
	if !canSpawn {
		t.Skipf("engine: %s is started on Unix systems only", engine)
	}
	found := make(map[string]string)
	for _, name := range names {
		path, err := exec.LookPath(name)
		for _, folder := range slices.Concat([]string{"/usr/local/sbin", "/usr/sbin"}, folders) {
			if matches, _ := filepath.Glob(filepath.Join(folder, name)); len(matches) > 0 {
				path, err = slices.Max(matches), nil
			}
		}
		if err != nil {
			if slices.Contains(strings.Split(os.Getenv("OAUTHCORE_REQUIRE"), ","), engine) {
				t.Fatalf("engine: OAUTHCORE_REQUIRE names %s, whose program %s is missing", engine, name)
			}
			t.Skipf("engine: %s is not installed: no program %s", engine, name)
		}
		found[name] = path
	}
	return found
}
