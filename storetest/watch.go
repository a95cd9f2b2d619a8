package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

// watched is a store whose calls end. One that does not return, at all or before patience is over, fails the
// case and gives an error, so that it does not hide what other calls found.
type watched struct {
	t        testing.TB
	s        store.Store
	patience time.Duration
}

// answer is what a call returned.
type answer struct {
	records []store.Record
	next    string
	n       int
	err     error
	fault   string // in place of an answer
}

var errNoReturn = errors.New("storetest: the call did not return")

func (w watched) call(method string, f func() answer) answer {
	done := make(chan answer, 1)
	go func() {
		a := answer{err: errNoReturn, fault: "ended its goroutine"}
		defer func() {
			if p := recover(); p != nil {
				a.fault = fmt.Sprintf("panicked: %v\n%s", p, debug.Stack())
			}
			done <- a
		}()
		a = f()
	}()
	timer := time.NewTimer(w.patience)
	defer timer.Stop()
	select {
	case a := <-done:
		if a.fault != "" {
			w.t.Errorf("%s %s", method, a.fault)
		}
		return a
	case <-timer.C:
		w.t.Errorf("%s did not return within %v", method, w.patience)
		return answer{err: errNoReturn}
	}
}

func (w watched) Create(ctx context.Context, r store.Record) error {
	return w.call("Create", func() answer { return answer{err: w.s.Create(ctx, r)} }).err
}

func (w watched) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	a := w.call("Get", func() (a answer) { a.records, a.err = w.s.Get(ctx, keys...); return a })
	return a.records, a.err
}

func (w watched) Swap(ctx context.Context, r store.Record) error {
	return w.call("Swap", func() answer { return answer{err: w.s.Swap(ctx, r)} }).err
}

func (w watched) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	a := w.call("List", func() (a answer) { a.records, a.next, a.err = w.s.List(ctx, label, after, limit); return a })
	return a.records, a.next, a.err
}

func (w watched) Sweep(ctx context.Context, before int64, limit int) (int, error) {
	a := w.call("Sweep", func() (a answer) { a.n, a.err = w.s.Sweep(ctx, before, limit); return a })
	return a.n, a.err
}

// settle waits until all is well, as f says by an empty text, and fails the case if that takes too long.
func (c *tester) settle(f func() string) {
	c.Helper()
	fault, long := f(), c.patience/6
	for end := time.Now().Add(long); fault != ""; fault = f() {
		if time.Now().After(end) {
			c.Fatalf("%v later %s", long, fault)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// method is one of the five with arguments, to be called with a context.
type method struct {
	name string
	call func(context.Context) error
}

// methods returns a call of each method which, were it not for the context or the engine, would succeed: r is
// a record that is there, new the key of one that is not.
func (c *tester) methods(r store.Record, newKey string) []method {
	return []method{
		{"Create", func(ctx context.Context) error { return c.s.Create(ctx, rec(newKey, "value", r.Labels...)) }},
		{"Get", func(ctx context.Context) error { _, err := c.s.Get(ctx, r.Key); return err }},
		{"Swap", func(ctx context.Context) error { return c.s.Swap(ctx, next(r, "another value")) }},
		{"List", func(ctx context.Context) error { _, _, err := c.s.List(ctx, r.Labels[0], "", 10); return err }},
		{"Sweep", func(ctx context.Context) error { _, err := c.s.Sweep(ctx, r.Expires+1, 10); return err }},
	}
}
