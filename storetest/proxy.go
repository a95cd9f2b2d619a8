package storetest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// proxy stands between a store and its engine. A case tells it what to let through. It looks at directions
// and numbers of bytes alone, so that it serves every protocol, encrypted or not.
type proxy struct {
	pumps   sync.WaitGroup
	dialled atomic.Int64 // connections that were asked for

	mu      sync.Mutex
	changed *sync.Cond // mode, or what is held
	links   map[*link]bool
	mode    mode

	fault  fault
	at     int           // the turn from which on fault strikes
	turn   int           // requests since the fault was armed
	struck chan struct{} // closed when it did
}

// mode is what a proxy does with connections.
type mode int

const (
	passing  mode = iota
	hanging       // they are made, and nothing that is sent arrives
	refusing      // they are cut, and new ones are refused
	slamming      // they are cut, new ones as soon as they are made
)

// fault strikes once, at a request or its reply.
type fault int

const (
	none        fault = iota
	loseRequest       // the connection is cut, and the request did not arrive
	loseReply         // the request arrived, and the connection is cut before the reply
	tearReply         // the same, within the reply
	holdReply         // the request arrived, and the reply waits for release
)

// String says where the connection is cut.
func (f fault) String() string {
	return map[fault]string{loseRequest: "before request", loseReply: "before reply", tearReply: "in reply"}[f]
}

// link is one connection of the store's and its continuation to the engine.
type link struct {
	client, server net.Conn
	asking         bool // what passed last was a request
	held           bool // what comes next waits
	waiting        bool // for the end of a hang
	cut            bool
}

func newProxy() *proxy {
	p := &proxy{links: make(map[*link]bool)}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// dial connects to the engine through the proxy. The caller's end is a TCP connection whatever the
// network is, since drivers look for one.
func (p *proxy) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	p.dialled.Add(1)
	p.mu.Lock()
	m := p.mode
	p.mu.Unlock()
	if m == refusing {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	var d net.Dialer
	server, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	client, here, err := pair(ctx)
	if err != nil {
		server.Close()
		return nil, err
	}
	l := &link{client: here, server: server}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode == refusing || p.mode == slamming {
		p.cut(l)
		return client, nil
	}
	p.links[l] = true
	p.pumps.Go(func() { p.pump(l, l.server, l.client, true) })
	p.pumps.Go(func() { p.pump(l, l.client, l.server, false) })
	return client, nil
}

// pair returns the two ends of a TCP connection.
func pair(ctx context.Context) (a, b net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	var d net.Dialer
	if a, err = d.DialContext(ctx, "tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	if b, err = l.Accept(); err != nil {
		a.Close()
		return nil, nil, err
	}
	return a, b, nil
}

// pump moves the bytes of one direction until one side closes or the link is cut.
func (p *proxy) pump(l *link, to, from net.Conn, request bool) {
	buf := make([]byte, 32<<10)
	for on := true; on; {
		n, err := from.Read(buf)
		if n > 0 {
			n, on = p.admit(l, n, request)
			if _, werr := to.Write(buf[:n]); err == nil {
				err = werr
			}
		}
		on = on && err == nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut(l)
}

// admit returns, when it is time, how many of n bytes go on, and whether the link does.
func (p *proxy) admit(l *link, n int, request bool) (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if request && !l.asking {
		p.turn++
	}
	l.asking = request
	if p.fault != none && p.turn >= p.at && request == (p.fault == loseRequest) {
		f := p.fault
		p.fault = none
		close(p.struck)
		switch f {
		case loseRequest, loseReply:
			return 0, false
		case tearReply:
			return n / 2, false
		case holdReply:
			l.held = true
		}
	}
	for !l.cut && (p.mode == hanging || l.held && !request) {
		l.waiting = l.waiting || p.mode == hanging
		p.changed.Wait()
	}
	return n, !l.cut
}

// cut ends l. p.mu is held.
func (p *proxy) cut(l *link) {
	l.cut = true
	l.client.Close()
	l.server.Close()
	delete(p.links, l)
	p.changed.Broadcast()
}

// set changes the mode. What waited in a hang does not arrive later: its connection is cut.
func (p *proxy) set(m mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
	for l := range p.links {
		if m == refusing || m == slamming || l.waiting {
			p.cut(l)
		}
	}
}

// arm makes f strike once, at the given request, counted from 1, or at the first reply after that: the reply to
// it, or to one that another connection sent in the meantime. The channel is closed when it does.
func (p *proxy) arm(f fault, at int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.at, p.turn, p.struck = f, at, 0, make(chan struct{})
	for l := range p.links {
		l.asking = false
	}
	return p.struck
}

// disarm lets all through again that is held, and reports whether the fault struck.
func (p *proxy) disarm() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = none
	for l := range p.links {
		l.held = false
	}
	p.changed.Broadcast()
	select {
	case <-p.struck:
		return true
	default:
		return false
	}
}

// left says, unless there are none, how many connections there are.
func (p *proxy) left() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.links) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d connections are open", len(p.links), p.dialled.Load())
}

// close ends all connections.
func (p *proxy) close() {
	p.set(refusing)
	p.pumps.Wait()
}
