package chain_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/store"
)

// outcome is what a request knows of its swap after it looked.
type outcome uint8

const (
	unsettled outcome = iota // send it again
	succeeded
	conflict
)

// settle is what table.Swap does after an error of the store: the request sent a swap of the version row,
// and then read the version got, -1 for an error, which holds what it sent or not. In doubt are a conflict
// with a later version than the next, and a request that gave up unsettled.
func settle(row, got int, mine bool) (o outcome, doubt bool) {
	switch {
	case got <= row:
		return unsettled, false
	case got == row+1 && mine:
		return succeeded, false
	}
	return conflict, got != row+1
}

// scripted is a store whose swaps and reads go as a script says.
type scripted struct {
	store.Store // nothing else is called
	script      []round
	sent        []store.Record
}

// round is one send of a swap, and the read that follows if it fails.
type round struct {
	swap error
	got  int // the version read, -1 for an error
	mine bool
}

const sentVersion = 5

var errLost = errors.New("lost")

func (s *scripted) Swap(_ context.Context, r store.Record) error {
	s.sent = append(s.sent, r)
	return s.script[len(s.sent)-1].swap
}

func (s *scripted) Get(_ context.Context, keys ...string) ([]store.Record, error) {
	r, last := s.script[len(s.sent)-1], s.sent[len(s.sent)-1]
	if r.got < 0 {
		return nil, errLost
	}
	value := bytes.Clone(last.Value)
	if !r.mine {
		value[1] ^= 1 // another writer's nonce
	}
	return []store.Record{{Key: keys[0], Version: int64(r.got), Value: value}}, nil
}

// TestSettle drives table.Swap through every script of rounds, and compares what it does with what the
// model takes it to do.
func TestSettle(t *testing.T) {
	rounds := []round{{nil, 0, false}}
	for _, err := range []error{errLost, store.ErrConflict} {
		rounds = append(rounds, round{err, -1, false}, round{err, sentVersion - 1, false}, round{err, sentVersion, false},
			round{err, sentVersion + 1, true}, round{err, sentVersion + 1, false}, round{err, sentVersion + 2, false})
	}
	scripts := 0
	var walk func(script []round)
	walk = func(script []round) {
		if len(script) == table.Rounds {
			compare(t, script, unsettled, true)
			scripts++
			return
		}
		for _, r := range rounds {
			next := append(script[:len(script):len(script)], r)
			o, doubt := succeeded, false
			if r.swap != nil {
				o, doubt = settle(sentVersion, r.got, r.mine)
			}
			if o == unsettled {
				walk(next)
				continue
			}
			compare(t, next, o, doubt)
			scripts++
		}
	}
	walk(nil)
	t.Logf("%d scripts", scripts)
}

func compare(t *testing.T, script []round, want outcome, wantDoubt bool) {
	t.Helper()
	s := &scripted{script: script}
	w := table.NewWrite()
	row, err := table.New[string](s, "t.").Swap(t.Context(), w, table.Row[string]{ID: "x", Version: sentVersion, Value: "v"})
	last := script[len(script)-1]
	var ok bool
	switch want {
	case succeeded:
		ok = err == nil && row.Version == sentVersion+1
	case conflict:
		ok = errors.Is(err, store.ErrConflict) && row.Version == int64(last.got)
	case unsettled:
		ok = errors.Is(err, table.ErrUnavailable)
	}
	if !ok || w.Doubt() != wantDoubt || len(s.sent) != len(script) {
		t.Fatalf("%v: Swap = version %d, %v, doubt %v, after %d sends; the model has outcome %d, doubt %v, after %d",
			script, row.Version, err, w.Doubt(), len(s.sent), want, wantDoubt, len(script))
	}
	for _, r := range s.sent {
		if !bytes.Equal(r.Value, s.sent[0].Value) || r.Version != sentVersion {
			t.Fatalf("%v: Swap did not send the identical record again", script)
		}
	}
}

// TestSettleUpdate holds the revoker of the model against table.Update: after a conflict it starts over,
// but not if it is in doubt.
func TestSettleUpdate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		got   int
		calls int
		want  error
	}{
		{"a conflict with the next version starts over", sentVersion + 1, 2, nil},
		{"a conflict with a later version gives up", sentVersion + 2, 1, table.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// The first Get of Update reads what the first round says.
			s := &updated{scripted{script: []round{{errLost, tt.got, false}, {nil, 0, false}}}}
			calls := 0
			_, err := table.New[string](s, "t.").Update(t.Context(), "x", 0, func(*table.Row[string]) error {
				calls++
				return nil
			})
			if calls != tt.calls || !errors.Is(err, tt.want) {
				t.Errorf("Update called change %d times and returned %v, want %d and %v", calls, err, tt.calls, tt.want)
			}
		})
	}
}

// updated is a scripted store that can be read before the first swap.
type updated struct{ scripted }

func (s *updated) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if len(s.sent) == 0 {
		value := append([]byte{1}, make([]byte, 16)...)
		return []store.Record{{Key: keys[0], Version: sentVersion, Value: append(value, `"v"`...)}}, nil
	}
	return s.scripted.Get(ctx, keys...)
}
