package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/redisstore"
)

// past is an expiry so long ago that Redis drops a record as soon as it is created: what is left are its
// entries, as after a crash of the process in the middle of Create.
const past = 1

// entries counts the keys in a label's list.
func entries(t *testing.T, client redis.UniversalClient, s *redisstore.Store, label string) int64 {
	t.Helper()
	list, _ := s.EntryNames(label)
	n, err := client.ZCard(t.Context(), list).Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// dueIn returns in how many seconds Sweep looks at an entry, about; ok if it is noted at all.
func dueIn(t *testing.T, client redis.UniversalClient, s *redisstore.Store, label, key string) (seconds int64, ok bool) {
	t.Helper()
	_, due := s.EntryNames(label)
	at, err := client.ZScore(t.Context(), due, label+" "+key).Result()
	if errors.Is(err, redis.Nil) {
		return 0, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return int64(at) - time.Now().Unix(), true
}

// age makes an entry older.
func age(t *testing.T, client redis.UniversalClient, s *redisstore.Store, label, key string, seconds float64) {
	t.Helper()
	_, due := s.EntryNames(label)
	if err := client.ZIncrBy(t.Context(), due, -seconds, label+" "+key).Err(); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, s store.Store, key string, expires int64, labels ...string) store.Record {
	t.Helper()
	r := store.Record{Key: key, Version: 1, Expires: expires, Labels: labels}
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatalf("Create = %v, want nil", err)
	}
	return r
}

func sweep(t *testing.T, s store.Store, limit int) {
	t.Helper()
	// No argument makes Sweep drop an entry earlier.
	if n, err := s.Sweep(t.Context(), 253402300799, limit); n != 0 || err != nil {
		t.Fatalf("Sweep = %d, %v, want 0", n, err)
	}
}

func listed(t *testing.T, s store.Store, label string) (keys []string) {
	t.Helper()
	for after, more := "", true; more; more = after != "" {
		page, next, err := s.List(t.Context(), label, after, 5)
		if err != nil {
			t.Fatalf("List = %v", err)
		}
		for _, r := range page {
			keys = append(keys, r.Key)
		}
		after = next
	}
	return keys
}

func TestEntriesWithoutARecord(t *testing.T) {
	both(t, func(t *testing.T, client redis.UniversalClient) {
		s := opened(t, client)
		create(t, s, "crashed", past, "label", "other")
		create(t, s, "there", 0, "label")
		wantListed := func(want ...string) {
			t.Helper()
			if got := listed(t, s, "label"); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("List gives %q, want %q", got, want)
			}
		}
		wantEntries := func(label string, want int64) {
			t.Helper()
			if got := entries(t, client, s, label); got != want {
				t.Errorf("%q has %d entries, want %d", label, got, want)
			}
		}
		wantListed("there")
		sweep(t, s, 100)
		wantEntries("label", 2) // the Create may be under way
		age(t, client, s, "label", "crashed", 3500)
		sweep(t, s, 100)
		wantEntries("label", 2)
		age(t, client, s, "label", "crashed", 101)
		sweep(t, s, 100)
		wantEntries("label", 1)
		wantEntries("other", 1) // is as old as it was
		if _, ok := dueIn(t, client, s, "label", "crashed"); ok {
			t.Error("the dropped entry is still noted")
		}
		age(t, client, s, "other", "crashed", 3601)
		sweep(t, s, 100)
		wantEntries("other", 0)
		wantListed("there")

		create(t, s, "crashed", 0, "label")
		wantListed("crashed", "there")
	})
}

// TestCreateBrokenOff ends Create before each of its requests. Whatever entry is there then, Sweep finds it.
func TestCreateBrokenOff(t *testing.T) {
	both(t, func(t *testing.T, client redis.UniversalClient) {
		s := opened(t, client)
		create(t, s, "scripts/are/loaded", past, "other")
		broken := errors.New("broken off")
		sent, last := 0, -1 // is sent no more
		client.AddHook(hook(func(ctx context.Context, cmds []redis.Cmder, send func() error) error {
			if sent++; sent == last {
				return broken
			}
			if by, ok := ctx.Deadline(); cmds[0].Name() == "set" && (!ok || time.Until(by) > time.Minute) {
				t.Errorf("the record may be written until %v (%t), want within a minute", by, ok)
			}
			return send()
		}))
		for i := 1; ; i++ {
			label, key := fmt.Sprint("label/", i), fmt.Sprint("key/", i)
			sent, last = 0, i
			err := s.Create(t.Context(), store.Record{Key: key, Version: 1, Labels: []string{label}})
			if last = -1; sent < i { // it has no request that was not tried
				if err != nil || i != 4 {
					t.Errorf("Create = %v with %d requests, want nil with 3", err, sent)
				}
				break
			}
			if !errors.Is(err, broken) {
				t.Errorf("Create = %v, want %v", err, broken)
			}
			if got := listed(t, s, label); len(got) != 0 {
				t.Errorf("List after a Create that was broken off = %q, want nothing", got)
			}
			if _, noted := dueIn(t, client, s, label, key); !noted && entries(t, client, s, label) != 0 {
				t.Error("there is an entry that Sweep does not look for")
			}
		}
	})
}

