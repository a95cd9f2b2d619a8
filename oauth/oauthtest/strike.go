package oauthtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
)

// allSettings are those in which every flow meets every fault. A service with static apps makes fewer calls
// of the store and none that one with a registry does not make.
var allSettings = []setting{registered, strict}

func every(setting, *flow) bool { return true }

var faultRules = []rule{
	injected("Faults/FailBefore", "A call of the store that failed without effect costs the client a try, no more.", failed),
	injected("Faults/FailAfter", "A write that happened and was reported as failed is found to have happened.", applied),
	injected("Faults/Repeated", "A write that a driver repeats happens once.", repeated),
	injected("Faults/Conflict", "A write that the store refuses without cause is made again.", refusal),
	injected("Faults/Slow", "A write that was reported as failed may still land: it happens once.", late, later),
	injected("Faults/StaleRead", "A read of what is no longer so may refuse a request, and never ends a good grant.", stale),
	injected("Faults/Outage", "A store that goes away makes the outcome unknown, and is never a refusal.", down),
	injected("Faults/Crash", "A process that dies after any write leaves what another completes.", cut),
	injected("Faults/LandsAfterCrash", "A write that lands when its process is gone is not doubled by the client's next try.", downLate, downLater),
	{
		name: "Faults/LandsAfterEnd",
		text: "What was under way when all was ended may land after it, and nothing comes of it.",
		check: func(c *tester) {
			c.each(allSettings, func(_ setting, f *flow) bool { return f.redeems && !f.own }, func(h *host, f *flow) {
				for at, call := range f.strike(h) {
					for _, kind := range []faultKind{cut, downLate, downLater} {
						if kind.hits(call) {
							f.inDoubt(h, fault{at, kind})
						}
					}
				}
			})
		},
	},
	{
		name: "Faults/Pairs",
		text: "Two faults in one request do no more than one.",
		check: func(c *tester) {
			c.each(allSettings, every, func(h *host, f *flow) {
				n := 0
				sampled := func() bool { n++; return n%c.pairs == 0 }
				for at, call := range f.strike(h) {
					for _, kind := range alone {
						if first := (fault{at, kind}); kind.hits(call) && sampled() {
							after := f.strike(h, first)
							for second := at + 1; second < len(after); second++ {
								for _, also := range slices.Concat(alone, []faultKind{down, cut, downLate, downLater}) {
									if also.hits(after[second]) && sampled() {
										f.strike(h, first, fault{second, also})
									}
								}
							}
						}
					}
				}
			})
		},
	},
	{
		name: "Faults/ClientHangsUp",
		text: "A request whose client hangs up is carried out all the same, and the client that asks again is answered.",
		check: func(c *tester) {
			lenient := func(_ setting, f *flow) bool { return !f.reads } // in strict mode asking again is a second use
			c.each([]setting{registered}, lenient, func(h *host, f *flow) {
				for at := 0; f.hangUp(h, at); at++ {
				}
			})
		},
	},
	{
		name: "Faults/MintFails",
		text: "A token that cannot be made, for want of its claims or of a signature, has spent nothing: the same request then succeeds.",
		check: func(c *tester) {
			c.each(allSettings, func(_ setting, f *flow) bool { return f.mints }, func(h *host, f *flow) {
				f.unminted(h, "claims", &h.claimless, true)
				f.unminted(h, "a signature", &h.signer.fail, false) // only a JWT is signed
			})
		},
	},
}

// injected is the rule that faults of these kinds, one in a request, at each of its calls, do no harm.
func injected(name, text string, kinds ...faultKind) rule {
	return rule{name: name, text: text, check: func(c *tester) {
		c.each(allSettings, every, func(h *host, f *flow) {
			for at, call := range f.strike(h) {
				for _, kind := range kinds {
					if kind.hits(call) {
						f.strike(h, fault{at, kind})
					}
				}
			}
		})
	}}
}

