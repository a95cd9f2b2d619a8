package storetest_test

import (
	"context"
	"errors"
	"hash/crc32"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/oauthcore/oauthcore/store"
)

var getMutants = []mutant{
	{"Get of an absent key is an error", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			for _, r := range rs {
				if r.Version == 0 && len(keys) > 1 {
					return nil, errors.New("no rows")
				}
			}
			return rs, err
		}
	}, `Get/AbsentInItsPlace Get/InTheOrderOfTheKeys Get/ManyAtOnce Sweep/AtMostLimit Load/AllAtOnce? Handles/LeaveNothing`},
	{"Get leaves out what is absent", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			if len(keys) > 1 {
				rs = slices.DeleteFunc(rs, func(r store.Record) bool { return r.Version == 0 })
			}
			return rs, err
		}
	}, `Get/AbsentInItsPlace Get/InTheOrderOfTheKeys Get/NoKeysOrTwice Sweep/AtMostLimit Load/AllAtOnce?`},
	{"Get answers in the order of the engine", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			slices.SortFunc(rs, func(a, b store.Record) int { return strings.Compare(a.Key, b.Key) })
			return rs, err
		}
	}, `Get/AbsentInItsPlace Get/InTheOrderOfTheKeys Get/NoKeysOrTwice Load/AllAtOnce?`},
	{"Get answers a key that is asked twice once", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			var once []string
			for _, k := range keys {
				if !slices.Contains(once, k) {
					once = append(once, k)
				}
			}
			return b.plain.Get(ctx, once...)
		}
	}, `Get/NoKeysOrTwice`},
	{"Get of no keys panics", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			_ = keys[0]
			return b.plain.Get(ctx, keys...)
		}
	}, `Get/NoKeysOrTwice`},
	{"keys that lie in two slots are refused", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			for _, k := range keys {
				if crc32.ChecksumIEEE([]byte(k))%2 != crc32.ChecksumIEEE([]byte(keys[0]))%2 {
					return nil, errors.New("keys in request don't hash to the same slot")
				}
			}
			return b.plain.Get(ctx, keys...)
		}
	}, `Get/InTheOrderOfTheKeys Sweep/AtMostLimit Handles/LeaveNothing Load/AllAtOnce?`},
	{"an underscore in a key matches any character", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			b.mu.Lock()
			defer b.mu.Unlock()
			for i, key := range keys {
				for k, r := range b.m {
					if matches(key, k) && err == nil && rs[i].Version == 0 {
						rs[i] = private(r)
					}
				}
			}
			return rs, err
		}
	}, `Key/PunctuationIsLiteral`},
	{"a key comes back with a prefix", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			for i := range rs {
				if rs[i].Version > 0 {
					rs[i].Key = "oauth:" + rs[i].Key
				}
			}
			return rs, err
		}
	}, `...`},
	{"Get moves the expiry", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			for _, k := range keys {
				if r, ok := b.peek(k); ok && r.Expires == 4102444800 {
					r.Expires++
					b.set(r)
				}
			}
			return rs, err
		}
	}, `Get/HasNoEffect Context/DoneBeforeTheCall`},
	{"Get returns what it keeps", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			b.mu.Lock()
			defer b.mu.Unlock()
			for i, r := range rs {
				if own, ok := b.m[r.Key]; ok {
					rs[i] = own
				}
			}
			return rs, err
		}
	}, `Get/ResultIsPrivate`},
	{"Get returns one copy to all", func(b *broken) {
		var mu sync.Mutex
		cache := make(map[string]store.Record)
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			mu.Lock()
			defer mu.Unlock()
			for i, r := range rs {
				if c := cache[r.Key]; c.Version == r.Version {
					r.Value, r.Labels = c.Value, c.Labels
				}
				cache[r.Key], rs[i] = r, r
			}
			return rs, err
		}
	}, `Get/ResultIsPrivate`},
	{"Get reads version and value in two statements", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			for range 4 {
				runtime.Gosched()
			}
			for i := range rs {
				if now, ok := b.peek(rs[i].Key); ok {
					rs[i].Value = now.Value
				}
			}
			return rs, err
		}
	}, `Get/IsNotTorn Load/AllAtOnce?`},
	{"Get of an expired record gives half of it", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			for i, r := range rs {
				if 0 < r.Expires && r.Expires < 1e9 {
					rs[i].Value = nil
				}
			}
			return rs, err
		}
	}, `Expires/WholeOrAbsent Expires/SwapAfterIt Load/AllAtOnce?`},
}
