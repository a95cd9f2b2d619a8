// Package storetest is the contract of package store as a test suite.
//
// A store's author writes a few lines:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) store.Store { return mystore.New(dir(t)) }, &storetest.Options{
//			Reopen: func(t testing.TB, s store.Store) store.Store { return mystore.New(s.(*mystore.Store).Dir) },
//		})
//	}
//
// Reopen opens the same data once more, as another process would: a store that is right only within one
// process fails there. One that lives in a process returns s itself. A store on a network gives Dial as well,
// which is three lines with most drivers:
//
//	Dial: func(t testing.TB, s store.Store, dial func(context.Context, string, string) (net.Conn, error)) store.Store {
//		return mystore.New(driver.Open(driver.Config{Addr: addr, Dialer: dial}), s.(*mystore.Store).Table)
//	},
//
// Each case is a rule of [store.Store]: its name says where the rule is, a failure prints what came back, what
// was wanted, and the rule in a sentence. Run it with -race, and with -short for fewer contenders and calls.
// Run it once with the environment's TZ set to a zone that has summer time, such as Europe/Berlin, and the
// session time zone of the engine, if there is one, set to another.
//
// A store, or a handle, that has a method Close as [io.Closer] has is held to it: what is closed answers with
// errors, and leaves nothing behind. Cleanup may find it closed already.
//
// # Design
//
// The suite asserts the written contract and no more, for an author whose store is refused without cause
// switches a suite off. Contested writes have at most one winner and the losers a documented answer; which
// of them wins is nobody's business. An engine may drop what has expired at any time, so cases either use
// times in the future or accept a record that is gone.
//
// All cases are required: an optional one would be the one that a store needed. What a store cannot do is
// waived by name with a reason, and shows as skipped. A waiver that is unknown, or no longer needed, fails
// the run. Those cases that decide whether a code can be used twice cannot be waived. Some cases need Reopen
// or Dial, and show as skipped without it.
//
// Connections are made to fail by a proxy between store and engine that sees bytes, not messages: a case cuts
// a call at its first request, then at its second, until it has none left, and so needs to know no protocol.
// To let authors wrap connections of their own, or start and stop engines, was the other choice; each would
// have found the faults that its author thought of.
//
// A case does not wait for a call that does not return: it fails after half a minute, and says which.
//
// The suite is itself tested, by stores with one fault each that must fail exactly the cases that the
// fault breaks.
package storetest

import (
	"context"
	"maps"
	"net"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/recorder"
	"github.com/oauthcore/oauthcore/store"
)

// Options are the rare needs of a [Run]. nil is the zero value.
type Options struct {
	// Reopen returns a second handle on the data of s, as another process would have. nil skips the
	// cases that need two, and says so.
	Reopen func(t testing.TB, s store.Store) store.Store

	// Dial returns a handle on the data of s that makes its connections by dial and cleans up through t;
	// dial has the form that drivers take, and connects, by a detour, to the address that it is given.
	// Nothing else may be different from s. nil leaves out the cases about a network, and says so; it is for
	// stores that have none.
	Dial func(t testing.TB, s store.Store, dial func(ctx context.Context, network, addr string) (net.Conn, error)) store.Store

	// Waive maps the name of a case, as "Key/LongestIsKept", to the reason why the store may fail it.
	// Unknown and needless waivers fail the run, and so do those of a case with one winner.
	Waive map[string]string

	_ [0]func() // keyed and uncomparable: fields may be added
}

// rule is one case of the suite.
type rule struct {
	name  string // method or noun, slash, what holds
	text  string // the rule in one sentence
	check func(*tester)

	strict  bool // cannot be waived
	network bool // needs Options.Dial
}

// rules is the suite. A rule is added to the table of its file.
var rules = slices.Concat(createRules, getRules, swapRules, listRules, sweepRules, expiryRules, recordRules,
	callRules, handleRules, leakRules, loadRules, networkRules)

// Run checks every rule of the contract. newStore is called for each case, by some more than once; it gives
// an empty store and cleans up through t. The whole takes a few seconds in memory, and less than a minute
// over a network.
func Run(t *testing.T, newStore func(testing.TB) store.Store, o *Options) {
	if o == nil {
		o = new(Options)
	}
	for _, problem := range o.problems() {
		t.Error(problem)
	}
	if o.Dial == nil {
		t.Run("Network", func(t *testing.T) {
			t.Skip("Options.Dial is nil: the cases about a network are for stores that have one")
		})
	}
	for _, r := range rules {
		if r.network && o.Dial == nil {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			c := &tester{TB: t, newStore: newStore, o: o, scale: o.scale()}
			if reason, waived := o.Waive[r.name]; waived && !r.strict {
				r.runWaived(c, reason)
			} else {
				r.run(c)
			}
		})
	}
}

// scale is how hard a Run tries: for longer over a network, where a call takes longer too.
func (o *Options) scale() scale {
	s := scale{contenders: 200, writes: 1000, calls: 10_000, load: time.Second, patience: 30 * time.Second, sleep: time.Sleep}
	if o.Dial != nil {
		s.load = 10 * time.Second
	}
	if testing.Short() {
		s.contenders, s.writes, s.calls, s.load = 32, 200, 1000, s.load/10
	}
	return s
}

// problems returns what is wrong with the waivers, in order.
func (o *Options) problems() (problems []string) {
	for _, name := range slices.Sorted(maps.Keys(o.Waive)) {
		i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
		switch {
		case i < 0:
			problems = append(problems, "waiver of "+name+": there is no such case")
		case rules[i].strict:
			problems = append(problems, "waiver of "+name+": this case cannot be waived")
		case o.Waive[name] == "":
			problems = append(problems, "waiver of "+name+": it gives no reason")
		}
	}
	return problems
}

// run checks the rule with a new store. A panic is a failure of the case.
func (r rule) run(c *tester) {
	defer func() {
		if p := recover(); p != nil {
			c.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if c.Failed() {
			c.Logf("the rule: %s", r.text)
		}
	}()
	r.check(c.with(c.newStore(c.TB)))
}

// runWaived checks a rule that the store may fail, and must, or the waiver is out of date.
func (r rule) runWaived(c *tester, reason string) {
	t := c.TB
	out := recorder.Record(t, func(t testing.TB) {
		c.TB = t
		r.run(c)
	})
	switch {
	case out.Failed:
		t.Skipf("waived: %s", reason)
	case !out.Skipped:
		t.Errorf("waived (%s), but the store passes: remove the waiver", reason)
	}
}
