package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// odd is a memory store with hooks.
type odd struct {
	*memory.Store
	calls int
	write func(*store.Record)                       // before a write
	read  func([]store.Record) []store.Record       // after Get and List
	key   func(string) string                       // of Get, Create and Swap
	swap  func(context.Context, store.Record) error // instead of Swap
	fail  error                                     // of every call
}

func (o *odd) Create(ctx context.Context, r store.Record) error {
	if o.calls++; o.fail != nil {
		return o.fail
	}
	if o.write != nil {
		o.write(&r)
	}
	if o.key != nil {
		r.Key = o.key(r.Key)
	}
	return o.Store.Create(ctx, r)
}

func (o *odd) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	own := make([]string, len(keys))
	for i, k := range keys {
		if own[i] = k; o.key != nil {
			own[i] = o.key(k)
		}
	}
	rs, err := o.Store.Get(ctx, own...)
	for i := range rs {
		rs[i].Key = keys[i]
	}
	if o.read != nil {
		rs = o.read(rs)
	}
	return rs, err
}

func (o *odd) Swap(ctx context.Context, r store.Record) error {
	if o.write != nil {
		o.write(&r)
	}
	if o.key != nil {
		r.Key = o.key(r.Key)
	}
	if o.swap != nil {
		return o.swap(ctx, r)
	}
	return o.Store.Swap(ctx, r)
}

func (o *odd) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	rs, next, err := o.Store.List(ctx, label, after, limit)
	if o.read != nil {
		rs = o.read(rs)
	}
	return rs, next, err
}

