package oauthtest

import (
	"net/http"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/store"
)

// Options are the rare needs of a [Run] or a [Benchmark]. nil is the zero value.
type Options struct {
	// Serve makes the server under test; nil is [oauth.New]. A host that wraps the server, or runs a fork
	// of it, gives what it serves. It must use all of c, whose endpoints are at their usual paths, and keep
	// nothing of a grant outside c.Store: it is called twice for each c, as two processes of one service. It
	// may give c a Profile of which Hex and Handles are set: the suite speaks no other dialect.
	//
	// What a host calls in process is called on the handler if it has all of these methods of
	// [oauth.Server]: Issue, Introspect, Consents, Disconnect and EndSubject. If it lacks one, all of them
	// are called on an oauth.Server of c as it was given, as a third process of the service would, so a
	// handler whose server has a Profile must have them.
	Serve func(c oauth.Config) (http.Handler, error)

	// AllPairs injects every pair of faults into one request, rather than a fixed part of them, which takes
	// several times as long.
	AllPairs bool

	// Grants is how many grants Benchmark prepares; zero: 1,000.
	Grants int

	_ [0]func() // keyed and uncomparable: fields may be added
}

func (o *Options) serve() func(oauth.Config) (http.Handler, error) {
	if o == nil || o.Serve == nil {
		return func(c oauth.Config) (http.Handler, error) { return oauth.New(c) }
	}
	return o.Serve
}

// rule is one case of the suite.
type rule struct {
	name  string // what it is about, slash, what holds
	text  string // the rule in one sentence
	check func(*tester)
}

// rules is the suite. A rule is added to the table of its file.
var rules = slices.Concat(codeRules, refreshRules, clientRules, endRules, faultRules, meanwhileRules)

// Run checks every rule. newStore is called for each; it gives an empty store, which several servers then
// share by [store.Namespace], and cleans up through t.
func Run(t *testing.T, newStore func(testing.TB) store.Store, o *Options) {
	s := full
	switch {
	case o != nil && o.AllPairs:
		s.pairs = 1
	case testing.Short():
		s = short
	}
	runAll(t, newStore, o, s)
}

func runAll(t *testing.T, newStore func(testing.TB) store.Store, o *Options, s scale) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) { r.run(t, newStore, o, s) })
	}
}

// guard makes a panic a failure of t.
func guard(t testing.TB) {
	if p := recover(); p != nil {
		t.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}

// run checks the rule with a new store. A panic of the store or the server is a failure of the case.
func (r rule) run(t testing.TB, newStore func(testing.TB) store.Store, o *Options, s scale) {
	defer func() {
		if t.Failed() {
			t.Logf("the rule: %s", r.text)
		}
	}()
	defer guard(t)
	r.check(&tester{TB: t, scale: s, serve: o.serve(), space: spaces(newStore(t))})
}
