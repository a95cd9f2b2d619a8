package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

var loadRules = []rule{
	{
		name:   "Load/AllAtOnce",
		text:   "Under a load of all methods, through every handle, each version of a record has one value, reads are whole and never go back, no write is lost, and the only errors are the sentinels: what an engine aborts is tried again inside or is ErrConflict.",
		strict: true,
		check: func(c *tester) {
			l := &load{tester: c, handles: []store.Store{c.s}, kept: make(map[string]*atomic.Int64)}
			if c.o.Reopen != nil {
				l.handles = append(l.handles, c.second().s)
			}
			for i := range 8 {
				key := fmt.Sprintf("kept/%d", i)
				l.keys = append(l.keys, key)
				l.kept[key] = new(atomic.Int64)
				l.kept[key].Store(first)
				c.create(rec(key, value(key, first, "at the beginning"), "kept"))
			}
			seed := rand.Uint64()
			c.Logf("seed %d", seed)
			end := time.Now().Add(c.load)
			for _, err := range c.race(16, func(worker int) error {
				rnd := rand.New(rand.NewPCG(seed, uint64(worker)))
				for n := 0; (n < 40 || time.Now().Before(end)) && !l.failed.Load(); n++ {
					if err := l.step(rnd, fmt.Sprintf("%d-%d", worker, n)); err != nil {
						l.failed.Store(true)
						return fmt.Errorf("worker %d, step %d: %w", worker, n, err)
					}
				}
				return nil
			}) {
				if err != nil {
					c.Errorf("under load: %v", err)
				}
			}
		},
	},
}

// load is what the workers know. The records under "kept/" are there throughout, those under "passing/" have
// expired when they are created, and come and go; each kind has its label. Those under "fresh/" are created
// once and read once.
type load struct {
	*tester
	handles []store.Store
	keys    []string                 // of the kept records, in order
	kept    map[string]*atomic.Int64 // the newest version that was written or read of each
	values  sync.Map                 // what was written or read, by keyVersion
	failed  atomic.Bool
}

type keyVersion struct {
	key     string
	version int64
}

// value returns a value that tells its key and version. mark is the step that writes it.
func value(key string, version int64, mark string) string {
	return fmt.Sprintf("%s %d %s", key, version, mark)
}

// step makes one or two calls.
func (l *load) step(rnd *rand.Rand, mark string) error {
	s, other := l.handles[rnd.IntN(len(l.handles))], l.handles[rnd.IntN(len(l.handles))]
	key := fmt.Sprintf("passing/%d", rnd.IntN(64))
	switch rnd.IntN(16) {
	case 0, 1:
		return l.create(s, key, 1+rnd.Int64N(1<<31)<<20, mark) // versions that no other life of the key has
	case 2:
		return l.createFresh(s, other, "fresh/"+mark)
	case 3, 4:
		return l.list(s, "kept", "")
	case 5, 6:
		return l.list(s, "passing", key)
	case 7:
		if n, err := s.Sweep(l.Context(), 2, 20); err != nil || n < 0 || n > 20 {
			return fmt.Errorf("Sweep with limit 20 = %d, %v", n, err)
		}
		return nil
	case 8, 9, 10:
		return l.change(s, other, key, mark)
	default:
		return l.change(s, other, l.keys[rnd.IntN(len(l.keys))], mark)
	}
}

func (l *load) create(s store.Store, key string, version int64, mark string) error {
	r := rec(key, value(key, version, mark), "passing")
	r.Version, r.Expires = version, 1
	err := s.Create(l.Context(), r)
	if errors.Is(err, store.ErrExists) {
		return nil
	} else if err != nil {
		return fmt.Errorf("Create(%q) = %w, want nil or ErrExists", key, err)
	}
	return l.agree("Create", r)
}

func (l *load) createFresh(s, other store.Store, key string) error {
	r := rec(key, value(key, first, ""))
	if err := s.Create(l.Context(), r); err != nil {
		return fmt.Errorf("Create(%q), a key of no other = %w, want nil", key, err)
	}
	rs, err := other.Get(l.Context(), key)
	if err != nil || len(rs) != 1 || !same(rs[0], r) {
		return fmt.Errorf("Get(%q) after its Create gave %s, %v, want %s", key, showAll(rs), err, show(r))
	}
	return nil
}

// change reads through one handle and swaps through another.
func (l *load) change(s, other store.Store, key, mark string) error {
	before := l.newest()
	keys := []string{key, "missing"}
	rs, err := s.Get(l.Context(), keys...)
	if err != nil {
		return fmt.Errorf("Get(%q): %w", keys, err)
	}
	if len(rs) != 2 || rs[0].Key != key || rs[1].Version != 0 {
		return fmt.Errorf("Get(%q), the second absent, gave %s", keys, showAll(rs))
	}
	r := rs[0]
	if r.Version == 0 && before[key] == 0 {
		return nil
	}
	if err := l.judge("Get", r, before); err != nil {
		return err
	}
	runtime.Gosched() // or writes of a store in memory would rarely meet
	err = other.Swap(l.Context(), next(r, value(key, r.Version+1, mark)))
	if errors.Is(err, store.ErrConflict) {
		return nil
	} else if err != nil {
		return fmt.Errorf("Swap(%q) = %w, want nil or ErrConflict", key, err)
	}
	r.Version++
	return l.agree("Swap", next(r, value(key, r.Version, mark)))
}

func (l *load) list(s store.Store, label, after string) error {
	before := l.newest()
	rs, _, err := s.List(l.Context(), label, after, 20)
	if err != nil {
		return fmt.Errorf("List(%q, %q, 20): %w", label, after, err)
	}
	if label == "kept" && !slices.Equal(keysOf(rs), l.keys) {
		return fmt.Errorf("List(%q) gave %q, want %q", label, keysOf(rs), l.keys)
	}
	for i, r := range rs {
		if r.Key <= after || i > 0 && r.Key <= rs[i-1].Key || !slices.Equal(r.Labels, []string{label}) {
			return fmt.Errorf("List(%q, %q) gave, in this order, %s", label, after, showAll(rs))
		}
		if err := l.judge("List", r, before); err != nil {
			return err
		}
	}
	return nil
}

// newest returns the versions of the kept records below which no read may fall that begins now.
func (l *load) newest() map[string]int64 {
	vs := make(map[string]int64, len(l.kept))
	for key, v := range l.kept {
		vs[key] = v.Load()
	}
	return vs
}

// judge checks a record that was read against what was known before the call.
func (l *load) judge(call string, r store.Record, before map[string]int64) error {
	if r.Version < before[r.Key] {
		return fmt.Errorf("%s gave version %d of %q, which had %d before the call", call, r.Version, r.Key, before[r.Key])
	}
	if !bytes.HasPrefix(r.Value, []byte(value(r.Key, r.Version, ""))) {
		return fmt.Errorf("%s gave %s, whose value is that of another key or version", call, show(r))
	}
	return l.agree(call, r)
}

// agree returns an error if another call wrote or read the same version with another value.
func (l *load) agree(call string, r store.Record) error {
	if was, known := l.values.LoadOrStore(keyVersion{r.Key, r.Version}, string(r.Value)); known && was != string(r.Value) {
		return fmt.Errorf("%s of %q at version %d had the value %q, and another call %q", call, r.Key, r.Version, r.Value, was)
	}
	if v := l.kept[r.Key]; v != nil {
		for now := v.Load(); now < r.Version && !v.CompareAndSwap(now, r.Version); now = v.Load() {
		}
	}
	return nil
}
