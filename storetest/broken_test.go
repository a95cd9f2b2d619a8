package storetest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/oauthcore/oauthcore/store"
)

// broken is a plain store with one fault: the methods that are not nil replace those of plain.
type broken struct {
	*plain
	create func(context.Context, store.Record) error
	get    func(context.Context, ...string) ([]store.Record, error)
	swap   func(context.Context, store.Record) error
	list   func(context.Context, string, string, int) ([]store.Record, string, error)
	sweep  func(context.Context, int64, int) (int, error)
}

func (b *broken) Create(ctx context.Context, r store.Record) error {
	if b.create != nil {
		return b.create(ctx, r)
	}
	return b.plain.Create(ctx, r)
}

func (b *broken) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if b.get != nil {
		return b.get(ctx, keys...)
	}
	return b.plain.Get(ctx, keys...)
}

func (b *broken) Swap(ctx context.Context, r store.Record) error {
	if b.swap != nil {
		return b.swap(ctx, r)
	}
	return b.plain.Swap(ctx, r)
}

func (b *broken) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	if b.list != nil {
		return b.list(ctx, label, after, limit)
	}
	return b.plain.List(ctx, label, after, limit)
}

func (b *broken) Sweep(ctx context.Context, before int64, limit int) (int, error) {
	if b.sweep != nil {
		return b.sweep(ctx, before, limit)
	}
	return b.plain.Sweep(ctx, before, limit)
}

// set stores r whatever is there.
func (p *plain) set(r store.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m[r.Key] = private(r)
}

// peek returns the record of key.
func (p *plain) peek(key string) (store.Record, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.m[key]
	return private(r), ok
}

// writes makes the store change each good record before it is written.
func (b *broken) writes(change func(*store.Record)) {
	b.create = func(ctx context.Context, r store.Record) error {
		if err := r.Check(); err != nil {
			return err
		}
		change(&r)
		return b.plain.Create(ctx, r)
	}
	b.swap = func(ctx context.Context, r store.Record) error {
		if err := r.Check(); err != nil {
			return err
		}
		change(&r)
		return b.plain.Swap(ctx, r)
	}
}

// values makes the store change each good value before it is written.
func (b *broken) values(change func([]byte) []byte) {
	b.writes(func(r *store.Record) { r.Value = change(r.Value) })
}

// keys makes the store use another key for each good one, and give back the one it was given.
func (b *broken) keys(change func(string) string) {
	b.writes(func(r *store.Record) { r.Key = change(r.Key) })
	b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
		own := slices.Clone(keys)
		for i := range own {
			own[i] = change(own[i])
		}
		rs, err := b.plain.Get(ctx, own...)
		for i := range rs {
			rs[i].Key = keys[i]
		}
		return rs, err
	}
}

// mutant is a fault and the cases that must fail for it.
type mutant struct {
	fault string
	make  func(*broken)
	fails string // the names; one that ends in ? may fail, for there the fault is a race; ... is almost all
}

