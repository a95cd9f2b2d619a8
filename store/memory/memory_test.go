package memory_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(testing.TB) store.Store { return memory.New() }, &storetest.Options{
		Reopen: func(_ testing.TB, s store.Store) store.Store { return s },
	})
}

func BenchmarkStore(b *testing.B) {
	storetest.Benchmark(b, func(testing.TB) store.Store { return memory.New() })
}

func TestZeroStoreIsReady(t *testing.T) {
	var s memory.Store
	ctx := t.Context()
	if rs, err := s.Get(ctx, "key"); err != nil || rs[0].Version != 0 {
		t.Errorf("Get = %v, %v, want an absent record", rs, err)
	}
	if page, next, err := s.List(ctx, "label", "", 1); err != nil || len(page) != 0 || next != "" {
		t.Errorf("List = %v, %q, %v, want nothing", page, next, err)
	}
	if n, err := s.Sweep(ctx, 1, 1); n != 0 || err != nil {
		t.Errorf("Sweep = %d, %v, want 0", n, err)
	}
	if err := s.Create(ctx, store.Record{Key: "key", Version: 1, Labels: []string{"label"}}); err != nil {
		t.Errorf("Create = %v, want nil", err)
	}
}

func TestStoreIsAsStrictAsADatabase(t *testing.T) {
	s, ctx := memory.New(), t.Context()
	many := strings.Split(strings.Repeat("k ", 17), " ")[:17]
	for i := range many {
		many[i] += fmt.Sprint(i)
	}
	for _, keys := range [][]string{nil, {""}, {"a b"}, {"caf\u00e9"}, {"a\x00"}, {strings.Repeat("k", 129)}, {"k", "k"}, many} {
		if rs, err := s.Get(ctx, keys...); err == nil || rs != nil {
			t.Errorf("Get(%q) = %v, want an error", keys, rs)
		}
	}
	for _, label := range []string{"", "a b", "a\x00", strings.Repeat("l", 129)} {
		if rs, _, err := s.List(ctx, label, "", 1); err == nil || rs != nil {
			t.Errorf("List(%q) = %v, want an error", label, rs)
		}
	}
}

func TestListBoundsAPage(t *testing.T) {
	s, ctx := memory.New(), t.Context()
	for i := range 1001 {
		if err := s.Create(ctx, store.Record{Key: fmt.Sprint("k", i), Version: 1, Labels: []string{"label"}}); err != nil {
			t.Fatal(err)
		}
	}
	page, next, err := s.List(ctx, "label", "", 1<<30)
	if err != nil || len(page) != 1000 || next != page[999].Key {
		t.Errorf("List of 1001 gave %d, cursor %q, %v, want 1000 and the last key", len(page), next, err)
	}
}

