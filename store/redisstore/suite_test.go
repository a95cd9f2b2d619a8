package redisstore_test

import (
	"context"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/redisstore"
	"github.com/oauthcore/oauthcore/storetest"
)

// handle is a store and the client that a program would close with it.
type handle struct {
	*redisstore.Store
	client redis.UniversalClient
}

func (h handle) Close() error { return h.client.Close() }

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// runSuite runs the suite with clients that connect makes; nil is the client's own way to dial.
func runSuite(t *testing.T, connect func(testing.TB, dialer) redis.UniversalClient) {
	again := func(t testing.TB, s store.Store, dial dialer) store.Store {
		client := connect(t, dial)
		return handle{openedAt(t, client, s.(handle).Prefix()), client}
	}
	storetest.Run(t, func(t testing.TB) store.Store {
		client := connect(t, nil)
		return handle{opened(t, client), client}
	}, &storetest.Options{
		Reopen: func(t testing.TB, s store.Store) store.Store { return again(t, s, nil) },
		Dial:   again,
	})
}

func TestNodeIsAStore(t *testing.T) {
	addr := node(t)
	runSuite(t, func(t testing.TB, d dialer) redis.UniversalClient {
		return dial(t, addr, func(o *redis.Options) { o.Dialer = d })
	})
}

func TestClusterIsAStore(t *testing.T) {
	addrs := nodes(t)
	runSuite(t, func(t testing.TB, d dialer) redis.UniversalClient {
		return dialCluster(t, addrs, func(o *redis.ClusterOptions) { o.Dialer = d })
	})
}

func BenchmarkNode(b *testing.B) {
	for _, fsync := range []string{"always", "everysec"} {
		b.Run("appendfsync "+fsync, func(b *testing.B) {
			addr := engine.Redis(b, &engine.Config{Settings: []string{"appendonly=yes", "appendfsync=" + fsync}}).Addr
			storetest.Benchmark(b, func(t testing.TB) store.Store { return opened(t, dial(t, addr, nil)) })
		})
	}
}

func BenchmarkCluster(b *testing.B) {
	addrs := nodes(b)
	storetest.Benchmark(b, func(t testing.TB) store.Store { return opened(t, dialCluster(t, addrs, nil)) })
}
