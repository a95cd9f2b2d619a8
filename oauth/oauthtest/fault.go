package oauthtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/store"
)

// faultKind is a way in which one call of a store goes wrong. All but stale are within what the library
// has to live with; a stale read is a store that breaks its word.
type faultKind string

const (
	failed    faultKind = "fails before its effect"
	applied   faultKind = "fails after its effect"
	repeated  faultKind = "is repeated by the driver, which reports the second answer"
	refusal   faultKind = "is refused, as if another had come first, and none has"
	late      faultKind = "fails, and lands before the next call"
	later     faultKind = "fails, and lands before the call after the next"
	stale     faultKind = "reads what was there before the last write"
	down      faultKind = "fails, as all that follow"
	cut       faultKind = "fails after its effect, and all that follow fail"
	downLate  faultKind = "fails, as all that follow, and lands before the first call of the next request"
	downLater faultKind = "fails, as all that follow, and lands after the first call of the next request"
)

// alone are the faults that leave the store working; after any other it is gone for the rest of the request.
var alone = []faultKind{failed, applied, repeated, refusal, late, later, stale}

// hits reports whether a call by that name can have the fault.
func (k faultKind) hits(call string) bool {
	switch {
	case strings.HasPrefix(call, "Get"):
		return k == failed || k == stale || k == down
	case strings.HasPrefix(call, "List"):
		return k == failed || k == down
	}
	return k != stale
}

// fault is what happens at the n-th call of a request, from 0.
type fault struct {
	at   int
	kind faultKind
}

var errDown = errors.New("the database is down")

// faultStore is a store of which chosen calls go wrong, for one request at a time.
type faultStore struct {
	store.Store
	t testing.TB

	mu      sync.Mutex
	armed   bool
	faults  []fault
	calls   []string // of the armed request: the method and the keys
	hook    func(call int)
	down    bool
	landed  []landing
	now     map[string]store.Record // each record as last read or written
	old     map[string]store.Record // each record before its last write
	written map[string]bool         // the keys written during meets

	newer     bool            // a newer version of the library has rewritten each record just before it is read
	rewritten map[string]bool // the keys of what was then written back, and whether always with that version's mark
}

// landing is a write under way.
type landing struct {
	calls int // that come before it
	write func()
}

func newFaultStore(t testing.TB, s store.Store) *faultStore {
	return &faultStore{Store: s, t: t, now: make(map[string]store.Record), old: make(map[string]store.Record), rewritten: make(map[string]bool)}
}

// arm sets the faults of the next request; hook is called before each of its calls, and what it calls is
// no part of the request.
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

// meets runs f, before a call of the armed request, and reports whether it wrote a record that the request
// had read before.
func (s *faultStore) meets(f func()) bool {
	s.mu.Lock()
	var read []string
	for _, call := range s.calls[:len(s.calls)-1] {
		read = append(read, strings.Fields(call)...)
	}
	s.written = make(map[string]bool)
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(read, func(key string) bool { return s.written[key] })
}

// next counts a call, lets land what is due, and says what happens to it.
func (s *faultStore) next(name string) faultKind {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down {
		due := s.landed
		s.landed = nil
		for _, l := range due {
			if l.calls--; l.calls < 0 {
				s.mu.Unlock()
				l.write()
				s.mu.Lock()
			} else {
				s.landed = append(s.landed, l)
			}
		}
	}
	if !s.armed {
		return ""
	}
	n := len(s.calls)
	s.calls = append(s.calls, name)
	if hook := s.hook; hook != nil {
		s.armed, s.hook = false, nil
		s.mu.Unlock()
		returned := make(chan struct{})
		go func() { // which a failure in it ends, and not the request's
			defer close(returned)
			defer guard(s.t)
			hook(n)
		}()
		<-returned
		s.mu.Lock()
		s.armed, s.hook = true, hook
	}
	if s.down {
		return down
	}
	for _, f := range s.faults {
		if f.at == n {
			s.down = !slices.Contains(alone, f.kind)
			return f.kind
		}
	}
	return ""
}

