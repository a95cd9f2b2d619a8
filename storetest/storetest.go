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
// process fails there. One that lives in a process returns s itself.
//
// Each case is a rule of [store.Store]: its name says where the rule is, a failure prints what came back, what
// was wanted, and the rule in a sentence. Run it with -race, and with -short for fewer contenders.
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
// the run. Those cases that decide whether a code can be used twice cannot be waived; two of them need
// Reopen, and without it the log says that they did not run.
//
// The suite is itself tested, by stores with one fault each that must fail exactly the cases that the
// fault breaks.
package storetest

import (
	"maps"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/oauthcore/oauthcore/store"
)

// Options are the rare needs of a [Run]. nil is the zero value.
type Options struct {
	// Reopen returns a second handle on the data of s, as another process would have. nil skips the
	// cases that need two, and says so.
	Reopen func(t testing.TB, s store.Store) store.Store

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

	strict bool // cannot be waived
}

// rules is the suite. A rule is added to the table of its file.
var rules = slices.Concat(createRules, getRules, swapRules, listRules, sweepRules, recordRules, callRules, handleRules)

// Run checks every rule of the contract. newStore is called for each case, and twice for the one that
// checks that two stores are apart; it gives an empty store and cleans up through t.
func Run(t *testing.T, newStore func(testing.TB) store.Store, o *Options) {
	if o == nil {
		o = new(Options)
	}
	for _, problem := range o.problems() {
		t.Error(problem)
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			c := &tester{TB: t, newStore: newStore, reopen: o.Reopen, contenders: 200}
			if testing.Short() {
				c.contenders = 32
			}
			if reason, waived := o.Waive[r.name]; waived && !r.strict {
				r.runWaived(c, reason)
			} else {
				r.run(c)
			}
		})
	}
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

// run checks the rule with a new store. A panic of the store is a failure of the case.
func (r rule) run(c *tester) {
	defer func() {
		if p := recover(); p != nil {
			c.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if c.Failed() {
			c.Logf("the rule: %s", r.text)
		}
	}()
	c.s = c.newStore(c.TB)
	r.check(c)
}

// runWaived checks a rule that the store may fail, and must, or the waiver is out of date.
func (r rule) runWaived(c *tester, reason string) {
	t := c.TB
	rec := record(t, func(t testing.TB) {
		c.TB = t
		r.run(c)
	})
	switch {
	case rec.failed:
		t.Skipf("waived: %s", reason)
	case !rec.skipped:
		t.Errorf("waived (%s), but the store passes: remove the waiver", reason)
	}
}
