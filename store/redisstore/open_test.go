package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/store/redisstore"
)

// wantOpen fails t unless Open gives an error with each of want, or none if there is none.
func wantOpen(t *testing.T, client redis.UniversalClient, o *redisstore.Options, want ...string) {
	t.Helper()
	s, err := redisstore.Open(t.Context(), client, o)
	if (s == nil) != (err != nil) {
		t.Fatalf("Open = %v, %v, want a store or an error", s, err)
	}
	if len(want) == 0 && err != nil {
		t.Errorf("Open = %v, want nil", err)
	}
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("Open = %v\nwant an error with %q", err, w)
		}
	}
}

func TestOpenChecksTheClient(t *testing.T) {
	nowhere := func(change func(*redis.ClusterOptions)) redis.UniversalClient {
		return dialCluster(t, []string{"127.0.0.1:1"}, change)
	}
	for _, c := range []struct {
		fault  string
		client redis.UniversalClient
		want   string
	}{
		{"deadlines are off", dial(t, "127.0.0.1:1", func(o *redis.Options) { o.ContextTimeoutEnabled = false }), "ContextTimeoutEnabled is off"},
		{"deadlines are off in a cluster", nowhere(func(o *redis.ClusterOptions) { o.ContextTimeoutEnabled = false }), "ContextTimeoutEnabled is off"},
		{"replicas are read", nowhere(func(o *redis.ClusterOptions) { o.ReadOnly = true }), "reads from replicas"},
		{"the closest is read", nowhere(func(o *redis.ClusterOptions) { o.RouteByLatency = true }), "reads from replicas"},
		{"anyone is read", nowhere(func(o *redis.ClusterOptions) { o.RouteRandomly = true }), "reads from replicas"},
		{"servers share no slots", redis.NewRing(&redis.RingOptions{}), "is a *redis.Ring"},
		{"there is none", nil, "is a <nil>"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			// Also where nothing of the server is looked at.
			wantOpen(t, c.client, &redisstore.Options{InsecureMayLose: true}, c.want)
		})
	}
	t.Run("all faults at once", func(t *testing.T) {
		client := nowhere(func(o *redis.ClusterOptions) { o.ReadOnly, o.ContextTimeoutEnabled = true, false })
		wantOpen(t, client, &redisstore.Options{Prefix: "{a}"}, "prefix", "ContextTimeoutEnabled is off", "reads from replicas")
	})
}

func TestOpenChecksThePrefix(t *testing.T) {
	client := dial(t, "127.0.0.1:1", nil)
	for _, prefix := range []string{"", ":", "a", "shop:", "A-z/0_.~:", strings.Repeat("p", 64)} {
		wantOpen(t, client, &redisstore.Options{Prefix: prefix, InsecureMayLose: true})
	}
	for _, prefix := range []string{"{shop}:", "a b", "a*", "\u00e9", "\n", strings.Repeat("p", 65)} {
		wantOpen(t, client, &redisstore.Options{Prefix: prefix, InsecureMayLose: true}, "redisstore: prefix")
	}
}

