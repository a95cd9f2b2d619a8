package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

var leakRules = []rule{
	{
		name: "Handles/LeaveNothing",
		text: "Thousands of calls, some of them cancelled, and Close, where there is one, leave no goroutine and no connection behind.",
		check: func(c *tester) {
			// Goroutines inherit the label, so that those of tests beside this one do not count. Some are no
			// leak: a pool's that is open, or those that a driver starts once.
			const handles, once, pool = 10, 5, 50
			id := rand.Text()
			pprof.Do(c.Context(), pprof.Labels("storetest", id), func(context.Context) {
				for range handles {
					h, p := c.fresh()
					h.work(c.calls / handles)
					if !h.close() {
						h.work(c.calls)
						c.settle(func() string { return goroutines(id, pool) })
						return
					}
					c.settle(p.left)
				}
				c.settle(func() string { return goroutines(id, once) })
			})
		},
	},
}

// fresh returns a tester of a new handle and the proxy it is behind, which without Options.Dial it is not.
func (c *tester) fresh() (*tester, *proxy) {
	if c.o.Dial != nil {
		return c.network()
	}
	return c.with(c.newStore(c.TB)), newProxy()
}

// work makes n calls, some of which end before they are answered.
func (c *tester) work(n int) {
	c.Helper()
	key := "work/" + rand.Text()
	c.chains(n, func(i int) error {
		ctx, short := c.Context(), i%50 == 49
		if short {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(i/50%5)*200*time.Microsecond)
			defer cancel()
		}
		r := rec(fmt.Sprintf("%s/%d", key, i/100), "value", key)
		var err error
		switch (i + i/50) % 10 {
		case 0:
			if err = c.s.Create(ctx, r); errors.Is(err, store.ErrExists) {
				err = nil
			}
		case 1:
			if err = c.s.Swap(ctx, r); errors.Is(err, store.ErrConflict) {
				err = nil
			}
		case 2:
			_, _, err = c.s.List(ctx, key, r.Key, 5)
		case 3:
			_, err = c.s.Sweep(ctx, 2, 5)
		default:
			_, err = c.s.Get(ctx, r.Key, "missing")
		}
		if err != nil && !short {
			return fmt.Errorf("call %d of %d: %w", i, n, err)
		}
		return nil
	})
}

// goroutines returns, if there are more than most of those with the label id, how many and what they do.
func goroutines(id string, most int) string {
	var all, theirs strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&all, 1) // groups of equal ones, with an empty line after each
	left := 0
	for group := range strings.SplitSeq(all.String(), "\n\n") {
		var n int
		if _, err := fmt.Sscanf(group, "%d @", &n); err == nil && strings.Contains(group, id) {
			left += n
			theirs.WriteString("\n" + group)
		}
	}
	if left <= most {
		return ""
	}
	return fmt.Sprintf("%d goroutines are left, want at most %d:%s", left, most, theirs.String())
}
