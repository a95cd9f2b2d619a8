package storetest_test

import (
	"context"
	"encoding/gob"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

// dialer is what drivers take.
type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// served is a plain store that a server offers on loopback.
type served struct {
	*plain
	addr string
}

// request and reply are the messages of the protocol. Each connection begins with a Hello.
type request struct {
	Method       string
	Record       store.Record
	Keys         []string
	Label, After string
	Limit        int
	Before       int64
}

type reply struct {
	Records []store.Record
	Next    string
	N       int
	Err     string
}

// connect returns a right client of a new plain store.
func connect(t testing.TB) store.Store {
	return connected(t, serve(t), new(net.Dialer).DialContext, fault{})
}

// connected returns a client with a fault of the data of s.
func connected(t testing.TB, s store.Store, dial dialer, f fault) store.Store {
	c := &client{dial: dial, fault: f}
	switch s := s.(type) {
	case *served:
		c.addr = s.addr
	case *client:
		c.addr = s.addr
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// serve offers a new plain store until the test ends.
func serve(t testing.TB) store.Store {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{plain: newPlain(), addr: l.Addr().String()}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { l.Close() })
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { s.answer(conn) })
		}
	})
	return s
}

// answer answers the requests of one connection.
func (s *served) answer(conn net.Conn) {
	defer conn.Close()
	in, out := gob.NewDecoder(conn), gob.NewEncoder(conn)
	for {
		var q request
		if in.Decode(&q) != nil {
			return
		}
		var a reply
		var err error
		ctx := context.Background()
		switch q.Method {
		case "Create":
			err = s.Create(ctx, q.Record)
		case "Get":
			a.Records, err = s.Get(ctx, q.Keys...)
		case "Swap":
			err = s.Swap(ctx, q.Record)
		case "List":
			a.Records, a.Next, err = s.List(ctx, q.Label, q.After, q.Limit)
		case "Sweep":
			a.N, err = s.Sweep(ctx, q.Before, q.Limit)
		case "Set":
			s.set(q.Record)
		}
		if err != nil {
			a.Err = err.Error()
		}
		if out.Encode(a) != nil {
			return
		}
	}
}

// client is a store whose data a server has, with a pool of connections. Without a fault it is right.
type client struct {
	dial  dialer
	addr  string
	fault fault

	mu     sync.Mutex
	idle   []*wire
	closed bool
}

// wire is a connection of a client.
type wire struct {
	net.Conn
	in  *gob.Decoder
	out *gob.Encoder
}

var _ store.Store = (*client)(nil)

// call sends q and returns the reply to it.
func (c *client) call(ctx context.Context, q request) (a reply, err error) {
	if c.fault.call != nil {
		return c.fault.call(c, ctx, q)
	}
	return c.once(ctx, q)
}

// once is call in one attempt.
func (c *client) once(ctx context.Context, q request) (a reply, err error) {
	if err := ctx.Err(); err != nil {
		return reply{}, err
	}
	w, err := c.take(ctx)
	if err != nil {
		return reply{}, err
	}
	a, err = c.exchange(ctx, w, q)
	if err == nil || c.fault.keeps != nil && c.fault.keeps(ctx) {
		c.put(w)
	} else {
		w.Close()
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	switch a.Err {
	case "":
	case store.ErrExists.Error():
		err = store.ErrExists
	case store.ErrConflict.Error():
		err = store.ErrConflict
	default:
		err = errors.New(a.Err)
	}
	return a, err
}

// exchange makes one round trip.
func (c *client) exchange(ctx context.Context, w *wire, q request) (a reply, err error) {
	if !c.fault.waits {
		defer w.SetDeadline(time.Time{})
		defer context.AfterFunc(ctx, func() { w.SetDeadline(time.Unix(1, 0)) })()
	}
	if err = w.out.Encode(q); err == nil {
		err = w.in.Decode(&a)
	}
	return a, err
}

// take returns a connection, idle or new.
func (c *client) take(ctx context.Context) (*wire, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, errClosed
	}
	if n := len(c.idle); n > 0 {
		w := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return w, nil
	}
	c.mu.Unlock()
	conn, err := c.dial(ctx, "tcp", c.addr)
	if err != nil {
		return nil, err
	}
	w := &wire{conn, gob.NewDecoder(conn), gob.NewEncoder(conn)}
	if _, err = c.exchange(ctx, w, request{Method: "Hello"}); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (c *client) put(w *wire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		w.Close()
		return
	}
	c.idle = append(c.idle, w)
}

func (c *client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.fault.leaks {
		return nil // and keep them from the garbage collector, which would close them
	}
	for _, w := range c.idle {
		w.Close()
	}
	c.idle = nil
	return nil
}

func (c *client) Create(ctx context.Context, r store.Record) error {
	if err := r.Check(); err != nil {
		return err
	}
	_, err := c.call(ctx, request{Method: "Create", Record: r})
	return err
}

func (c *client) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	a, err := c.call(ctx, request{Method: "Get", Keys: keys})
	if err != nil {
		return nil, err
	}
	return a.Records, nil
}

func (c *client) Swap(ctx context.Context, r store.Record) error {
	if err := r.Check(); err != nil {
		return err
	}
	_, err := c.call(ctx, request{Method: "Swap", Record: r})
	return err
}

func (c *client) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	a, err := c.call(ctx, request{Method: "List", Label: label, After: after, Limit: limit})
	return a.Records, a.Next, err
}

func (c *client) Sweep(ctx context.Context, before int64, limit int) (int, error) {
	a, err := c.call(ctx, request{Method: "Sweep", Before: before, Limit: limit})
	return a.N, err
}
