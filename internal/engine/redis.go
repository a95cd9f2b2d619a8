package engine

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Redis starts a Redis server without a password.
func Redis(t testing.TB, c *Config) *Server {
	t.Helper()
	bin := programs(t, "redis", nil, "redis-server")
	return c.obtain(t, "redis", func() []*Server {
		return []*Server{launch(t, redisSpec(bin["redis-server"], c.settings()), nil)}
	})[0]
}

// RedisCluster starts a Redis Cluster of six nodes, three masters with a replica each, and returns when all
// slots are served.
func RedisCluster(t testing.TB, c *Config) []*Server {
	t.Helper()
	bin := programs(t, "redis", nil, "redis-server", "redis-cli")
	return c.obtain(t, "rediscluster", func() []*Server {
		// A node that hears nothing for this many milliseconds is taken for dead.
		settings := append([]string{"cluster-enabled=yes", "cluster-node-timeout=5000"}, c.settings()...)
		var nodes []*Server
		made := false
		defer func() {
			for _, s := range nodes {
				if !made {
					s.discard()
				}
			}
		}()
		create := []string{bin["redis-cli"], "--cluster", "create"}
		for range 6 {
			s := launch(t, redisSpec(bin["redis-server"], settings), nil)
			nodes = append(nodes, s)
			create = append(create, s.Addr)
		}
		if _, err := nodes[0].command(append(create, "--cluster-replicas", "1", "--cluster-yes")...); err != nil {
			t.Fatalf("engine: %v", err)
		}
		for i, s := range nodes {
			s.awaitRedis("CLUSTER INFO", "cluster_state:ok")
			if i >= 3 { // the ones that were made replicas
				s.awaitRedis("INFO replication", "master_link_status:up")
			}
		}
		made = true
		return nodes
	})
}

// awaitRedis returns when the answer to a command contains want.
func (s *Server) awaitRedis(command, want string) {
	s.t.Helper()
	for began := time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
		answer, err := s.exchange(command + "\r\n")
		if err == nil && strings.Contains(answer, want) {
			return
		}
	}
	s.t.Fatalf("engine: the Redis node at %s did not come to %s", s.Addr, want)
}

func redisSpec(program string, settings []string) spec {
	return spec{
		name: "redis",
		argv: func(s *Server) []string {
			argv := []string{program, "--port", s.port(), "--bind", "127.0.0.1", "--dir", s.dir, "--daemonize", "no"}
			for _, setting := range settings {
				name, value, _ := strings.Cut(setting, "=")
				argv = append(argv, "--"+name, value)
			}
			return argv
		},
		ready: func(s *Server) error {
			answer, err := s.exchange("INFO server\r\nPING\r\n")
			if err == nil && !strings.Contains(answer, fmt.Sprintf("\nprocess_id:%d\r\n", s.run.cmd.Process.Pid)) {
				err = errors.New("it has not begun")
			} else if err == nil && !strings.HasSuffix(answer, "\n+PONG\r\n") {
				err = errors.New("it is loading")
			}
			return err
		},
		dsn:  func(addr, database string) string { return "redis://" + addr + "/" + database },
		stop: syscall.SIGTERM,
	}
}