// strike runs the flow with faults in its request, lets the client try again as one does, at the other
// process, and sees that all is well. It returns the calls of the faulted request.
func (f *flow) strike(h *host, faults ...fault) []string {
	h.Helper()
	a := f.start(h)
	broken := slices.ContainsFunc(faults, func(f fault) bool { return f.kind == stale })
	a.lenient = broken
	h.faults.arm(nil, faults...)
	first := f.act(a)
	calls := h.faults.disarm()
	a.label = describe(calls, faults...)
	if a.lenient && first == refused {
		first = unknown // such a store may have a request refused, no more
	}
	a.lenient, a.blind, a.process = false, broken, 1

	o := first
	for range 3 {
		if o == unknown {
			o = f.act(a)
		}
	}
	// A client that does not know whether its credential was used can only use it again, and of a code, or
	// in strict mode, a second use ends the grant.
	ended := !(broken && len(faults) == 1) && first == unknown && o == refused && f.redeems && (h.strict || a.exchanges == 0 && a.code != "" && len(a.refresh) == 0)
	switch {
	case len(faults) == 1 && first != done && slices.Contains([]faultKind{applied, repeated, refusal, late, later}, faults[0].kind):
		a.fatalf("one fault of one write reached the client")
	case ended:
		a.dead()
	case o != done && !(first == unknown && f.name == "consent form"):
		a.fatalf("the outcome is %q, then %q", first, o)
	default:
		f.verify(a)
	}
	return calls
}

// unminted runs the flow while what a token is made of cannot be had, then lets the client try again. It
// must be asked for if it is needed for every token.
func (f *flow) unminted(h *host, what string, fail *atomic.Bool, needed bool) {
	h.Helper()
	a := f.start(h)
	a.unminted = true
	fail.Store(true)
	o := f.act(a)
	asked := !fail.Swap(false)
	a.unminted = false
	switch {
	case asked && o == unknown:
		a.must(func() outcome { return f.act(a) })
	case asked || needed || o != done:
		a.fatalf("without %s, asked for: %v, the outcome is %q", what, asked, o)
	}
	f.verify(a)
}

// inDoubt runs the flow so that the client learns nothing, then ends everything, and only then lets the
// write land and the client try again.
func (f *flow) inDoubt(h *host, doubt fault) {
	h.Helper()
	a := f.start(h)
	h.faults.arm(nil, doubt)
	first := f.act(a)
	a.label = describe(h.faults.disarm(), doubt) + ", then EndSubject"
	if first != unknown {
		a.fatalf("the outcome is %q", first)
	}
	a.process = 1
	a.must(a.endSubject)
	a.mustNot("the client's next try after the end", func() outcome { return f.act(a) })
	a.dead()
}

// hangUp runs the flow and cancels its request at one of its calls. It reports whether there was such a call.
func (f *flow) hangUp(h *host, at int) bool {
	h.Helper()
	a := f.start(h)
	live := a.ctx
	ctx, cancel := context.WithCancel(live)
	defer cancel()
	network := h.transport
	a.ctx, h.transport = ctx, &inProcess{h, ctx}
	h.faults.arm(func(call int) {
		if call == at {
			cancel()
		}
	})
	first := f.act(a)
	calls := h.faults.disarm()
	a.ctx, h.transport = live, network
	a.label = describe(calls) + fmt.Sprintf("; the client hung up at call %d", at)
	if first != done && !f.registry { // the registry's are calls of the host, which may give up
		a.fatalf("the outcome is %q", first)
	}
	a.process = 1
	if f.redeems && a.exchanges == 0 {
		// The answer went nowhere: the client has what it had, and asks again.
		a.refresh = a.refresh[:len(a.refresh)-1]
		a.must(a.rotate)
	}
	if f.kills && first != done {
		a.must(func() outcome { return f.act(a) })
	}
	f.verify(a)
	return at < len(calls)
}

// inProcess is a client's way to a server without a network, with a context that can be cancelled at any
// point, as net/http does when the client hangs up.
type inProcess struct {
	h   *host
	ctx context.Context
}

func (p *inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	q := httptest.NewRequestWithContext(p.ctx, r.Method, r.URL.String(), r.Body)
	q.Header = r.Header
	w := httptest.NewRecorder()
	for _, process := range p.h.processes {
		if strings.HasPrefix(r.URL.String(), process.url+"/") {
			process.handler.ServeHTTP(w, q)
		}
	}
	res := w.Result()
	res.Request = r
	return res, nil
}