func TestOpenChecksTheServer(t *testing.T) {
	server := engine.Redis(t, nil)
	client := dial(t, server.Addr, nil)
	set := func(t *testing.T, name, value string) {
		t.Helper()
		if err := client.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatalf("CONFIG SET %s %s = %v", name, value, err)
		}
	}
	t.Run("one as it comes is refused", func(t *testing.T) {
		wantOpen(t, client, nil, "aof_enabled", "server "+server.Addr)
	})
	set(t, "appendonly", "yes")
	for _, c := range []struct {
		fsync                string
		always, second, lose bool // whether Open accepts it, by options
	}{
		{"always", true, true, true},
		{"everysec", false, true, true},
		{"no", false, false, true},
	} {
		t.Run("appendfsync "+c.fsync, func(t *testing.T) {
			set(t, "appendfsync", c.fsync)
			for _, o := range []struct {
				options redisstore.Options
				ok      bool
			}{
				{redisstore.Options{}, c.always},
				{redisstore.Options{InsecureEverySecond: true}, c.second},
				{redisstore.Options{InsecureMayLose: true}, c.lose},
			} {
				if o.ok {
					wantOpen(t, client, &o.options)
				} else {
					wantOpen(t, client, &o.options, fmt.Sprintf("appendfsync is %q", c.fsync))
				}
			}
		})
	}
	set(t, "appendfsync", "always")
	t.Run("one that does not sync while it rewrites is refused", func(t *testing.T) {
		set(t, "no-appendfsync-on-rewrite", "yes")
		defer set(t, "no-appendfsync-on-rewrite", "no")
		wantOpen(t, client, nil, `no-appendfsync-on-rewrite is "yes", want "no"`)
		wantOpen(t, client, &redisstore.Options{InsecureEverySecond: true}, "no-appendfsync-on-rewrite")
	})
	t.Run("one that evicts is refused", func(t *testing.T) {
		set(t, "maxmemory-policy", "volatile-ttl")
		defer set(t, "maxmemory-policy", "noeviction")
		wantOpen(t, client, nil, `maxmemory-policy is "volatile-ttl", want "noeviction"`)
		wantOpen(t, client, &redisstore.Options{InsecureEverySecond: true}, "maxmemory-policy")
		wantOpen(t, client, &redisstore.Options{InsecureMayLose: true})
	})
	t.Run("all faults are named", func(t *testing.T) {
		set(t, "maxmemory-policy", "allkeys-lru")
		set(t, "appendfsync", "everysec")
		defer set(t, "maxmemory-policy", "noeviction")
		defer set(t, "appendfsync", "always")
		wantOpen(t, client, nil, "maxmemory-policy", "appendfsync")
	})
	t.Run("a replica is refused", func(t *testing.T) {
		master := node(t)
		if err := client.Do(t.Context(), "replicaof", "127.0.0.1", master[strings.LastIndexByte(master, ':')+1:]).Err(); err != nil {
			t.Fatal(err)
		}
		defer client.Do(t.Context(), "replicaof", "no", "one")
		wantOpen(t, client, nil, `role is "slave", want "master"`)
	})
	user := func(t *testing.T, name string, without ...any) *redis.Client {
		t.Helper()
		rules := append([]any{"acl", "setuser", name, "on", "nopass", "~*", "&*", "+@all"}, without...)
		if err := client.Do(t.Context(), rules...).Err(); err != nil {
			t.Fatal(err)
		}
		return dial(t, server.Addr, func(o *redis.Options) { o.Username, o.Password = name, "any" })
	}
	t.Run("where CONFIG is forbidden the policy is unknown", func(t *testing.T) {
		c := user(t, "managed", "-config")
		wantOpen(t, c, nil, `appendfsync is "unknown", want "always"`)
		wantOpen(t, c, &redisstore.Options{InsecureEverySecond: true})
	})
	t.Run("where INFO is forbidden it can not be checked", func(t *testing.T) {
		c := user(t, "blind", "-info")
		wantOpen(t, c, &redisstore.Options{InsecureEverySecond: true}, "INFO", "NOPERM")
		wantOpen(t, c, &redisstore.Options{InsecureMayLose: true})
	})
	t.Run("the commands that the documentation lists are enough", func(t *testing.T) {
		c := user(t, "least", "-@all", "+get", "+set", "+getrange", "+eval", "+evalsha", "+time", "+zadd", "+zrem", "+zscore",
			"+zrangebylex", "+zrangebyscore", "+info", "+config|get", "+hello")
		useAll(t, opened(t, c))
	})
	t.Run("one that does not answer is an error", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s, err := redisstore.Open(ctx, dial(t, "127.0.0.1:1", nil), nil); s != nil || err == nil {
			t.Errorf("Open without a server = %v, %v, want an error", s, err)
		}
		if s, err := redisstore.Open(ctx, dialCluster(t, []string{"127.0.0.1:1"}, nil), nil); s != nil || err == nil {
			t.Errorf("Open without a cluster = %v, %v, want an error", s, err)
		}
	})
}

func TestOpenChecksEveryMaster(t *testing.T) {
	addrs := nodes(t)
	cluster := dialCluster(t, addrs, nil)
	var bad []string
	for i := range 2 {
		c, err := cluster.MasterForKey(t.Context(), []string{"a", "b"}[i]) // of two masters, as it happens
		if err != nil {
			t.Fatal(err)
		}
		c.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-random")
		defer c.ConfigSet(t.Context(), "maxmemory-policy", "noeviction")
		bad = append(bad, "server "+c.Options().Addr)
	}
	if bad[0] == bad[1] {
		t.Fatal("the two keys are on one master")
	}
	wantOpen(t, cluster, nil, append(bad, "allkeys-random")...)
}