var mutants = []mutant{
	{"Create overwrites", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if errors.Is(err, store.ErrExists) {
				b.set(r)
				err = nil
			}
			return err
		}
	}, `Create/TwiceIsErrExists Create/ErrExistsChangesNothing Create/ExistsAfterSwap Create/ExistsWhenExpired Create/OneWinner Handles/OneWinner`},
	{"Create overwrites and then says that the key exists", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if errors.Is(err, store.ErrExists) {
				b.set(r)
			}
			return err
		}
	}, `Create/ErrExistsChangesNothing Create/OneWinner Handles/OneWinner`},
	{"Create looks first and inserts then", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			if err := cmp.Or(ctx.Err(), r.Check()); err != nil {
				return err
			}
			if _, ok := b.peek(r.Key); ok {
				return store.ErrExists
			}
			runtime.Gosched()
			b.set(r)
			return nil
		}
	}, `Create/OneWinner Handles/OneWinner`},
	{"Create compares versions as well as keys", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if old, _ := b.peek(r.Key); errors.Is(err, store.ErrExists) && old.Version != r.Version {
				return nil // into a table whose primary key has both columns
			}
			return err
		}
	}, `Create/TwiceIsErrExists Create/ExistsAfterSwap Create/OneWinner Handles/OneWinner`},
	{"Create takes over what has expired", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if old, _ := b.peek(r.Key); errors.Is(err, store.ErrExists) && 0 < old.Expires && old.Expires < 1e9 {
				b.set(r)
				err = nil
			}
			return err
		}
	}, `Create/ExistsWhenExpired`},
	{"Create begins at version 1", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			if err := r.Check(); err != nil {
				return err
			}
			r.Version = 1
			return b.plain.Create(ctx, r)
		}
	}, `Create/IsRead Create/ErrExistsChangesNothing Create/ExistsAfterSwap Create/OneWinner ...`},
	{"Create keeps the slices it is given", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if err == nil {
				b.mu.Lock()
				b.m[r.Key] = r
				b.mu.Unlock()
			}
			return err
		}
	}, `Create/KeepsNoSlice`},
	{"Create orders the caller's labels", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			slices.Sort(r.Labels)
			return b.plain.Create(ctx, r)
		}
	}, `Create/ChangesNoArgument`},
	{"Create reports a conflict where the key exists", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if errors.Is(err, store.ErrExists) {
				err = store.ErrConflict
			}
			return err
		}
	}, `Create/TwiceIsErrExists Create/ExistsAfterSwap Create/ExistsWhenExpired Create/OneWinner Errors/SentinelsAreApart Handles/OneWinner`},
	{"the sentinels lose their identity", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if errors.Is(err, store.ErrExists) {
				err = fmt.Errorf("create: %v", err)
			}
			return err
		}
	}, `Create/TwiceIsErrExists Create/ExistsAfterSwap Create/ExistsWhenExpired Create/OneWinner Handles/OneWinner`},
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
	}, `Get/AbsentInItsPlace Get/InTheOrderOfTheKeys Get/ManyAtOnce Sweep/AtMostLimit`},
	{"Get leaves out what is absent", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			if len(keys) > 1 {
				rs = slices.DeleteFunc(rs, func(r store.Record) bool { return r.Version == 0 })
			}
			return rs, err
		}
	}, `Get/AbsentInItsPlace Get/InTheOrderOfTheKeys Get/NoKeysOrTwice Sweep/AtMostLimit`},
	{"Get answers in the order of the engine", func(b *broken) {
		b.get = func(ctx context.Context, keys ...string) ([]store.Record, error) {
			rs, err := b.plain.Get(ctx, keys...)
			slices.SortFunc(rs, func(a, b store.Record) int { return strings.Compare(a.Key, b.Key) })
			return rs, err
		}
	}, `Get/AbsentInItsPlace Get/InTheOrderOfTheKeys Get/NoKeysOrTwice`},
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
	}, `Get/IsNotTorn`},
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
	}, `Expires/WholeOrAbsent`},
	{"Swap ignores the version", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if old, ok := b.peek(r.Key); ok && r.Version > 0 {
				r.Version = old.Version
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Swap/StaleVersionConflicts Swap/FutureVersionConflicts Swap/SecondReaderConflicts Swap/AgainConflicts Swap/OneWinner Swap/LosesNoUpdate? Swap/CreatedAgainIsAnother Record/VersionHas53Bits Handles/OneWinner`},
	{"Swap accepts what is ahead", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if old, ok := b.peek(r.Key); ok && r.Version > old.Version {
				r.Version = old.Version
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Swap/FutureVersionConflicts`},
	{"Swap compares and writes in two steps", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if err := cmp.Or(ctx.Err(), r.Check()); err != nil {
				return err
			}
			old, ok := b.peek(r.Key)
			if !ok || old.Version != r.Version {
				return store.ErrConflict
			}
			runtime.Gosched()
			b.mu.Lock()
			defer b.mu.Unlock()
			b.replace(old, r)
			return nil
		}
	}, `Swap/OneWinner Swap/LosesNoUpdate Sweep/LeavesTheExtended? Handles/OneWinner`},
	{"Swap inserts what is absent", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if err := cmp.Or(ctx.Err(), r.Check()); err != nil {
				return err
			}
			if _, ok := b.peek(r.Key); !ok {
				r.Version++
				b.set(r)
				return nil
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Swap/AbsentConflicts Swap/SweptStaysAway`},
	{"Swap calls an absent record a success", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			err := b.plain.Swap(ctx, r)
			if _, ok := b.peek(r.Key); !ok && errors.Is(err, store.ErrConflict) {
				err = nil // no rows affected
			}
			return err
		}
	}, `Swap/AbsentConflicts Swap/SweptStaysAway Sweep/LeavesTheExtended?`},
	{"Swap takes an identical value for a conflict", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if old, ok := b.peek(r.Key); ok && old.Version == r.Version && old.Expires == r.Expires && bytes.Equal(old.Value, r.Value) {
				return store.ErrConflict // no rows changed
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Create/VersionIsTheCallers Get/HasNoEffect Swap/IdenticalCounts Swap/LeavesLabels Expires/Exact Record/VersionHas53Bits Record/BeyondTheLimits`},
	{"Swap of an identical value adds nothing", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if old, ok := b.peek(r.Key); ok && old.Version == r.Version && old.Expires == r.Expires && bytes.Equal(old.Value, r.Value) {
				return ctx.Err()
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Create/VersionIsTheCallers Swap/OneWinner Swap/IdenticalCounts Swap/LeavesLabels Expires/Exact Record/VersionHas53Bits Record/BeyondTheLimits Handles/OneWinner`},
	{"Swap leaves the expiry of Create", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if err := r.Check(); err != nil {
				return err
			}
			if old, ok := b.peek(r.Key); ok {
				r.Expires = old.Expires
			}
			return b.plain.Swap(ctx, r)
		}
	}, `Swap/AddsOne Swap/MovesExpires Sweep/NeverDropsZero Sweep/UsesTheLatestExpires Sweep/LeavesTheExtended? Expires/SwapAfterIt`},
	{"Swap sets labels", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			err := b.plain.Swap(ctx, r)
			if err == nil {
				now, _ := b.peek(r.Key)
				now.Labels = r.Labels
				b.set(now)
			}
			return err
		}
	}, `Swap/LosesNoUpdate? Swap/LeavesLabels`},
	{"Swap keeps the slice it is given", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			err := b.plain.Swap(ctx, r)
			if err == nil {
				b.mu.Lock()
				defer b.mu.Unlock()
				now := b.m[r.Key]
				now.Value = r.Value
				b.m[r.Key] = now
			}
			return err
		}
	}, `Swap/LosesNoUpdate? Swap/KeepsNoSlice`},
	{"Swap orders the caller's labels", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			slices.Sort(r.Labels)
			return b.plain.Swap(ctx, r)
		}
	}, `Swap/ChangesNoArgument`},
	{"Swap reports a conflict as existence", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			err := b.plain.Swap(ctx, r)
			if errors.Is(err, store.ErrConflict) {
				err = store.ErrExists
			}
			return err
		}
	}, `Swap/StaleVersionConflicts Swap/FutureVersionConflicts Swap/SecondReaderConflicts Swap/AgainConflicts Swap/AbsentConflicts Swap/OneWinner Swap/LosesNoUpdate? Swap/SweptStaysAway Swap/CreatedAgainIsAnother Sweep/LeavesTheExtended? Record/VersionHas53Bits Errors/SentinelsAreApart Handles/OneWinner`},
	{"Swap is sent again by the driver", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			err := b.plain.Swap(ctx, r)
			if errors.Is(err, store.ErrConflict) {
				if now, ok := b.peek(r.Key); ok && now.Version == r.Version+1 {
					return nil // it must have been mine
				}
			}
			return err
		}
	}, `Swap/StaleVersionConflicts Swap/SecondReaderConflicts Swap/AgainConflicts Swap/OneWinner Swap/LosesNoUpdate? Record/VersionHas53Bits Handles/OneWinner`},
	{"versions have 31 bits", func(b *broken) {
		b.writes(func(r *store.Record) { r.Version &= 1<<31 - 1 })
	}, `Create/VersionIsTheCallers Swap/FutureVersionConflicts Swap/CreatedAgainIsAnother Record/VersionHas53Bits`},
	{"versions are 32-bit floats", func(b *broken) {
		b.writes(func(r *store.Record) { r.Version = int64(float32(r.Version)) })
	}, `Create/VersionIsTheCallers Record/VersionHas53Bits`},
	{"times have 31 bits", func(b *broken) {
		b.writes(func(r *store.Record) { r.Expires = min(r.Expires, 1<<31-1) })
	}, `Create/IsRead Get/HasNoEffect Swap/AddsOne Expires/Exact Context/DoneBeforeTheCall`},
	{"keys fold case", func(b *broken) { b.keys(strings.ToLower) }, `List/BytewiseOrder Key/CaseMatters Key/LongestIsKept Key/NotNumbers`},
	{"keys are cut at 127 bytes", func(b *broken) {
		b.keys(func(k string) string { return k[:min(len(k), 127)] })
	}, `Key/LongestIsKept`},
	{"keys are cut at 14 bytes", func(b *broken) {
		b.keys(func(k string) string { return k[:min(len(k), 14)] })
	}, `Create/KeysAreApart Key/LongestIsKept`},
	{"keys are paths", func(b *broken) {
		b.keys(func(k string) string { return strings.ReplaceAll(strings.TrimSuffix(k, "/"), "./", "") })
	}, `List/BytewiseOrder Key/PunctuationIsLiteral`},
	{"keys are numbers where they look it", func(b *broken) {
		b.keys(func(k string) string {
			if t := strings.TrimLeft(k, "0"); t != "" && strings.Trim(t, "0123456789") == "" {
				return t
			}
			return k
		})
	}, `Key/NotNumbers`},
	{"values are C strings", func(b *broken) {
		b.values(func(v []byte) []byte { v, _, _ = bytes.Cut(v, []byte{0}); return v })
	}, `Value/EveryByte Value/NUL Value/InvalidUTF8 Value/Longest`},
	{"values are UTF-8", func(b *broken) {
		b.values(func(v []byte) []byte { return bytes.ToValidUTF8(v, []byte("?")) })
	}, `Value/EveryByte Value/InvalidUTF8 Value/Longest`},
	{"values lose spaces at the end", func(b *broken) {
		b.values(func(v []byte) []byte { return bytes.TrimRight(v, " \t\r\n") })
	}, `Value/SpacesStay`},
	{"values are normalised", func(b *broken) {
		b.values(func(v []byte) []byte { return bytes.ReplaceAll(v, []byte("e\u0301"), []byte("\u00e9")) })
	}, `Value/NotNormalised`},
	{"values are JSON where they look it", func(b *broken) {
		b.values(func(v []byte) []byte {
			var x map[string]any
			if json.Unmarshal(v, &x) == nil && x != nil {
				v, _ = json.Marshal(x)
			}
			return v
		})
	}, `Value/JSONStays`},
	{"values end at 65535 bytes", func(b *broken) {
		b.values(func(v []byte) []byte { return v[:min(len(v), 65535)] })
	}, `Value/Longest`},
	{"an empty value is refused", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			if len(r.Value) == 0 {
				return errors.New("value is null")
			}
			return b.plain.Create(ctx, r)
		}
	}, `Value/NilAndEmpty`},
	{"what is too long is cut", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			r.Value = r.Value[:min(len(r.Value), 64<<10)]
			return b.plain.Create(ctx, r)
		}
	}, `Record/BeyondTheLimits`},
	{"labels match as prefixes", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				return nil, "", errors.New("limit")
			}
			return b.plain.list(ctx, after, limit, func(r store.Record) bool {
				return label != "" && slices.ContainsFunc(r.Labels, func(l string) bool { return strings.HasPrefix(l, label) })
			})
		}
	}, `List/ExactlyTheLabel List/OddLabels`},
	{"labels fold case", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				return nil, "", errors.New("limit")
			}
			return b.plain.list(ctx, after, limit, func(r store.Record) bool {
				return slices.ContainsFunc(r.Labels, func(l string) bool { return strings.EqualFold(l, label) })
			})
		}
	}, `List/ExactlyTheLabel`},
	{"an underscore in a label matches any character", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				return nil, "", errors.New("limit")
			}
			return b.plain.list(ctx, after, limit, func(r store.Record) bool {
				return slices.ContainsFunc(r.Labels, func(l string) bool {
					if len(l) != len(label) {
						return false
					}
					for i := range len(l) {
						if l[i] != label[i] && label[i] != '_' {
							return false
						}
					}
					return true
				})
			})
		}
	}, `List/OddLabels`},
	{"the empty label lists all", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if label == "" {
				return b.plain.list(ctx, after, limit, func(store.Record) bool { return true })
			}
			return b.plain.List(ctx, label, after, limit)
		}
	}, `List/NoLabelNoList`},
	{"only the first label is kept in the index", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				return nil, "", errors.New("limit")
			}
			return b.plain.list(ctx, after, limit, func(r store.Record) bool { return len(r.Labels) > 0 && r.Labels[0] == label })
		}
	}, `Swap/LeavesLabels List/EachOfItsLabels List/SeesWrites List/SkipsTheSwept`},
	{"List orders as people do", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			rs, next, err := b.plain.List(ctx, label, after, limit)
			slices.SortFunc(rs, func(a, b store.Record) int { return strings.Compare(strings.ToLower(a.Key), strings.ToLower(b.Key)) })
			return rs, next, err
		}
	}, `List/BytewiseOrder Key/LongestIsKept`},
	{"List takes no limit for all", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				limit = 1 << 20
			}
			return b.plain.List(ctx, label, after, limit)
		}
	}, `List/LimitBelowOne`},
	{"List gives one more than its limit", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit > 0 {
				limit++
			}
			return b.plain.List(ctx, label, after, limit)
		}
	}, `List/BytewiseOrder List/Pages`},
	{"List ends after its first page", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			rs, _, err := b.plain.List(ctx, label, after, limit)
			return rs, "", err
		}
	}, `List/BytewiseOrder List/Pages List/CursorOutlivesItsRecord List/PagesHoldBetweenWrites List/PagesHoldUnderWrites`},
	{"List begins with the key it is given", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			rs, next, err := b.plain.List(ctx, label, after, limit)
			if own, ok := b.peek(after); ok && err == nil && slices.Contains(own.Labels, label) && len(rs) > 0 && len(rs) < limit {
				rs = append([]store.Record{own}, rs...)
			}
			return rs, next, err
		}
	}, `List/BytewiseOrder List/Pages List/AfterIsAnyKey List/CursorOutlivesItsRecord List/PagesHoldBetweenWrites List/PagesHoldUnderWrites`},
	{"List looks its cursor up", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if _, ok := b.peek(after); after != "" && !ok {
				return nil, "", errors.New("no such cursor")
			}
			return b.plain.List(ctx, label, after, limit)
		}
	}, `List/AfterIsAnyKey List/CursorOutlivesItsRecord`},
	{"List counts an offset", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				return nil, "", errors.New("limit")
			}
			offset := 0
			fmt.Sscanf(after, "~%08d", &offset)
			all, _, err := b.plain.List(ctx, label, "", 1<<20)
			page := all[min(offset, len(all)):min(offset+limit, len(all))]
			if offset += limit; offset < len(all) {
				return page, fmt.Sprintf("~%08d", offset), err
			}
			return page, "", err
		}
	}, `List/AfterIsAnyKey List/CursorOutlivesItsRecord List/PagesHoldBetweenWrites List/PagesHoldUnderWrites?`},
	{"the index follows a write later", func(b *broken) {
		var mu sync.Mutex
		last := ""
		b.create = func(ctx context.Context, r store.Record) error {
			mu.Lock()
			defer mu.Unlock()
			err := b.plain.Create(ctx, r)
			if err == nil {
				last = r.Key
			}
			return err
		}
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			mu.Lock()
			defer mu.Unlock()
			rs, next, err := b.plain.List(ctx, label, after, limit)
			rs = slices.DeleteFunc(rs, func(r store.Record) bool { return r.Key == last })
			last = ""
			return rs, next, err
		}
	}, `Create/ErrExistsChangesNothing Create/KeepsNoSlice Swap/LeavesLabels List/EachOfItsLabels List/BytewiseOrder List/AfterIsAnyKey? List/SeesWrites List/SkipsTheSwept Expires/SwapAfterIt Key/CaseMatters Key/LongestIsKept Key/PunctuationIsLiteral Key/NotNumbers Handles/SeeWritesAtOnce`},
	{"the index outlives its records", func(b *broken) {
		var mu sync.Mutex
		index := make(map[string][]string)
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				index[r.Key] = slices.Clone(r.Labels)
			}
			return err
		}
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if err := ctx.Err(); err != nil || limit < 1 {
				return nil, "", cmp.Or(err, errors.New("limit"))
			}
			mu.Lock()
			defer mu.Unlock()
			var page []store.Record
			for _, k := range slices.Sorted(maps.Keys(index)) {
				if k <= after || !slices.Contains(index[k], label) {
					continue
				}
				if len(page) == limit {
					return page, page[limit-1].Key, nil
				}
				r, _ := b.peek(k)
				r.Key = k
				page = append(page, r)
			}
			return page, "", nil
		}
	}, `List/SkipsTheSwept List/PagesHoldUnderWrites?`},
	{"List returns what it keeps", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			rs, next, err := b.plain.List(ctx, label, after, limit)
			b.mu.Lock()
			defer b.mu.Unlock()
			for i, r := range rs {
				if own, ok := b.m[r.Key]; ok {
					rs[i] = own
				}
			}
			return rs, next, err
		}
	}, `List/ResultIsPrivate`},
	{"Sweep drops what never expires", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			if limit < 1 {
				return 0, errors.New("limit")
			}
			return b.plain.sweep(ctx, limit, func(r store.Record) bool { return r.Expires < before })
		}
	}, `List/CursorOutlivesItsRecord List/SkipsTheSwept List/PagesHoldBetweenWrites List/PagesHoldUnderWrites? Sweep/DropsWhatExpired Sweep/NeverDropsZero`},
	{"Sweep drops one second too much", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			return b.plain.Sweep(ctx, before+1, limit)
		}
	}, `Sweep/DropsWhatExpired`},
	{"Sweep has no limit", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			if limit > 0 {
				limit = 1 << 20
			}
			return b.plain.Sweep(ctx, before, limit)
		}
	}, `Sweep/AtMostLimit`},
	{"Sweep takes no limit for all", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			if limit < 1 {
				limit = 1 << 20
			}
			return b.plain.Sweep(ctx, before, limit)
		}
	}, `Sweep/LimitBelowOne`},
	{"Sweep counts what it did not drop", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			n, err := b.plain.Sweep(ctx, before, limit)
			if n > 0 {
				n = limit
			}
			return n, err
		}
	}, `Sweep/DropsWhatExpired Sweep/AtMostLimit`},
	{"Sweep selects and then deletes by key", func(b *broken) {
		b.sweep = func(ctx context.Context, before int64, limit int) (n int, err error) {
			if err := ctx.Err(); err != nil || limit < 1 {
				return 0, cmp.Or(err, errors.New("limit"))
			}
			b.mu.Lock()
			var keys []string
			for k, r := range b.m {
				if len(keys) < limit && 0 < r.Expires && r.Expires < before {
					keys = append(keys, k)
				}
			}
			b.mu.Unlock()
			for _, k := range keys {
				runtime.Gosched()
				b.mu.Lock()
				if _, ok := b.m[k]; ok {
					delete(b.m, k)
					n++
				}
				b.mu.Unlock()
			}
			return n, nil
		}
	}, `Sweep/LeavesTheExtended`},
	{"Sweep goes by the expiry of Create", func(b *broken) {
		var mu sync.Mutex
		created := make(map[string]int64)
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				created[r.Key] = r.Expires
			}
			return err
		}
		b.sweep = func(ctx context.Context, before int64, limit int) (int, error) {
			if limit < 1 {
				return 0, errors.New("limit")
			}
			mu.Lock()
			defer mu.Unlock()
			return b.plain.sweep(ctx, limit, func(r store.Record) bool { return 0 < created[r.Key] && created[r.Key] < before })
		}
	}, `Sweep/NeverDropsZero Sweep/UsesTheLatestExpires Sweep/LeavesTheExtended?`},
	{"a record goes a while before it expires", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if r.Expires > 0 && err == nil {
				_, err = b.plain.sweep(ctx, 1<<20, func(r store.Record) bool { return 0 < r.Expires && r.Expires < later(10) })
			}
			return err
		}
	}, `Expires/NotEarly`},
	{"a context that is done is ignored", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error { return b.plain.Swap(context.WithoutCancel(ctx), r) }
	}, `Context/DoneBeforeTheCall Context/DoneIsNoSentinel`},
	{"a context that is done is noticed after the write", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			if err := b.plain.Create(context.WithoutCancel(ctx), r); err != nil && !errors.Is(err, store.ErrExists) {
				return err
			} else if ctx.Err() == nil {
				return err
			}
			return ctx.Err()
		}
	}, `Context/DoneBeforeTheCall`},
	{"an error prints its arguments", func(b *broken) {
		b.swap = func(ctx context.Context, r store.Record) error {
			if err := b.plain.Swap(ctx, r); err != nil {
				return fmt.Errorf("update with %q: %w", r.Value, err)
			}
			return nil
		}
	}, `Errors/HoldNoValue`},
}
