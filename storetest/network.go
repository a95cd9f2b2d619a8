package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

// maxTurns is how many requests of one call a fault is tried at: more than any call should need.
const maxTurns = 24

var networkRules = []rule{
	{
		name:    "Network/DeadlineHolds",
		network: true,
		text:    "While the engine says nothing, on connections old and new, a call ends with an error that is no sentinel, at most a second after its context's deadline; afterwards the store works.",
		check: func(c *tester) {
			const deadline, more = 300 * time.Millisecond, time.Second
			r := rec("key", "value", "label")
			c.create(r)
			n, p := c.network(r)
			calls := n.impatient(deadline+more).methods(r, "new")
			p.set(hanging)
			errs := c.race(len(calls), func(i int) error {
				ctx, cancel := context.WithTimeout(c.Context(), deadline)
				defer cancel()
				return calls[i].call(ctx)
			})
			p.set(passing)
			c.wantNoAnswer("with a deadline while the engine says nothing", calls, errs)
			n.recover(r.Key)
		},
	},
	{
		name:    "Network/OutageIsAnError",
		network: true,
		text:    "While the engine cannot be reached each method returns an error that is no sentinel: no record is absent for it, and no write refused. Afterwards the store works.",
		check: func(c *tester) {
			r := rec("key", "value", "label")
			c.create(r)
			n, p := c.network(r)
			calls := n.methods(r, "new")
			for m, how := range map[mode]string{refusing: "while connections are refused", slamming: "while connections are cut"} {
				p.set(m)
				errs := c.race(len(calls), func(i int) error {
					ctx, cancel := context.WithTimeout(c.Context(), 5*time.Second)
					defer cancel()
					return calls[i].call(ctx)
				})
				p.set(passing)
				c.wantNoAnswer(how, calls, errs)
				n.recover(r.Key)
			}
			c.want("after the outages", r)
			c.absent("after the outages", "new")
		},
	},
	lost("RequestLost", "the request is lost with its connection", loseRequest),
	lost("ReplyLost", "the reply is lost with its connection, or the rest of it", loseReply, tearReply),
	{
		name:    "Network/CancelledCall",
		text:    "A call whose context ends while its reply is on the way leaves the old record or the new one, and no later call gets that reply or a broken connection.",
		strict:  true,
		network: true,
		check: func(c *tester) {
			var others []store.Record
			for i := range 16 {
				others = append(others, rec(fmt.Sprintf("other/%d", i), fmt.Sprintf("value of %d", i)))
			}
			c.create(others...)
			n, p := c.network(others...)
			c.each(func(turn int) (struck bool) {
				r := rec(fmt.Sprintf("key/%d", turn), "old")
				c.create(r)
				n.recover(r.Key)
				w := next(r, "new")
				err, swap := p.cancelled(c, turn, func(ctx context.Context) error { return n.s.Swap(ctx, w) })
				w.Version++
				c.outcome(fmt.Sprintf("Swap, cancelled before its reply %d", turn), err, store.ErrConflict, r, w)
				_, get := p.cancelled(c, turn, func(ctx context.Context) error { _, err := n.s.Get(ctx, r.Key); return err })
				for i, err := range c.race(len(others), func(i int) error { return n.reads(others[i]) }) {
					if err != nil {
						c.Errorf("after a call was cancelled before its reply %d: %v", turn, err)
					}
					if err := n.reads(others[i]); err != nil {
						c.Errorf("later, after a call was cancelled before its reply %d: %v", turn, err)
					}
				}
				return swap || get
			})
		},
	},
}

// lost is the rule that a call whose connection is cut tells no lies, wherever it is cut.
func lost(name, how string, faults ...fault) rule {
	return rule{
		name: "Network/" + name,
		text: "When " + how + ", a write is an error or nil, and whole or undone; nil means that it is there, and a sentinel that something stands against it; sent again it happens at most once. A read is an error or right.",
		// A write that is repeated at a version read anew takes back what another wrote.
		strict:  true,
		network: true,
		check: func(c *tester) {
			there := rec("there", "value", "label")
			c.create(there)
			n, p := c.network(there)
			for _, f := range faults {
				c.each(func(turn int) (struck bool) {
					at := fmt.Sprintf("cut %s %d", f, turn)
					during := func(key string, call func() error) error {
						n.recover(key)
						p.arm(f, turn)
						err := call()
						struck = p.disarm() || struck
						return err
					}
					key := fmt.Sprintf("key/%d/%d", f, turn)
					label := "label/" + key
					r := rec(key, "old", label)
					list := map[bool][]string{true: {key}}

					err := during(key, func() error { return n.s.Create(c.Context(), r) })
					done := c.outcome("Create, "+at, err, store.ErrExists, store.Record{Key: key}, r)
					c.wantList("after a Create, "+at, label, list[done]...)
					n.recover(key)
					c.again("the same Create", n.s.Create(c.Context(), r), store.ErrExists, done)
					c.want("after the same Create", r)
					c.wantList("after the same Create", label, key)

					w := next(r, "new")
					r2 := w
					r2.Version++
					err = during(key, func() error { return n.s.Swap(c.Context(), w) })
					done = c.outcome("Swap, "+at, err, store.ErrConflict, r, r2)
					n.recover(key)
					c.again("the same Swap", n.s.Swap(c.Context(), w), store.ErrConflict, done)
					c.want("after the same Swap", r2)

					if err = during(there.Key, func() error { return n.reads(there) }); err != nil && !errors.Is(err, errNoAnswer) {
						c.Errorf("%s: %v", at, err)
					}
					if err = during(there.Key, func() error { return n.lists(there) }); err != nil && !errors.Is(err, errNoAnswer) {
						c.Errorf("%s: %v", at, err)
					}
					return struck
				})
			}
		},
	}
}

