package oauthtest

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oauthcore/oauthcore/internal/recorder"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/store"
)

// scale is how much of the suite is run.
type scale struct {
	rounds     int  // of a race between few
	contenders int  // in a race between many
	pairs      int  // of the first and of the second of two faults, every pairs-th is injected
	brief      bool // only the flows that are most unlike each other
}

var (
	full  = scale{rounds: 20, contenders: 200, pairs: 6}
	short = scale{rounds: 3, contenders: 32, pairs: 30, brief: true}
)

// tester is what a case works with: the test, the server under test, and room in an empty store.
type tester struct {
	testing.TB
	scale
	serve func(oauth.Config) (http.Handler, error)
	space func() store.Store
}

// spaces divides a store into as many as are asked for.
func spaces(s store.Store) func() store.Store {
	var n atomic.Int64
	return func() store.Store { return store.Namespace(s, fmt.Sprintf("%d/", n.Add(1))) }
}

// setting is how a service uses the server.
type setting struct {
	name       string
	registered bool // its apps are in a registry on the same store, and installed in a tenant
	strict     bool // a refresh token is used once, even by one who lost the answer
}

var (
	static     = setting{name: "static apps"}
	strict     = setting{name: "strict", strict: true}
	registered = setting{name: "registry", registered: true}
)

// atOnce is how many services of a case go on side by side: on a database they wait for it in turn.
const atOnce = 8

// each checks every flow that wants returns true for, in each of the settings, on a service of its own. After
// a failure it starts no more.
func (c *tester) each(settings []setting, wants func(setting, *flow) bool, check func(h *host, f *flow)) {
	var all sync.WaitGroup
	turn := make(chan struct{}, atOnce)
	for _, set := range settings {
		for i := range flows {
			f := &flows[i]
			if c.brief && !f.brief || f.registry && !set.registered || set.strict && !f.redeems || !wants(set, f) {
				continue
			}
			all.Go(func() {
				turn <- struct{}{}
				defer func() { <-turn }()
				if c.Failed() {
					return
				}
				o := recorder.Record(c.TB, func(t testing.TB) {
					defer guard(t)
					one := *c
					one.TB = t
					check(one.faultyHost(set, f.app), f)
				})
				if o.Failed {
					c.Errorf("%s, with %s:\n%s", f.name, set.name, o.Log)
				}
			})
		}
	}
	all.Wait()
}

// race runs f in n goroutines that start together.
func race(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-start
			f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// races runs f, a race between n, as often as a fault needs to show: 20 times between few, once between many.
func (c *tester) races(f func(n int)) {
	for _, n := range []int{2, 8} {
		for range c.rounds {
			f(n)
		}
	}
	f(c.contenders)
}
