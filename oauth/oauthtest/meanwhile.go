package oauthtest

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

var meanwhileRules = []rule{
	{
		name: "Meanwhile/SameRequest",
		text: "A request that is sent again while it is answered gets the same refresh token; of a code, and in strict mode, only one is answered, and the grant ends.",
		check: func(c *tester) {
			c.each(allSettings, func(_ setting, f *flow) bool { return f.redeems }, func(h *host, f *flow) {
				for at := 0; f.twice(h, at); at++ {
				}
			})
		},
	},
	{
		name: "Meanwhile/End",
		text: "Whatever ends a user's, an app's or an installation's grants binds the request that it meets: what was read before the end is worth nothing after it.",
		check: func(c *tester) {
			c.each([]setting{registered}, func(_ setting, f *flow) bool { return !f.kills }, func(h *host, f *flow) {
				for _, e := range endings {
					if e.ofUser && f.own {
						continue
					}
					for at := 0; f.endAt(h, e, at); at++ {
					}
				}
			})
		},
	},
	{
		name:  "Newer/GrantFieldsAreKept",
		text:  "An old node's write keeps the fields that a newer one stored in a grant.",
		check: func(c *tester) { c.keepsMarks(func(key string) bool { return strings.HasPrefix(key, "g/") }) },
	},
	{
		name:  "Newer/MembersAreKept",
		text:  "An old node's write keeps the members that a newer one stored in a consent, a subject, an app or an installation.",
		check: func(c *tester) { c.keepsMarks(func(key string) bool { return !strings.HasPrefix(key, "g/") }) },
	},
}

// twice runs the flow and, before one of the calls of its request, the same request at the other process,
// whole. It reports whether there was such a call.
func (f *flow) twice(h *host, at int) bool {
	h.Helper()
	a := f.start(h)
	access, refresh, redeems := len(a.access), len(a.refresh), a.exchanges == 0 && a.code != ""
	same := *a
	same.process, same.access, same.refresh, same.spent = 1, slices.Clone(a.access), slices.Clone(a.refresh), nil
	var other outcome
	h.faults.arm(func(call int) {
		if call == at {
			other = f.act(&same)
		}
	})
	first := f.act(a)
	calls := h.faults.disarm()
	if at >= len(calls) {
		return false
	}
	a.label = describe(calls) + fmt.Sprintf("; call %d met the same request", at)
	a.access = append(a.access, same.access[access:]...)
	a.spent = append(a.spent, same.spent...)
	for _, tok := range same.refresh[refresh:] {
		if !slices.Contains(a.refresh, tok) {
			a.refresh = append(a.refresh, tok)
		}
	}
	switch {
	case other != done:
		a.fatalf("the request that came in between: the outcome is %q", other)
	case redeems || h.strict:
		if first != refused {
			a.fatalf("both requests were answered: the outcome is %q", first)
		}
		a.dead()
	case first != done:
		a.fatalf("the outcome is %q", first)
	case len(a.refresh) != refresh+1:
		a.fatalf("one refresh token has %d successors", len(a.refresh)-refresh)
	default:
		a.settled()
	}
	return true
}

// ending is what ends many grants at once.
type ending struct {
	name          string
	ofUser, ofApp bool // it ends what is of the same user, of the same app
	sessions      bool // it ends the sessions of the user too
	do            func(*attempt) outcome
}

var endings = []ending{
	{name: "EndSubject", ofUser: true, sessions: true, do: (*attempt).endSubject},
	{name: "Disconnect", ofUser: true, ofApp: true, do: (*attempt).disconnect},
	{name: "the end of the app's grants", ofApp: true, do: func(a *attempt) outcome { return registryOutcome(a.endGrants(a.ctx, a.app)) }},
	{name: "the removal of the installation", ofApp: true, do: func(a *attempt) outcome { return registryOutcome(a.uninstall(a.ctx, a.app)) }},
}

// endAt runs the flow and, before one of the calls of its request, the ending. It reports whether there was
// such a call.
func (f *flow) endAt(h *host, e ending, at int) bool {
	h.Helper()
	h.install(f.app)
	a := f.start(h)
	access, refresh, code := len(a.access), len(a.refresh), a.code
	before := *a // what the ending knows of it
	before.process = 1
	bound := false // the ending came after the request had read what it changes
	h.faults.arm(func(call int) {
		if call == at {
			bound = h.faults.meets(func() { before.must(func() outcome { return e.do(&before) }) })
		}
	})
	a.lenient = true
	first := f.act(a)
	calls := h.faults.disarm()
	if at >= len(calls) {
		return false
	}
	a.label = describe(calls) + fmt.Sprintf("; call %d met %s", at, e.name)
	if first == unknown {
		a.fatalf("the outcome is %q", first)
	}
	if f.starts && !bound && (a.browser == nil || !e.sessions) {
		// What begins after the end is not bound by it, unless it rests on a session that has ended. All
		// that was there before is.
		a.access, a.refresh, a.code = a.access[:access], a.refresh[:min(refresh, len(a.refresh))], code
	}
	a.dead()
	return true
}

// keepsMarks runs every flow on records that a newer version of the library rewrites before each read, and
// sees that its mark is in what is written back to those of the keys that concern asks for.
func (c *tester) keepsMarks(concerns func(key string) bool) {
	c.Helper()
	var kept atomic.Int64
	c.each([]setting{registered}, every, func(h *host, f *flow) {
		h.faults.newer = true
		f.strike(h)
		for key, held := range h.faults.rewritten {
			switch {
			case !concerns(key):
			case held:
				kept.Add(1)
			default:
				h.Errorf("a write of %s dropped what a newer version had stored", key)
			}
		}
	})
	if kept.Load() == 0 && !c.Failed() {
		c.Error("no write was seen that could keep it")
	}
}
