package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

// Benchmark measures the five methods with values of 300 bytes, about what a grant takes, so that stores
// can be compared. newStore is as in [Run].
func Benchmark(b *testing.B, newStore func(testing.TB) store.Store) {
	value := make([]byte, 300)
	record := func(i int64) store.Record {
		return store.Record{Key: fmt.Sprintf("bench/%016x", i), Version: first, Value: value}
	}
	fill := func(b *testing.B, n int64, change func(*store.Record)) store.Store {
		c := &tester{TB: b}
		s := newStore(b)
		c.chains(int(n), func(i int) error {
			r := record(int64(i))
			if change != nil {
				change(&r)
			}
			return s.Create(b.Context(), r)
		})
		b.ReportAllocs()
		return s
	}

	b.Run("Create", func(b *testing.B) {
		s := fill(b, 0, nil)
		for i := int64(0); b.Loop(); i++ {
			if err := s.Create(b.Context(), record(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Get", func(b *testing.B) {
		s := fill(b, 1000, nil)
		for b.Loop() {
			if _, err := s.Get(b.Context(), "bench/0000000000000007"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Get of 4", func(b *testing.B) {
		s := fill(b, 1000, nil)
		for b.Loop() {
			if _, err := s.Get(b.Context(), "bench/0000000000000001", "bench/0000000000000002", "bench/0000000000000003", "missing"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Get at once", func(b *testing.B) {
		s := fill(b, 1000, nil)
		var n atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			key := record(n.Add(1)).Key
			for pb.Next() {
				if _, err := s.Get(b.Context(), key); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("Swap", func(b *testing.B) {
		s, r := fill(b, 1000, nil), record(7)
		for b.Loop() {
			if err := s.Swap(b.Context(), r); err != nil {
				b.Fatal(err)
			}
			r.Version++
		}
	})
	b.Run("Swap at once", func(b *testing.B) {
		s := fill(b, 1000, nil)
		var n atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			r := record(n.Add(1))
			for pb.Next() {
				if err := s.Swap(b.Context(), r); err != nil {
					b.Error(err)
					return
				}
				r.Version++
			}
		})
	})
	b.Run("List of 100 of 1000", func(b *testing.B) {
		s := fill(b, 1000, func(r *store.Record) { r.Labels = []string{"label"} })
		for b.Loop() {
			if _, _, err := s.List(b.Context(), "label", "bench/0000000000000100", 100); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Sweep of 1000 with none expired", func(b *testing.B) {
		s := fill(b, 1000, func(r *store.Record) { r.Expires = soon(time.Hour) })
		for b.Loop() {
			if n, err := s.Sweep(b.Context(), 1, 100); err != nil || n != 0 {
				b.Fatalf("Sweep = %d, %v, want 0", n, err)
			}
		}
	})
}
