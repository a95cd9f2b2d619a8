package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Probe tries out s, to be called when a server starts, and returns every fault it finds in one error, each
// with what it would break: letters that are folded together, values that are altered or cut, numbers
// that lose digits, writes at a stale version, reads that do not see a write, results that are shared,
// records that do not stay. It takes about a hundred calls, one after the other, and returns at once if s fails to
// answer one of them.
//
// The records it writes, under random keys that begin with "probe/", expire a minute after the machine's
// clock. Probe finds what is wrong with a set-up, such as a collation, a full cache that evicts or a replica; it is
// no proof of an implementation, which is what package storetest is for.
func Probe(ctx context.Context, s Store) error {
	p := probe{ctx: ctx, store: s, expires: time.Now().Unix() + 60}
	for _, check := range []func(*probe) error{(*probe).bytes, (*probe).names, (*probe).versions, (*probe).fresh, (*probe).list, (*probe).kept} {
		if err := check(&p); err != nil {
			p.faults = append(p.faults, fmt.Errorf("store: probe: no answer: %w", err))
			break
		}
	}
	return errors.Join(p.faults...)
}

// probe is the state of one Probe. Its checks return an error only if the store gives no answer.
type probe struct {
	ctx     context.Context
	store   Store
	expires int64
	created []string // keys
	faults  []error
}

func (p *probe) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("store: probe: "+format, args...))
}

// record returns a new one to create. Its key has letters of both cases and its version needs 53 bits.
func (p *probe) record() Record {
	return Record{Key: "probe/aA-" + rand.Text(), Version: 1 << 52, Expires: p.expires, Value: []byte{0}}
}

func (p *probe) create(r Record) error {
	err := p.store.Create(p.ctx, r)
	if errors.Is(err, ErrExists) {
		p.fault("a new key is said to exist: keys are cut or folded together, and one grant would pass for another")
		return nil
	}
	if err == nil {
		p.created = append(p.created, r.Key)
	}
	return err
}

func (p *probe) get(key string) (Record, error) {
	rs, err := p.store.Get(p.ctx, key)
	if err != nil {
		return Record{}, err
	}
	if len(rs) != 1 || rs[0].Key != key {
		p.fault("Get of one key did not give one record with that key: the library refuses such an answer")
		return Record{Key: key}, nil
	}
	return rs[0], nil
}

// bytes checks that a record comes back as it was.
func (p *probe) bytes() error {
	all := make([]byte, 0, 512)
	for i := range 256 {
		all = append(all, byte(i), byte(255-i))
	}
	big := bytes.Repeat([]byte{0xff, 0, ' ', '\n'}, maxValue/4)
	for _, v := range [][]byte{all, nil, []byte("{\"a\": 1.0, \"a\":1}\n "), big} {
		r := p.record()
		r.Value = bytes.Clone(v)
		if err := p.create(r); err != nil {
			return err
		}
		clear(r.Value) // a store that kept the slice now has zeros
		got, err := p.get(r.Key)
		if err != nil {
			return err
		}
		switch {
		case got.Version == 0:
			p.fault("a record that was created is absent: reads do not see writes, and a code just issued would be refused")
			continue
		case !bytes.Equal(got.Value, v):
			p.fault("a value of %d bytes came back as another, of %d: grants would be unreadable", len(v), len(got.Value))
		case got.Version != r.Version:
			p.fault("version %d came back as %d: no write would succeed", r.Version, got.Version)
		case got.Expires != r.Expires:
			p.fault("an expiry at %d came back as %d: records would be lost early or kept for ever", r.Expires, got.Expires)
		}
		same := bytes.Equal(got.Value, v)
		clear(got.Value) // a store that keeps what it returned now returns zeros
		if again, err := p.get(r.Key); err != nil {
			return err
		} else if same && !bytes.Equal(again.Value, v) {
			p.fault("Get's result is shared between callers: one request would change what another reads")
		}
	}
	return nil
}

// names checks that keys are compared bytewise.
func (p *probe) names() error {
	r := p.record()
	if err := p.create(r); err != nil {
		return err
	}
	twin := r
	twin.Key = strings.Replace(r.Key, "aA", "Aa", 1)
	got, err := p.get(twin.Key)
	if err != nil {
		return err
	}
	if got.Version != 0 {
		p.fault("keys that differ only in case are one: a collation folds them, and one grant would pass for another")
	}
	return p.create(twin)
}