// note keeps what a record is now and, if it was written, what it was before, for stale reads to come.
func (s *faultStore) note(r store.Record, wrote bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wrote {
		was := s.now[r.Key]
		was.Key = r.Key // absent, if nobody read it
		s.old[r.Key] = was
	}
	s.now[r.Key] = r
}

// write makes do, a Create or Swap of r, go wrong as next says. exists is the answer of one that came too
// late, and created what r is once it is stored.
func (s *faultStore) write(ctx context.Context, name string, r, created store.Record, exists error, do func(context.Context, store.Record) error) error {
	r.Value = bytes.Clone(r.Value)
	created.Value = r.Value
	apply := func(ctx context.Context) error {
		err := do(ctx, r)
		if err == nil {
			s.note(created, true)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.written != nil {
			s.written[r.Key] = true
		}
		return err
	}
	land := func(after int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.landed = append(s.landed, landing{after, func() { apply(context.WithoutCancel(ctx)) }})
	}
	switch s.next(name + " " + r.Key) {
	case "":
		return apply(ctx)
	case repeated:
		apply(ctx)
		return apply(ctx)
	case refusal:
		return exists
	case applied, cut:
		apply(ctx)
	case late, downLate:
		land(0)
	case later, downLater:
		land(1)
	}
	return errDown
}

func (s *faultStore) Create(ctx context.Context, r store.Record) error {
	return s.write(ctx, "Create", r, r, store.ErrExists, s.Store.Create)
}

func (s *faultStore) Swap(ctx context.Context, r store.Record) error {
	s.mu.Lock()
	was, known := s.now[r.Key]
	if s.newer && known && marked(was.Value) {
		held, before := s.rewritten[r.Key]
		s.rewritten[r.Key] = marked(r.Value) && (held || !before)
	}
	s.mu.Unlock()
	created := r
	created.Version++
	return s.write(ctx, "Swap", r, created, store.ErrConflict, s.Store.Swap)
}

func (s *faultStore) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	kind := s.next("Get " + strings.Join(keys, " "))
	if kind != "" && kind != stale {
		return nil, errDown
	}
	rs, err := s.Store.Get(ctx, keys...)
	for i, r := range rs {
		if err == nil && s.newer && r.Version != 0 && !marked(r.Value) {
			r.Value = mark(r.Value)
			if err = s.Store.Swap(ctx, r); err == nil {
				r.Version++
				rs[i] = r
			}
		}
		s.note(rs[i], false)
		s.mu.Lock()
		if old, ok := s.old[r.Key]; ok && kind == stale {
			rs[i] = old
		}
		s.mu.Unlock()
	}
	return rs, err
}

func (s *faultStore) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	if kind := s.next("List " + label); kind != "" && kind != stale {
		return nil, "", errDown
	}
	return s.Store.List(ctx, label, after, limit)
}

// settled forgets what was there before: what does not change any more is not read stale.
func (s *faultStore) settled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.old)
	clear(s.now)
}

// describe tells a plan for a failing test's log.
func describe(calls []string, faults ...fault) string {
	var b strings.Builder
	for _, f := range faults {
		fmt.Fprintf(&b, "call %d %s; ", f.at, f.kind)
	}
	return fmt.Sprintf("%sof %q", b.String(), calls)
}

// The mark of a newer version of the library in a value: a member of a JSON object, or a field of a list
// of fields. A value begins with a byte for its format and a nonce of 16.
const (
	frameSize  = 1 + 16
	markMember = `"newer":"kept"`
	markTag    = 9999
)

func isJSON(value []byte) bool { return len(value) > frameSize && value[frameSize] == '{' }

func markField() []byte {
	b := binary.AppendUvarint(nil, markTag)
	return append(append(b, byte(len(markMember))), markMember...)
}

func marked(value []byte) bool { return bytes.Contains(value, []byte(markMember)) }

func mark(value []byte) []byte {
	if !isJSON(value) {
		return slices.Concat(value, markField())
	}
	member := markMember
	if value[frameSize+1] != '}' {
		member += ","
	}
	return slices.Insert(bytes.Clone(value), frameSize+1, []byte(member)...)
}
