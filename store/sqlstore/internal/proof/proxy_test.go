package proof_test

import (
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/engine"
)

// proxy passes connections on to a server, and cuts some of them.
type proxy struct {
	net.Listener
	server string
	cuts   [4]atomic.Int64 // by place

	mu    sync.Mutex
	often float64 // the share of requests that are cut; 1 is an outage, in which there are no new connections either
	rand  *rand.Rand
}

// place is where a connection ends.
type place int

const (
	nowhere place = iota
	beforeRequest
	afterRequest
	inReply
)

// newProxy starts a proxy that cuts nothing until it is told how often.
func newProxy(t testing.TB, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	seed := rand.Uint64()
	t.Logf("the proxy's seed is %d", seed)
	p := &proxy{Listener: l, server: server, rand: rand.New(rand.NewPCG(seed, 0))}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if p.down() {
				conn.Close()
				continue
			}
			go p.pass(conn)
		}
	}()
	return p
}

// cut sets the share of requests that are cut.
func (p *proxy) cut(often float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.often = often
}

func (p *proxy) down() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.often == 1
}

// choose says where to cut the connection of the next request, and a number to go with it.
func (p *proxy) choose() (place, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	where := nowhere
	if p.rand.Float64() < p.often {
		where = place(1 + p.rand.IntN(3))
		p.cuts[where].Add(1)
	}
	return where, p.rand.IntN(1 << 30)
}

// pass serves one connection. What arrives from the client at once is taken for one request.
func (p *proxy) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()

	var short atomic.Int64 // how much of the next reply passes, plus one; 0: all
	go func() {
		defer client.Close()
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if s := short.Load(); s > 0 {
				client.Write(b[:int(s-1)%max(n, 1)])
				return
			}
			if _, werr := client.Write(b[:n]); err != nil || werr != nil {
				return
			}
		}
	}()

	b := make([]byte, 256<<10)
	for {
		n, err := client.Read(b)
		if err != nil {
			return
		}
		where, number := p.choose()
		switch where {
		case beforeRequest:
			return
		case inReply:
			short.Store(int64(number) + 1)
		case afterRequest:
			client.Close()
			time.Sleep(time.Duration(number%20) * time.Millisecond) // what is on its way may arrive late
		}
		if _, err := server.Write(b[:n]); err != nil {
			return
		}
		if where == afterRequest {
			time.Sleep(time.Duration(number%7) * time.Millisecond) // the server is at it, or has answered
			return
		}
	}
}

func TestConnectionsThatAreCut(t *testing.T) {
	t.Parallel()
	length := time.Minute
	if testing.Short() {
		length = 10 * time.Second
	}
	for _, test := range []struct {
		name   string
		strict bool
		weak   string
	}{
		{"no token has two successors and no end is lost", false, ""},
		{"in strict mode, no good grant is ended and no lost one lives", true, ""},
		{"a store that takes a cut for a success is found out", false, "optimist"},
		{"a store that writes over others is found out", false, "stubborn"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pg := engine.Postgres(t, nil)
			sys, _ := newSystem(t, pg.DSN("postgres"))
			p := newProxy(t, pg.Addr)
			sys.DSN = strings.Replace(sys.DSN, pg.Addr, p.Addr().String(), 1)
			sys.Strict, sys.Weak = test.strict, test.weak
			l := newLoad(t, sys, 8)
			length := length
			if test.weak != "" {
				length = time.Minute // at most
			}
			outages := 0
			l.during(t, func() {
				for began := time.Now(); time.Since(began) < length && !(test.weak != "" && l.count() > 0); outages++ {
					p.cut(0.02)
					time.Sleep(time.Duration(200+rand.IntN(400)) * time.Millisecond)
					p.cut(1)
					time.Sleep(time.Duration(50+rand.IntN(100)) * time.Millisecond)
				}
				p.cut(0)
			})
			l.finish()
			l.log(t, "%d outages, connections cut: %d before a request, %d after one, %d in the reply", outages,
				p.cuts[beforeRequest].Load(), p.cuts[afterRequest].Load(), p.cuts[inReply].Load())
			l.report(t, test.weak != "")
		})
	}
}