func TestEntriesOfACreateThatLost(t *testing.T) {
	both(t, func(t *testing.T, client redis.UniversalClient) {
		s := opened(t, client)
		r := create(t, s, "key", 0, "first")
		r.Labels = []string{"second"}
		if err := s.Create(t.Context(), r); !errors.Is(err, store.ErrExists) {
			t.Fatalf("Create again = %v, want %v", err, store.ErrExists)
		}
		if got := listed(t, s, "second"); len(got) != 0 {
			t.Errorf("List of the label of a Create that lost = %q, want nothing", got)
		}
		for _, label := range []string{"first", "second"} {
			age(t, client, s, label, "key", 3601)
		}
		sweep(t, s, 100)
		if first, second := entries(t, client, s, "first"), entries(t, client, s, "second"); first != 1 || second != 0 {
			t.Errorf("the labels have %d and %d entries, want 1 and 0", first, second)
		}
	})
}

func TestEntriesAreLookedAtAgain(t *testing.T) {
	client := dial(t, node(t), nil)
	s := opened(t, client)
	far := time.Now().Unix() + 30*86400
	create(t, s, "never", 0, "label")
	create(t, s, "soon", time.Now().Unix()+60, "label")
	create(t, s, "far", far, "label")
	for key, want := range map[string]int64{"never": 86400, "soon": 86400, "far": 30*86400 + redisstore.Slack} {
		if in, ok := dueIn(t, client, s, "label", key); !ok || in < 3600-5 || in > 3600 {
			t.Errorf("a new entry is due in %d seconds, want an hour", in)
		}
		age(t, client, s, "label", key, 3601)
		sweep(t, s, 1)
		if in, ok := dueIn(t, client, s, "label", key); !ok || in < want-5 || in > want {
			t.Errorf("the entry of %q is due in %d seconds after a look, want %d", key, in, want)
		}
	}
	if got := listed(t, s, "label"); fmt.Sprint(got) != "[far never soon]" {
		t.Errorf("List gives %q after Sweep looked, want all three", got)
	}
}

// TestSweepRacesCreate creates a record between the moment at which Sweep finds it absent and the one at which
// it would drop the entry.
func TestSweepRacesCreate(t *testing.T) {
	both(t, func(t *testing.T, client redis.UniversalClient) {
		s := opened(t, client)
		create(t, s, "key", past, "label")
		age(t, client, s, "label", "key", 3601)
		done := false
		client.AddHook(hook(func(_ context.Context, cmds []redis.Cmder, send func() error) error {
			err := send()
			if cmds[0].Name() == "get" && !done {
				done = true
				create(t, s, "key", 0, "label")
			}
			return err
		}))
		sweep(t, s, 100)
		if got := listed(t, s, "label"); !done || len(got) != 1 {
			t.Errorf("List after a Create during Sweep = %q, want the record", got)
		}
	})
}

func TestSweepIsBounded(t *testing.T) {
	both(t, func(t *testing.T, client redis.UniversalClient) {
		s := opened(t, client)
		count := func() (n int64) {
			for i := range 5 {
				n += entries(t, client, s, fmt.Sprint("label/", i))
			}
			return n
		}
		for i := range 5 {
			label := fmt.Sprint("label/", i)
			for j := range 6 {
				key := fmt.Sprint("key/", i, "/", j)
				create(t, s, key, past, label)
				age(t, client, s, label, key, 3601)
			}
		}
		for _, want := range []int64{26, 22, 18, 14, 10, 6, 2, 0, 0} {
			sweep(t, s, 4)
			if got := count(); got != want {
				t.Fatalf("after a Sweep with limit 4 there are %d entries, want %d", got, want)
			}
		}
	})
}

func TestShardsMeetInOneSlot(t *testing.T) {
	client := dialCluster(t, nodes(t), nil)
	s := opened(t, client)
	seen := make(map[string]bool)
	for i := range 1000 {
		list, due := s.EntryNames(fmt.Sprint("label/", i))
		seen[due] = true
		if i < 20 {
			a, err1 := client.ClusterKeySlot(t.Context(), list).Result()
			b, err2 := client.ClusterKeySlot(t.Context(), due).Result()
			if a != b || err1 != nil || err2 != nil {
				t.Errorf("%s and %s are in slots %d and %d (%v, %v), want one", list, due, a, b, err1, err2)
			}
		}
	}
	if len(seen) != redisstore.Shards {
		t.Errorf("1000 labels are in %d shards, want %d", len(seen), redisstore.Shards)
	}
}

// TestLayoutStays holds names and values to what earlier versions of the package wrote.
func TestLayoutStays(t *testing.T) {
	client := dial(t, node(t), nil)
	s := opened(t, client)
	list, due := s.EntryNames("owner/1")
	for got, want := range map[string]string{
		s.RecordName("app/1"): "r:app/1", list: "l{63}:owner/1", due: "due{63}",
		redisstore.Encode(store.Record{Version: 7, Expires: 60, Labels: []string{"a", "b"}, Value: []byte("v\n")}): "7 60 a b\nv\n",
	} {
		if strings.TrimPrefix(got, s.Prefix()) != want {
			t.Errorf("got %q, want %q", strings.TrimPrefix(got, s.Prefix()), want)
		}
	}
}
