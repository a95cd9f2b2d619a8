package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/store"
)

// TestClusterMovesASlot uses records and labels of two slots before, while and after they move to another server.
func TestClusterMovesASlot(t *testing.T) {
	addrs := nodes(t)
	client := dialCluster(t, addrs, nil)
	s := opened(t, client)
	late := openedAt(t, dialCluster(t, addrs, nil), s.Prefix()) // is not told until the slots have moved
	ctx := t.Context()

	swap := func(t *testing.T, s store.Store, r *store.Record) {
		t.Helper()
		if err := s.Swap(ctx, *r); err != nil {
			t.Fatalf("Swap = %v, want nil", err)
		}
		r.Version++
		if rs, err := s.Get(ctx, r.Key); err != nil || rs[0].Version != r.Version {
			t.Fatalf("Get = %v, %v, want version %d", rs, err, r.Version)
		}
	}

	t.Run("of a record", func(t *testing.T) {
		r := create(t, s, "record", 0)
		swap(t, late, &r)
		m := moves(t, client, s.RecordName("record"))
		m.begin(t)
		swap(t, s, &r) // is still there
		m.migrate(t)
		swap(t, s, &r) // ASK
		m.end(t)
		swap(t, s, &r)
		swap(t, late, &r) // MOVED
	})
	t.Run("of a record that is not there yet", func(t *testing.T) {
		if rs, err := late.Get(ctx, "new"); err != nil || rs[0].Version != 0 {
			t.Fatalf("Get of an absent record = %v, %v", rs, err)
		}
		m := moves(t, client, s.RecordName("new"))
		m.begin(t)
		r := create(t, s, "new", 0) // ASK
		if err := s.Create(ctx, r); !errors.Is(err, store.ErrExists) {
			t.Errorf("Create again = %v, want %v", err, store.ErrExists)
		}
		swap(t, s, &r)
		m.end(t)
		swap(t, late, &r) // MOVED
	})
	t.Run("of labels", func(t *testing.T) {
		// Two labels of one slot.
		old, fresh := "label/0", ""
		_, due := s.EntryNames(old)
		for i := 1; fresh == ""; i++ {
			if _, d := s.EntryNames(fmt.Sprint("label/", i)); d == due {
				fresh = fmt.Sprint("label/", i)
			}
		}
		create(t, s, "one", 0, old)
		if got := listed(t, late, old); len(got) != 1 {
			t.Fatalf("List = %q, want one key", got)
		}
		m := moves(t, client, due)
		m.begin(t)
		create(t, s, "two", 0, old)
		create(t, s, "three", 0, fresh) // some of its keys are here, some there
		m.migrate(t)
		create(t, s, "four", 0, old)
		create(t, s, "five", 0, fresh)
		for _, at := range []store.Store{s, late} {
			if got := listed(t, at, old); !slices.Equal(got, []string{"four", "one", "two"}) {
				t.Errorf("List(%q) = %q, want its three", old, got)
			}
			if got := listed(t, at, fresh); !slices.Equal(got, []string{"five", "three"}) {
				t.Errorf("List(%q) = %q, want its two", fresh, got)
			}
			if at == s {
				m.end(t)
			}
		}
		create(t, late, "six", 0, fresh)
		sweep(t, s, 100)
	})
}

// move is one of a slot between two masters.
type move struct {
	slot         int64
	all          []*redis.Client
	from, to     *redis.Client
	fromID, toID string
}

func moves(t *testing.T, client *redis.ClusterClient, key string) (m move) {
	t.Helper()
	var err error
	if m.from, err = client.MasterForKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	m.slot = m.from.ClusterKeySlot(t.Context(), key).Val()
	for _, k := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		c, err := client.MasterForKey(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(m.all, c) {
			m.all = append(m.all, c)
		}
		if c != m.from {
			m.to = c
		}
	}
	m.fromID, m.toID = do(t, m.from, "cluster", "myid").(string), do(t, m.to, "cluster", "myid").(string)
	return m
}

func (m move) begin(t *testing.T) {
	t.Helper()
	do(t, m.to, "cluster", "setslot", m.slot, "importing", m.fromID)
	do(t, m.from, "cluster", "setslot", m.slot, "migrating", m.toID)
}

func (m move) migrate(t *testing.T) {
	t.Helper()
	host, port, _ := net.SplitHostPort(m.to.Options().Addr)
	for {
		keys := do(t, m.from, "cluster", "getkeysinslot", m.slot, 100).([]any)
		if len(keys) == 0 {
			return
		}
		do(t, m.from, append([]any{"migrate", host, port, "", 0, 5000, "keys"}, keys...)...)
	}
}

func (m move) end(t *testing.T) {
	t.Helper()
	m.migrate(t)
	do(t, m.to, "cluster", "setslot", m.slot, "node", m.toID)
	for _, c := range m.all {
		do(t, c, "cluster", "setslot", m.slot, "node", m.toID)
	}
}

func do(t *testing.T, c *redis.Client, args ...any) any {
	t.Helper()
	got, err := c.Do(t.Context(), args...).Result()
	if err != nil {
		t.Fatalf("%v at %s: %v", args, c.Options().Addr, err)
	}
	return got
}

// TestClusterFailsOver kills a master. What its replica had is there when the replica has taken over; until
// then a call is an error, never an absent record.
func TestClusterFailsOver(t *testing.T) {
	servers := engine.RedisCluster(t, &engine.Config{Settings: append([]string{"cluster-node-timeout=1000"}, kept...)})
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.Addr)
	}
	client := dialCluster(t, addrs, nil)
	s := opened(t, client)
	r := create(t, s, "record", 0)
	if err := s.Swap(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Version++
	master, err := client.MasterForKey(t.Context(), s.RecordName("record"))
	if err != nil {
		t.Fatal(err)
	}
	// Replication is asynchronous, and WAIT waits for the writes of its own connection.
	conn := master.Conn()
	defer conn.Close()
	if err := conn.Set(t.Context(), "{"+s.RecordName("record")+"}", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Wait(t.Context(), 1, 10*time.Second).Result(); n < 1 || err != nil {
		t.Fatalf("WAIT = %d, %v, want 1 replica", n, err)
	}
	servers[slices.Index(addrs, master.Options().Addr)].Kill()

	began, failed := time.Now(), 0
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := s.Swap(ctx, r)
		rs, getErr := s.Get(ctx, "record")
		cancel()
		done := err == nil || errors.Is(err, store.ErrConflict) // an attempt before may have happened
		if done && getErr == nil && rs[0].Version == r.Version {
			t.Fatalf("Swap during the fail-over = %v, but version %d is still there", err, r.Version)
		}
		if getErr == nil && rs[0].Version != r.Version && rs[0].Version != r.Version+1 {
			t.Fatalf("Get during the fail-over = version %d, want %d or 1 more, or an error", rs[0].Version, r.Version)
		}
		if done && getErr == nil {
			break
		}
		if failed++; time.Since(began) > 30*time.Second {
			t.Fatalf("30 seconds after the end of a master: Swap = %v, Get = %v", err, getErr)
		}
		<-time.After(20 * time.Millisecond)
	}
	if failed == 0 {
		t.Error("no call failed: the master was not one")
	}
	t.Logf("%d calls failed in %v", failed, time.Since(began))
	useAll(t, s)
}
