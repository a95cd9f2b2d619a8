package redisstore_test

import (
	"context"
	"crypto/rand"
	"reflect"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/redisstore"
)

// kept are the settings of shared servers: what Open accepts with InsecureEverySecond, for the sake of speed.
var kept = []string{"appendonly=yes", "appendfsync=everysec", "repl-diskless-sync-delay=0"}

// node returns the address of a server that the tests share.
func node(t testing.TB) string {
	t.Helper()
	return engine.Redis(t, &engine.Config{Settings: kept, Shared: true}).Addr
}

// nodes returns the addresses of a cluster that the tests share.
func nodes(t testing.TB) (addrs []string) {
	t.Helper()
	for _, s := range engine.RedisCluster(t, &engine.Config{Settings: kept, Shared: true}) {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

// dial returns a client of one server, with what change makes of its options.
func dial(t testing.TB, addr string, change func(*redis.Options)) *redis.Client {
	o := &redis.Options{Addr: addr, ContextTimeoutEnabled: true}
	if change != nil {
		change(o)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

// dialCluster returns a client of a cluster.
func dialCluster(t testing.TB, addrs []string, change func(*redis.ClusterOptions)) *redis.ClusterClient {
	o := &redis.ClusterOptions{Addrs: addrs, ContextTimeoutEnabled: true}
	if change != nil {
		change(o)
	}
	c := redis.NewClusterClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

// opened returns a store with keys of its own.
func opened(t testing.TB, client redis.UniversalClient) *redisstore.Store {
	t.Helper()
	return openedAt(t, client, rand.Text()+":")
}

func openedAt(t testing.TB, client redis.UniversalClient, prefix string) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(t.Context(), client, &redisstore.Options{Prefix: prefix, InsecureEverySecond: true})
	if err != nil {
		t.Fatalf("Open = %v, want nil", err)
	}
	return s
}

// both runs test with a client of one server and with one of a cluster.
func both(t *testing.T, test func(t *testing.T, client redis.UniversalClient)) {
	t.Run("node", func(t *testing.T) { test(t, dial(t, node(t), nil)) })
	t.Run("cluster", func(t *testing.T) { test(t, dialCluster(t, nodes(t), nil)) })
}

// useAll calls every method of s with the effects of all of its scripts.
func useAll(t *testing.T, s store.Store) {
	t.Helper()
	r := store.Record{Key: "all/" + rand.Text(), Version: 1, Expires: time.Now().Unix() + 3600, Labels: []string{"all"}, Value: []byte("first")}
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatalf("Create = %v, want nil", err)
	}
	r.Value, r.Expires = []byte("second"), 0
	if err := s.Swap(t.Context(), r); err != nil {
		t.Fatalf("Swap = %v, want nil", err)
	}
	r.Version++
	if rs, err := s.Get(t.Context(), r.Key, "missing"); err != nil || !reflect.DeepEqual(rs, []store.Record{r, {Key: "missing"}}) {
		t.Fatalf("Get = %v, %v, want %v and an absent one", rs, err, r)
	}
	if rs, next, err := s.List(t.Context(), "all", r.Key[:8], 1000); err != nil || next != "" || len(rs) == 0 {
		t.Fatalf("List = %v, %q, %v, want the record", rs, next, err)
	}
	if n, err := s.Sweep(t.Context(), time.Now().Unix(), 100); err != nil || n != 0 {
		t.Fatalf("Sweep = %d, %v, want 0", n, err)
	}
}

// hook is called for every pipeline, which is how the store sends all it sends.
type hook func(ctx context.Context, cmds []redis.Cmder, send func() error) error

func (hook) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := h(ctx, cmds, func() error { return next(ctx, cmds) })
		if err != nil && cmds[0].Err() == nil {
			for _, c := range cmds {
				c.SetErr(err)
			}
		}
		return err
	}
}