func TestProbe(t *testing.T) {
	t.Run("finds nothing wrong with a good store", func(t *testing.T) {
		s := &odd{Store: memory.New()}
		if err := store.Probe(t.Context(), s); err != nil {
			t.Errorf("Probe = %v, want nil", err)
		}
		if err := store.Probe(t.Context(), store.Namespace(s, "a/")); err != nil {
			t.Errorf("Probe of a namespace = %v, want nil", err)
		}
		if err := store.Probe(t.Context(), s); err != nil {
			t.Errorf("Probe of a store that was probed = %v, want nil", err)
		}
	})
	t.Run("leaves nothing that stays", func(t *testing.T) {
		s := &odd{Store: memory.New()}
		if err := store.Probe(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Sweep(t.Context(), time.Now().Unix()+62, 1000); n != s.calls-1 || err != nil {
			t.Errorf("after two minutes Sweep drops %d, %v, want all of %d that were created but one that was there", n, err, s.calls)
		}
	})
	t.Run("gives the error of a store that does not answer", func(t *testing.T) {
		down := errors.New("connection refused")
		s := &odd{Store: memory.New(), fail: down}
		if err := store.Probe(t.Context(), s); !errors.Is(err, down) || s.calls != 1 {
			t.Errorf("Probe = %v after %d calls, want %v after the first", err, s.calls, down)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := store.Probe(ctx, memory.New()); !errors.Is(err, context.Canceled) {
			t.Errorf("Probe with a context that is done = %v, want %v", err, context.Canceled)
		}
	})
	for _, c := range []struct {
		fault string
		make  func(*odd)
		want  []string // each is in the error
	}{
		{"case is folded", func(o *odd) { o.key = strings.ToLower },
			[]string{"a new key is said to exist", "keys that differ only in case are one"}},
		{"values are text", func(o *odd) {
			o.write = func(r *store.Record) { r.Value = bytes.ToValidUTF8(r.Value, []byte("?")) }
		}, []string{"a value of 512 bytes came back as another"}},
		{"values end at 65535 bytes", func(o *odd) {
			o.write = func(r *store.Record) { r.Value = r.Value[:min(len(r.Value), 65535)] }
		}, []string{"a value of 65536 bytes came back as another, of 65535"}},
		{"versions have 32 bits", func(o *odd) {
			o.write = func(r *store.Record) { r.Version = max(1, r.Version&(1<<32-1)) }
		}, []string{"version 4503599627370496 came back as 1"}},
		{"expiry is in minutes", func(o *odd) {
			o.write = func(r *store.Record) { r.Expires = r.Expires/60*60 - 60 }
		}, []string{"an expiry at"}},
		{"versions are not compared", func(o *odd) {
			o.swap = func(ctx context.Context, r store.Record) error {
				rs, err := o.Store.Get(ctx, r.Key)
				if err != nil || rs[0].Version == 0 {
					return errors.Join(err, store.ErrConflict)
				}
				r.Version = rs[0].Version
				return o.Store.Swap(ctx, r)
			}
		}, []string{"Swap at a stale version succeeded"}},
		{"an absent record is swapped", func(o *odd) {
			o.swap = func(ctx context.Context, r store.Record) error {
				if o.Store.Create(ctx, r) == nil {
					return nil
				}
				return o.Store.Swap(ctx, r)
			}
		}, []string{"Swap of an absent record succeeded"}},
		{"reads are those of a replica", func(o *odd) {
			last := make(map[string]store.Record)
			o.read = func(rs []store.Record) []store.Record {
				for i, r := range rs {
					if old, ok := last[r.Key]; ok && r.Version > old.Version {
						rs[i] = old
					}
					last[r.Key] = r
				}
				return rs
			}
			o.swap = func(ctx context.Context, r store.Record) error {
				err := o.Store.Swap(ctx, r)
				if rs, _ := o.Store.Get(ctx, r.Key); err == nil {
					rs[0].Version--
					last[r.Key] = rs[0]
				}
				return err
			}
		}, []string{"is read after a write that made it"}},
		{"results are shared", func(o *odd) {
			cache := make(map[string]store.Record)
			o.read = func(rs []store.Record) []store.Record {
				for i, r := range rs {
					if c, ok := cache[r.Key]; ok && c.Version == r.Version {
						rs[i] = c
					}
					cache[r.Key] = rs[i]
				}
				return rs
			}
		}, []string{"Get's result is shared"}},
		{"reads see nothing", func(o *odd) {
			o.read = func(rs []store.Record) []store.Record {
				for i := range rs {
					rs[i] = store.Record{Key: rs[i].Key}
				}
				return rs
			}
		}, []string{"a record that was created is absent"}},
		{"lists are in no order", func(o *odd) {
			o.read = func(rs []store.Record) []store.Record {
				if len(rs) > 1 {
					rs[0], rs[1] = rs[1], rs[0]
				}
				return rs
			}
		}, []string{"List found 3 records, want the 3 with its label in bytewise order"}},
		{"absent records are left out", func(o *odd) {
			o.read = func(rs []store.Record) []store.Record {
				if len(rs) == 1 && rs[0].Version == 0 {
					return nil
				}
				return rs
			}
		}, []string{"Get of one key did not give one record"}},
		{"the oldest records are evicted", func(o *odd) {
			var keys []string
			o.write = func(r *store.Record) {
				if !slices.Contains(keys, r.Key) {
					keys = append(keys, r.Key)
				}
			}
			o.read = func(rs []store.Record) []store.Record {
				for i, r := range rs {
					if at := slices.Index(keys, r.Key); at >= 0 && at < len(keys)-50 {
						rs[i] = store.Record{Key: r.Key}
					}
				}
				return rs
			}
		}, []string{"new records are gone before they expire"}},
	} {
		t.Run("finds that "+c.fault, func(t *testing.T) {
			o := &odd{Store: memory.New()}
			c.make(o)
			err := store.Probe(t.Context(), o)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Probe = %v\nwant an error with %q", err, want)
				}
			}
		})
	}
}

func ExampleProbe() {
	// At start-up, before a request comes.
	fmt.Println(store.Probe(context.Background(), memory.New()))
	// Output: <nil>
}

func ExampleNamespace() {
	ctx, db := context.Background(), memory.New()
	shop, blog := store.Namespace(db, "shop/"), store.Namespace(db, "blog/")
	fmt.Println(shop.Create(ctx, store.Record{Key: "key", Version: 1}))
	fmt.Println(blog.Create(ctx, store.Record{Key: "key", Version: 1}))

	rs, _ := db.Get(ctx, "shop/key", "blog/key", "key")
	fmt.Println(rs[0].Version, rs[1].Version, rs[2].Version)
	// Output:
	// <nil>
	// <nil>
	// 1 1 0
}