// each calls f for each turn of a call, until a call had no such turn. There is a first.
func (c *tester) each(f func(turn int) (struck bool)) {
	c.Helper()
	turn := 1
	for turn <= maxTurns && f(turn) {
		turn++
	}
	if turn == 1 {
		c.Errorf("a call sent nothing over the connections of Options.Dial: this case saw nothing")
	}
}

// network returns a tester of another handle on the same data, whose connections go through a proxy. It has
// read rs.
func (c *tester) network(rs ...store.Record) (*tester, *proxy) {
	c.Helper()
	p := newProxy()
	c.Cleanup(p.close)
	n := c.with(c.o.Dial(c.TB, c.own, p.dial))
	c.Cleanup(func() { p.set(passing) }) // before the handle is closed
	n.want("through connections of Options.Dial", rs...)
	if len(rs) > 0 && p.dialled.Load() == 0 {
		c.Fatalf("the store of Options.Dial answers without a call of dial: these cases would see nothing")
	}
	return n, p
}

// recover waits until a handle answers again, for a key or without a record.
func (c *tester) recover(key string) {
	c.Helper()
	c.settle(func() string {
		_, err := c.s.Get(c.Context(), key)
		if err == nil {
			return ""
		}
		return fmt.Sprintf("and with the engine in reach again, Get(%q) = %v, want a record or none", key, err)
	})
}

// wantNoAnswer fails the case unless each call ended with an error that is no sentinel.
func (c *tester) wantNoAnswer(how string, calls []method, errs []error) {
	c.Helper()
	for i, err := range errs {
		if err == nil || refused(err) {
			c.Errorf("%s %s = %v, want an error that is no sentinel", calls[i].name, how, err)
		}
	}
}

// outcome judges a write whose outcome err may not tell, and reports whether it happened: the record is then
// after, or else before.
func (c *tester) outcome(call string, err, sentinel error, before, after store.Record) (done bool) {
	c.Helper()
	got := c.get(after.Key)
	done = same(got, after)
	switch {
	case !done && !same(got, before):
		c.Fatalf("%s = %v\n got %s\nwant %s\n  or %s", call, err, show(got), show(before), show(after))
	case !done && err == nil:
		c.Errorf("%s = nil, but nothing is written: the record is %s", call, show(got))
	case !done && errors.Is(err, sentinel):
		c.Errorf("%s = %v, but nothing stands against it: the record is %s", call, err, show(got))
	case refused(err) && !errors.Is(err, sentinel):
		c.Errorf("%s = %v, want nil, %v, or an error that is no sentinel", call, err, sentinel)
	}
	return done
}

// again judges a write that was sent a second time, and was done the first time or not.
func (c *tester) again(call string, err, sentinel error, done bool) {
	c.Helper()
	if done && !errors.Is(err, sentinel) {
		c.Errorf("%s, after one that happened = %v, want %v", call, err, sentinel)
	} else if !done && err != nil {
		c.Errorf("%s, after one that did not happen = %v, want nil", call, err)
	}
}

// errNoAnswer marks the error of a store, as against a wrong answer.
var errNoAnswer = errors.New("no answer")

// reads returns an error if Get of r's key does not give r.
func (c *tester) reads(r store.Record) error {
	rs, err := c.s.Get(c.Context(), r.Key)
	if err != nil {
		return fmt.Errorf("Get(%q): %w: %w", r.Key, errNoAnswer, err)
	}
	if len(rs) != 1 || !same(rs[0], r) {
		return fmt.Errorf("Get(%q) gave %s, want %s", r.Key, showAll(rs), show(r))
	}
	return nil
}

// lists returns an error if List of r's label does not give r alone.
func (c *tester) lists(r store.Record) error {
	rs, _, err := c.s.List(c.Context(), r.Labels[0], "", 10)
	if err != nil {
		return fmt.Errorf("List(%q): %w: %w", r.Labels[0], errNoAnswer, err)
	}
	if len(rs) != 1 || !same(rs[0], r) {
		return fmt.Errorf("List(%q) gave %s, want %s", r.Labels[0], showAll(rs), show(r))
	}
	return nil
}

// cancelled makes a call whose context ends while the reply of a turn is held, lets the reply go on once the
// call has returned, or after a second, and returns what the call did and whether a reply was held.
func (p *proxy) cancelled(c *tester, turn int, call func(context.Context) error) (err error, struck bool) {
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	held := p.arm(holdReply, turn)
	done := make(chan error, 1)
	go func() { done <- call(ctx) }()
	select {
	case <-held:
	case err = <-done:
		return err, p.disarm()
	}
	cancel()
	select {
	case err = <-done:
		return err, p.disarm()
	case <-time.After(time.Second):
	}
	struck = p.disarm()
	return <-done, struck
}