// versions checks what is refused.
func (p *probe) versions() error {
	r := p.record()
	if err := p.store.Swap(p.ctx, r); err == nil {
		p.fault("Swap of an absent record succeeded: what was swept would rise again")
	} else if !errors.Is(err, ErrConflict) {
		return err
	}
	if err := p.create(r); err != nil {
		return err
	}
	if err := p.store.Create(p.ctx, r); err == nil {
		p.fault("Create of a key that is there succeeded: an assertion used before would be accepted again")
	} else if !errors.Is(err, ErrExists) {
		return err
	}
	for _, stale := range []bool{false, true} {
		w := r
		w.Value = []byte{1}
		if stale {
			w.Value = []byte{2}
		}
		err := p.store.Swap(p.ctx, w)
		switch {
		case stale && err == nil:
			p.fault("Swap at a stale version succeeded: writes would be lost, and a code could be used twice")
		case !stale && errors.Is(err, ErrConflict):
			p.fault("Swap at the stored version is a conflict: no refresh would succeed")
		case err != nil && !errors.Is(err, ErrConflict):
			return err
		}
	}
	got, err := p.get(r.Key)
	if err != nil {
		return err
	}
	if got.Version == r.Version+1 && !bytes.Equal(got.Value, []byte{1}) {
		p.fault("a refused write changed the value: a code could be used twice")
	}
	return nil
}

// fresh checks that reads see the write before, several times, for replicas take turns.
func (p *probe) fresh() error {
	r := p.record()
	if err := p.create(r); err != nil {
		return err
	}
	for range 8 {
		if err := p.store.Swap(p.ctx, r); errors.Is(err, ErrConflict) {
			return nil // versions reports it
		} else if err != nil {
			return err
		}
		r.Version++
		got, err := p.get(r.Key)
		if err != nil {
			return err
		}
		if got.Version != r.Version {
			p.fault("version %d is read after a write that made it %d: reads go to a cache or a replica, or numbers lose digits, and a token just rotated would count as stolen",
				got.Version, r.Version)
			return nil
		}
	}
	return nil
}

// list checks that a label finds its records, in order, and no others.
func (p *probe) list() error {
	label := "probe/aA-" + rand.Text()
	keys := make([]string, 0, 3)
	for _, middle := range []string{"B", "a", "_"} { // in bytewise order: B _ a
		r := p.record()
		r.Key = "probe/" + middle + strings.TrimPrefix(r.Key, "probe/")
		r.Labels = []string{label}
		if middle == "_" {
			r.Labels = append(r.Labels, strings.Replace(label, "aA", "Aa", 1))
		}
		if err := p.create(r); err != nil {
			return err
		}
		keys = append(keys, r.Key)
	}
	slices.Sort(keys)
	for _, c := range []struct {
		label string
		want  []string
	}{{label, keys}, {strings.Replace(label, "aA", "Aa", 1), keys[1:2]}} {
		var got []string
		for next, pages := "", 0; pages == 0 || next != "" && pages < 8; pages++ {
			page, cursor, err := p.store.List(p.ctx, c.label, next, 2)
			if err != nil {
				return err
			}
			for _, r := range page {
				got = append(got, r.Key)
			}
			next = cursor
		}
		if !slices.Equal(got, c.want) {
			p.fault("List found %d records, want the %d with its label in bytewise order of their keys: someone would see another's apps, or not all of their own",
				len(got), len(c.want))
		}
	}
	return nil
}

// kept checks that all that was created is still there after more was: a cache drops what is oldest, or
// anything.
func (p *probe) kept() error {
	for range 48 {
		r := p.record()
		r.Value = bytes.Repeat([]byte{1}, 1024)
		if err := p.create(r); err != nil {
			return err
		}
	}
	gone := 0
	for keys := range slices.Chunk(p.created, 16) {
		rs, err := p.store.Get(p.ctx, keys...)
		if err != nil {
			return err
		}
		for _, r := range rs {
			if r.Version == 0 {
				gone++
			}
		}
	}
	if gone > 0 {
		p.fault("%d of %d new records are gone before they expire: the store evicts or loses them, and what was revoked or used would be good again",
			gone, len(p.created))
	}
	return nil
}
