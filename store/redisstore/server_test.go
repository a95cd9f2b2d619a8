package redisstore_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/oauth/oauthtest"
	"github.com/oauthcore/oauthcore/store"
)

// TestServer runs a whole server on Redis and on a Cluster, with faults at every call.
func TestServer(t *testing.T) {
	both(t, func(t *testing.T, client redis.UniversalClient) {
		oauthtest.Run(t, func(t testing.TB) store.Store { return opened(t, client) }, nil)
	})
}

func BenchmarkServer(b *testing.B) {
	for _, fsync := range []string{"always", "everysec"} {
		b.Run("appendfsync "+fsync, func(b *testing.B) {
			addr := engine.Redis(b, &engine.Config{Settings: []string{"appendonly=yes", "appendfsync=" + fsync}}).Addr
			oauthtest.Benchmark(b, func(t testing.TB) store.Store { return opened(t, dial(t, addr, nil)) }, nil)
		})
	}
	b.Run("cluster", func(b *testing.B) { // of six nodes, everysec
		oauthtest.Benchmark(b, func(t testing.TB) store.Store { return opened(t, dialCluster(t, nodes(t), nil)) }, nil)
	})
}
