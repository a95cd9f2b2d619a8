package storetest_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/storetest"
)

// fault is what a client does wrong.
type fault struct {
	call  func(c *client, ctx context.Context, q request) (reply, error) // in place of once
	keeps func(context.Context) bool                                     // whether a connection that failed is used again
	waits bool                                                           // for a reply, whatever the context says
	leaks bool                                                           // connections, when it is closed
}

// over returns the options of a run in which Dial gives clients with a fault.
func over(f fault) *storetest.Options {
	return &storetest.Options{
		Reopen: sameHandle,
		Dial: func(t testing.TB, s store.Store, dial func(context.Context, string, string) (net.Conn, error)) store.Store {
			return connected(t, s, dial, f)
		},
	}
}

// lost reports whether err is that of a connection, not of a server.
func lost(err error) bool {
	return err != nil && !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrConflict) && !errors.Is(err, errClosed)
}

// answering makes a client answer in place of the server where a connection fails.
func answering(instead func(q request, err error) (reply, error)) fault {
	return fault{call: func(c *client, ctx context.Context, q request) (reply, error) {
		a, err := c.once(ctx, q)
		if lost(err) {
			return instead(q, err)
		}
		return a, err
	}}
}

// again makes a client send a request a second time when its connection fails.
func again(change func(c *client, ctx context.Context, q *request) error) fault {
	return fault{call: func(c *client, ctx context.Context, q request) (reply, error) {
		a, err := c.once(ctx, q)
		for range 3 {
			if !lost(err) {
				break
			}
			if changed := change(c, ctx, &q); changed != nil {
				return reply{}, changed
			}
			a, err = c.once(ctx, q)
		}
		return a, err
	}}
}

// wireMutant is a fault of a client and the cases that must fail for it.
type wireMutant struct {
	name  string
	fault fault
	fails string
}

var wireMutants = []wireMutant{
	{"a call waits for its reply whatever the context says", fault{waits: true}, `Network/DeadlineHolds`},
	{"a record is absent when the engine cannot be asked", answering(func(q request, err error) (reply, error) {
		if q.Method != "Get" {
			return reply{}, err
		}
		var a reply
		for _, k := range q.Keys {
			a.Records = append(a.Records, store.Record{Key: k})
		}
		return a, nil
	}), `Network/DeadlineHolds Network/OutageIsAnError Network/RequestLost Network/ReplyLost`},
	{"a list is empty when the engine cannot be asked", answering(func(q request, err error) (reply, error) {
		if q.Method != "List" {
			return reply{}, err
		}
		return reply{}, nil
	}), `Network/DeadlineHolds Network/OutageIsAnError Network/RequestLost Network/ReplyLost`},
	{"a failed Swap is a conflict", answering(func(q request, err error) (reply, error) {
		if q.Method == "Swap" {
			err = store.ErrConflict
		}
		return reply{}, err
	}), `Network/DeadlineHolds Network/OutageIsAnError Network/RequestLost`},
	{"a failed Create is one of a key that exists", answering(func(q request, err error) (reply, error) {
		if q.Method == "Create" {
			err = store.ErrExists
		}
		return reply{}, err
	}), `Network/DeadlineHolds Network/OutageIsAnError Network/RequestLost`},
	{"the error of a write is dropped", answering(func(q request, err error) (reply, error) {
		if q.Method == "Swap" || q.Method == "Create" {
			err = nil
		}
		return reply{}, err
	}), `Network/DeadlineHolds Network/OutageIsAnError Network/RequestLost`},
	{"the error of Sweep is dropped", answering(func(q request, err error) (reply, error) {
		if q.Method == "Sweep" {
			err = nil
		}
		return reply{}, err
	}), `Network/DeadlineHolds Network/OutageIsAnError`},
	{"a Swap is repeated at the version that is there now", again(func(c *client, ctx context.Context, q *request) error {
		if q.Method != "Swap" {
			return nil
		}
		a, err := c.once(ctx, request{Method: "Get", Keys: []string{q.Record.Key}})
		if err == nil {
			q.Record.Version = a.Records[0].Version
		}
		return err
	}), `Network/ReplyLost`},
	{"a Create is repeated under another version", again(func(c *client, ctx context.Context, q *request) error {
		if q.Method == "Create" {
			q.Record.Version++
		}
		return nil
	}), `Network/RequestLost`},
	{"a connection that failed is used again", fault{keeps: func(context.Context) bool { return true }},
		`Network/DeadlineHolds Network/OutageIsAnError Network/RequestLost Network/ReplyLost Network/CancelledCall`},
	{"a call that was cancelled leaves its reply to the next", fault{keeps: func(ctx context.Context) bool { return ctx.Err() != nil }},
		`Network/CancelledCall`},
	{"a call tries for ever", fault{call: func(c *client, ctx context.Context, q request) (reply, error) {
		a, err := c.once(ctx, q)
		for lost(err) {
			a, err = c.once(context.WithoutCancel(ctx), q)
		}
		return a, err
	}}, `Network/DeadlineHolds Network/OutageIsAnError`},
	{"Create writes the labels in a second request", fault{call: func(c *client, ctx context.Context, q request) (reply, error) {
		if q.Method != "Create" {
			return c.once(ctx, q)
		}
		whole := q.Record
		q.Record.Labels = nil
		a, err := c.once(ctx, q)
		if err == nil {
			a, err = c.once(ctx, request{Method: "Set", Record: whole})
		}
		return a, err
	}}, `Network/RequestLost Network/ReplyLost`},
	{"Close leaves connections open", fault{leaks: true}, `Handles/LeaveNothing`},
}

func TestRunOverANetwork(t *testing.T) {
	o := over(fault{})
	o.Reopen = func(t testing.TB, s store.Store) store.Store {
		return connected(t, s, new(net.Dialer).DialContext, fault{})
	}
	checkFailing(t, connect, o, new(clock).sleep, "")
}

func TestRunFindsBrokenClients(t *testing.T) {
	for _, m := range wireMutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			checkFailing(t, serve, over(m.fault), new(clock).sleep, m.fails)
		})
	}
}
