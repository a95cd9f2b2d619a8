package redisstore_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/redisstore"
)

// TestKillLosesNothing ends a server with SIGKILL under load. Every write that was acknowledged is there
// when it is back, and at most the one under way for each record besides.
func TestKillLosesNothing(t *testing.T) {
	const rounds, writers = 3, 8
	server := engine.Redis(t, &engine.Config{Settings: []string{"appendonly=yes", "appendfsync=always"}})
	s := opened(t, dial(t, server.Addr, func(o *redis.Options) { o.DialerRetries = 1 }))
	var rs [writers]store.Record
	for i := range rs {
		rs[i] = create(t, s, fmt.Sprint("key/", i), 0)
	}
	total := 0
	for range rounds {
		var wg sync.WaitGroup
		var acknowledged [writers]int
		for i := range rs {
			wg.Go(func() {
				for s.Swap(t.Context(), rs[i]) == nil {
					rs[i].Version++
					acknowledged[i]++
				}
			})
		}
		<-time.After(200 * time.Millisecond) // of load
		server.Kill()
		wg.Wait()
		server.Start()
		for i := range rs {
			got, err := s.Get(t.Context(), rs[i].Key)
			if err != nil {
				t.Fatal(err)
			}
			if v := got[0].Version; v != rs[i].Version && v != rs[i].Version+1 {
				t.Errorf("after kill -9 %q has version %d, want %d or 1 more", rs[i].Key, v, rs[i].Version)
			}
			rs[i].Version = got[0].Version
			total += acknowledged[i]
		}
	}
	if total < rounds*writers {
		t.Errorf("%d writes were acknowledged in %d rounds of %d writers: there was no load", total, rounds, writers)
	}
}

func TestProbe(t *testing.T) {
	both(t, func(t *testing.T, client redis.UniversalClient) {
		s := opened(t, client)
		for _, s := range []store.Store{s, store.Namespace(s, "shop/")} {
			if err := store.Probe(t.Context(), s); err != nil {
				t.Errorf("Probe = %v, want nil", err)
			}
		}
	})
	wantProbe := func(t *testing.T, client redis.UniversalClient, want string) {
		t.Helper()
		s, err := redisstore.Open(t.Context(), client, &redisstore.Options{InsecureMayLose: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Probe(t.Context(), s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Probe = %v\nwant an error with %q", err, want)
		}
	}
	t.Run("finds that the server evicts", func(t *testing.T) {
		addr := engine.Redis(t, nil).Addr
		client, other := dial(t, addr, nil), dial(t, addr, nil)
		_, used, _ := strings.Cut(other.Info(t.Context(), "memory").Val(), "used_memory:")
		used, _, _ = strings.Cut(used, "\r\n")
		n, err := strconv.Atoi(used)
		if err != nil {
			t.Fatal(err)
		}
		do(t, other, "config", "set", "maxmemory-policy", "allkeys-random")
		do(t, other, "config", "set", "maxmemory", n+4<<20)
		// For each record another 64 of 16 KiB are written, so that 4 MiB are short soon.
		filler, written := strings.Repeat("f", 16<<10), 0
		client.AddHook(hook(func(ctx context.Context, cmds []redis.Cmder, send func() error) error {
			if cmds[0].Name() == "set" {
				if _, err := other.Pipelined(ctx, func(pipe redis.Pipeliner) error {
					for range 64 {
						written++
						pipe.Set(ctx, fmt.Sprint("filler/", written), filler, 0)
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
			return send()
		}))
		wantProbe(t, client, "gone before they expire: the store evicts")
	})
	t.Run("finds that the server is a replica", func(t *testing.T) {
		client := dial(t, engine.Redis(t, nil).Addr, nil)
		master := node(t)
		do(t, client, "replicaof", "127.0.0.1", master[strings.LastIndexByte(master, ':')+1:])
		wantProbe(t, client, "READONLY")
	})
}