func TestSweepLeavesNothingBehind(t *testing.T) {
	s, ctx := memory.New(), t.Context()
	const n = 20_000
	for i := range n {
		r := store.Record{Key: fmt.Sprint("k", i), Version: 1, Expires: 1, Labels: []string{"all", fmt.Sprint("l", i%100)}}
		if err := s.Create(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	calls := 0
	for swept := 0; swept < n; calls++ {
		got, err := s.Sweep(ctx, 2, 700)
		if err != nil || got == 0 {
			t.Fatalf("Sweep %d = %d, %v, with %d left", calls, got, err, n-swept)
		}
		swept += got
	}
	if want := (n + 699) / 700; calls != want {
		t.Errorf("%d records took %d Sweeps of 700, want %d", n, calls, want)
	}
	if left := s.IndexedLabels(); left != 0 {
		t.Errorf("the index keeps %d labels of no record", left)
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Sweep(ctx, 2, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Sweep with a context that is done = %v, want %v", err, context.Canceled)
	}
}

func TestSweepGoesOnWhereItStopped(t *testing.T) {
	s, ctx := memory.New(), t.Context()
	const n = 32
	create := func(i int, version int64) {
		err := s.Create(ctx, store.Record{Key: fmt.Sprint("k", i), Version: version, Expires: 1})
		if err != nil && !errors.Is(err, store.ErrExists) {
			t.Fatal(err)
		}
	}
	sweep := func() {
		if dropped, err := s.Sweep(ctx, 2, n/2); dropped != n/2 || err != nil {
			t.Fatalf("Sweep = %d, %v, want %d", dropped, err, n/2)
		}
	}
	for i := range n {
		create(i, 1)
	}
	sweep()
	for i := range n {
		create(i, 2) // where it was dropped
	}
	sweep()
	first, again := 0, 0
	for i := range n {
		if rs, err := s.Get(ctx, fmt.Sprint("k", i)); err != nil {
			t.Fatal(err)
		} else if rs[0].Version == 1 {
			first++
		} else if rs[0].Version == 0 {
			again++
		}
	}
	// Those that were there all the time go first, but for the few that share a shard with the last dropped.
	if first > 4 || again != n/2 {
		t.Errorf("two Sweeps of half left %d records of the first %d, want next to none", first, n)
	}
}

// TestStoreUnderMixedLoad is for the race detector, and checks afterwards that records and index agree.
func TestStoreUnderMixedLoad(t *testing.T) {
	s, ctx := memory.New(), t.Context()
	const workers, steps, keys = 8, 2000, 40
	var done sync.WaitGroup
	for w := range workers {
		done.Go(func() {
			for i := range steps {
				key := fmt.Sprintf("k%d", (i*7+w*3)%keys)
				var err error
				switch (i + w) % 5 {
				case 0:
					labels := []string{"all", fmt.Sprintf("l%d", (i+w)%3)}
					err = s.Create(ctx, store.Record{Key: key, Version: int64(1 + i*workers + w), Expires: int64(1 + i%2), Labels: labels})
				case 1, 2:
					var rs []store.Record
					if rs, err = s.Get(ctx, key); err == nil && rs[0].Version > 0 {
						err = s.Swap(ctx, store.Record{Key: key, Version: rs[0].Version, Expires: rs[0].Expires, Value: []byte(key)})
					}
				case 3:
					label := fmt.Sprintf("l%d", i%3)
					var page []store.Record
					page, _, err = s.List(ctx, label, "", 10)
					for _, r := range page {
						if !slices.Contains(r.Labels, label) {
							t.Errorf("List(%q) gave a record with labels %q", label, r.Labels)
						}
					}
				case 4:
					_, err = s.Sweep(ctx, 2, 3)
				}
				if err != nil && !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrConflict) {
					t.Errorf("step %d of worker %d: %v", i, w, err)
					return
				}
			}
		})
	}
	done.Wait()
	there := 0
	for i := range keys {
		rs, err := s.Get(ctx, fmt.Sprintf("k%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if rs[0].Version > 0 {
			there++
		}
	}
	listed := 0
	for i := range 3 {
		page, _, err := s.List(ctx, fmt.Sprintf("l%d", i), "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		listed += len(page)
	}
	if all, _, err := s.List(ctx, "all", "", 1000); err != nil || len(all) != there || listed != there {
		t.Errorf("%d records are there, %d in the list of all, %d in the three others", there, len(all), listed)
	}
}

func TestAllocations(t *testing.T) {
	s, ctx := memory.New(), context.Background()
	r := store.Record{Key: "key", Version: 1, Value: make([]byte, 300)}
	if err := s.Create(ctx, r); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		call string
		want float64
		f    func() error
	}{
		{"Get", 2, func() error { _, err := s.Get(ctx, "key"); return err }}, // the slice and the value
		{"Get of an absent key", 1, func() error { _, err := s.Get(ctx, "missing"); return err }},
		{"Swap", 1, func() error { err := s.Swap(ctx, r); r.Version++; return err }}, // the value
	} {
		if got := testing.AllocsPerRun(100, func() {
			if err := c.f(); err != nil {
				t.Fatal(err)
			}
		}); got > c.want {
			t.Errorf("%s allocates %v times, want at most %v", c.call, got, c.want)
		}
	}
}

// TestHeapPerRecord bounds what a record of the size of a grant costs besides its key and value.
func TestHeapPerRecord(t *testing.T) {
	const n, size = 100_000, 300
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	s, ctx, value := memory.New(), t.Context(), make([]byte, size)
	for i := range n {
		if err := s.Create(ctx, store.Record{Key: fmt.Sprintf("grant/%040d", i), Version: 1, Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	each := int(heap()-before) / n
	t.Logf("%d bytes of heap for each record with a key of 46 and a value of %d", each, size)
	if each > size+46+200 {
		t.Errorf("a record takes %d bytes, want at most %d", each, size+46+200)
	}
	runtime.KeepAlive(s)
}

func Example() {
	ctx := context.Background()
	s := memory.New()
	_ = s.Create(ctx, store.Record{Key: "greeting", Version: 41, Value: []byte("hello")})

	rs, _ := s.Get(ctx, "greeting", "farewell")
	fmt.Printf("%s at version %d; %q has version %d\n", rs[0].Value, rs[0].Version, rs[1].Key, rs[1].Version)

	r := rs[0]
	r.Value = []byte("good morning")
	fmt.Println(s.Swap(ctx, r), s.Swap(ctx, r)) // the second at a version that is gone
	// Output:
	// hello at version 41; "farewell" has version 0
	// <nil> store: version conflict
}
