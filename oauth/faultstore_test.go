package oauth_test

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/oauthcore/oauthcore/store"
)

// faultKind is a way in which one call of a store goes wrong. All but stale are within the contract of
// package store; a stale read is a store that breaks its word.
type faultKind string

const (
	failed    faultKind = "fails before its effect"
	applied   faultKind = "fails after its effect"
	repeated  faultKind = "is repeated by the driver, which reports the second answer"
	late      faultKind = "fails, and lands before the next call"
	later     faultKind = "fails, and lands before the call after the next"
	stale     faultKind = "reads what was there before the last write"
	down      faultKind = "fails, as all that follow"
	cut       faultKind = "fails after its effect, and all that follow fail"
	downLate  faultKind = "fails, as all that follow, and lands before the first call of the next request"
	downLater faultKind = "fails, as all that follow, and lands after the first call of the next request"
)

var (
	readFaults  = []faultKind{failed, stale, down}
	writeFaults = []faultKind{failed, applied, repeated, late, later, down, cut, downLate, downLater}
)

// fault is what happens at the n-th call of a request, from 0.
type fault struct {
	at   int
	kind faultKind
}

// faultStore is a store of which chosen calls go wrong, for one request at a time.
type faultStore struct {
	store.Store

	mu     sync.Mutex
	armed  bool
	faults []fault
	calls  []string // of the armed request
	hook   func(call int)
	down   bool
	landed []landing
	old    map[string]store.Record // each record before its last write
}

// landing is a write under way.
type landing struct {
	calls int // that come before it
	write func()
}

func newFaultStore(s store.Store) *faultStore {
	return &faultStore{Store: s, old: make(map[string]store.Record)}
}

// arm sets the faults of the next request; hook is called before each of its calls.
func (s *faultStore) arm(hook func(call int), faults ...fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.faults, s.calls, s.hook = true, faults, nil, hook
}

// disarm ends the request and returns the calls that it made.
func (s *faultStore) disarm() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.down, s.hook = false, false, nil
	return s.calls
}

// next counts a call, lets land what is due, and says what happens to it. The caller holds s.mu.
func (s *faultStore) next(name string) faultKind {
	if !s.down {
		var left []landing
		for _, l := range s.landed {
			if l.calls--; l.calls < 0 {
				l.write()
			} else {
				left = append(left, l)
			}
		}
		s.landed = left
	}
	if !s.armed {
		return ""
	}
	n := len(s.calls)
	s.calls = append(s.calls, name)
	if s.hook != nil {
		s.hook(n)
	}
	if s.down {
		return down
	}
	for _, f := range s.faults {
		if f.at == n {
			return f.kind
		}
	}
	return ""
}

// write makes do, a Create or Swap of r, go wrong as next says.
func (s *faultStore) write(ctx context.Context, name string, r store.Record, do func(context.Context, store.Record) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Value = []byte(string(r.Value))
	apply := func() error {
		rs, err := s.Store.Get(ctx, r.Key)
		if err != nil {
			return err
		}
		err = do(ctx, r)
		if err == nil {
			s.old[r.Key] = rs[0]
		}
		return err
	}
	land := func(after int) {
		ctx = context.WithoutCancel(ctx)
		s.landed = append(s.landed, landing{after, func() { apply() }})
	}
	switch s.next(name + " " + r.Key) {
	case "":
		return apply()
	case repeated:
		apply()
		return apply()
	case applied:
		apply()
	case late:
		land(0)
	case later:
		land(1)
	case cut:
		apply()
		s.down = true
	case downLate:
		land(0)
		s.down = true
	case downLater:
		land(1)
		s.down = true
	case down:
		s.down = true
	}
	return errDown
}

func (s *faultStore) Create(ctx context.Context, r store.Record) error {
	return s.write(ctx, "Create", r, s.Store.Create)
}

func (s *faultStore) Swap(ctx context.Context, r store.Record) error {
	return s.write(ctx, "Swap", r, s.Store.Swap)
}

func (s *faultStore) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := s.next("Get " + strings.Join(keys, " "))
	switch kind {
	case "", stale:
	case down:
		s.down = true
		return nil, errDown
	default:
		return nil, errDown
	}
	rs, err := s.Store.Get(ctx, keys...)
	for i := range rs {
		if old, ok := s.old[rs[i].Key]; ok && kind == stale {
			rs[i] = old
		}
	}
	return rs, err
}

func (s *faultStore) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.next("List " + label) {
	case "", stale:
		return s.Store.List(ctx, label, after, limit)
	}
	return nil, "", errDown
}

// faultKinds are the faults that a call by that name can have.
func faultKinds(call string) []faultKind {
	if strings.HasPrefix(call, "Get") || strings.HasPrefix(call, "List") {
		return readFaults
	}
	return writeFaults
}

// describe tells a plan for a failing test's log.
func describe(calls []string, faults []fault) string {
	var b strings.Builder
	for _, f := range faults {
		fmt.Fprintf(&b, "call %d %s; ", f.at, f.kind)
	}
	return fmt.Sprintf("%sof %q", b.String(), calls)
}
