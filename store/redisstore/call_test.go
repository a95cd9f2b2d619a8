package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/store"
)

func TestScriptsThatAServerForgot(t *testing.T) {
	both(t, func(t *testing.T, client redis.UniversalClient) {
		s := opened(t, client)
		for range 2 {
			useAll(t, s)
			if err := client.ScriptFlush(t.Context()).Err(); err != nil { // of all masters
				t.Fatal(err)
			}
		}
	})
}

// cutter cuts connections. It is armed for one request, the first that holds mark.
type cutter struct {
	mark  []byte
	after bool // the server answered, else before it is asked
	armed atomic.Bool
	sent  atomic.Int32 // requests that hold mark
}

func (c *cutter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return &cutConn{Conn: conn, cutter: c}, err
}

type cutConn struct {
	net.Conn
	cutter *cutter
	cut    bool
}

func (c *cutConn) Write(b []byte) (int, error) {
	if bytes.Contains(b, c.cutter.mark) && c.cutter.armed.Load() {
		c.cutter.sent.Add(1)
		if c.cut = true; !c.cutter.after {
			c.Close()
			return 0, syscall.ECONNRESET
		}
	}
	return c.Conn.Write(b)
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.cut {
		c.Close()
		return 0, io.EOF
	}
	return n, err
}

// TestWritesAreSentOnce holds that no write is repeated when its outcome is unknown, however many retries
// the client is told to make.
func TestWritesAreSentOnce(t *testing.T) {
	addr, addrs := node(t), nodes(t)
	for _, cluster := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("cluster %t, after the effect %t", cluster, after), func(t *testing.T) {
				cut := &cutter{mark: []byte("r:the-key"), after: after}
				var client, plain redis.UniversalClient
				if cluster {
					client = dialCluster(t, addrs, func(o *redis.ClusterOptions) { o.Dialer, o.MaxRetries, o.MaxRedirects = cut.dial, 5, 8 })
					plain = dialCluster(t, addrs, nil)
				} else {
					client = dial(t, addr, func(o *redis.Options) { o.Dialer, o.MaxRetries = cut.dial, 5 })
					plain = dial(t, addr, nil)
				}
				s := opened(t, client)
				other := openedAt(t, plain, s.Prefix())
				r := store.Record{Key: "the-key", Version: 41, Value: []byte("first")}
				if err := other.Swap(t.Context(), r); !errors.Is(err, store.ErrConflict) { // the server has the script then
					t.Fatalf("Swap of an absent record = %v, want %v", err, store.ErrConflict)
				}
				for _, write := range []struct {
					name string
					call func(context.Context, store.Record) error
				}{{"Create", s.Create}, {"Swap", s.Swap}} {
					cut.sent.Store(0)
					cut.armed.Store(true)
					err := write.call(t.Context(), r)
					cut.armed.Store(false)
					if err == nil || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) {
						t.Errorf("%s over a cut connection = %v, want an error that is no sentinel", write.name, err)
					}
					if n := cut.sent.Load(); n != 1 {
						t.Errorf("%s was sent %d times, want once", write.name, n)
					}
					got, err := other.Get(t.Context(), r.Key)
					if err != nil {
						t.Fatal(err)
					}
					var want int64
					switch {
					case write.name == "Create" && after:
						want = 41
					case write.name == "Swap" && after:
						want = 42
					case write.name == "Swap":
						want = 41
					}
					if got[0].Version != want {
						t.Errorf("%s over a cut connection left version %d, want %d", write.name, got[0].Version, want)
					}
					if write.name == "Create" && !after {
						if err := other.Create(t.Context(), r); err != nil {
							t.Fatal(err)
						}
					}
				}
			})
		}
	}
}

// TestEntriesAreSentOnce holds the same of the entry of a label.
func TestEntriesAreSentOnce(t *testing.T) {
	addr, addrs := node(t), nodes(t)
	for _, cluster := range []bool{false, true} {
		cut := &cutter{mark: []byte("zadd"), after: true}
		var client redis.UniversalClient
		if cluster {
			client = dialCluster(t, addrs, func(o *redis.ClusterOptions) { o.Dialer, o.MaxRetries, o.MaxRedirects = cut.dial, 5, 8 })
		} else {
			client = dial(t, addr, func(o *redis.Options) { o.Dialer, o.MaxRetries = cut.dial, 5 })
		}
		s := opened(t, client)
		cut.armed.Store(true)
		err := s.Create(t.Context(), store.Record{Key: "the-key", Version: 41, Labels: []string{"label"}})
		if n := cut.sent.Load(); err == nil || n != 1 {
			t.Errorf("cluster %t: Create over a cut connection sent the entry %d times and = %v, want once and an error", cluster, n, err)
		}
	}
}

// wantOutage fails t unless every method gives an error that is no sentinel and has none of the words.
func wantOutage(t *testing.T, s store.Store, never ...string) {
	t.Helper()
	r := store.Record{Key: "key", Version: 1, Value: []byte("secret-value")}
	labelled := r
	labelled.Labels = []string{"label"}
	for name, call := range map[string]func() error{
		"Create":              func() error { return s.Create(t.Context(), r) },
		"Create with a label": func() error { return s.Create(t.Context(), labelled) },
		"Get":                 func() error { _, err := s.Get(t.Context(), "key"); return err },
		"Get of two":          func() error { _, err := s.Get(t.Context(), "key", "other"); return err },
		"Swap":                func() error { return s.Swap(t.Context(), r) },
		"List":                func() error { _, _, err := s.List(t.Context(), "label", "", 10); return err },
		"Sweep":               func() error { _, err := s.Sweep(t.Context(), 1, 10); return err },
	} {
		err := call()
		if err == nil || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) {
			t.Errorf("%s in an outage = %v, want an error that is no sentinel", name, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), "redisstore: ") {
			t.Errorf("%s in an outage = %q, want an error that says where it is from", name, err)
		}
		for _, word := range append(never, "secret-value") {
			if strings.Contains(err.Error(), word) {
				t.Errorf("%s in an outage = %q, which holds %q", name, err, word)
			}
		}
	}
}

func TestOutagesAreErrors(t *testing.T) {
	both(t, func(t *testing.T, client redis.UniversalClient) {
		s := opened(t, client)
		useAll(t, s)
		client.Close()
		wantOutage(t, s)
		if _, err := s.Get(t.Context(), "key"); !errors.Is(err, redis.ErrClosed) {
			t.Errorf("Get from a closed client = %v, want %v", err, redis.ErrClosed)
		}
	})
	t.Run("what the server quotes is not told", func(t *testing.T) {
		client := dial(t, node(t), nil)
		s := opened(t, client)
		client.AddHook(hook(func(_ context.Context, cmds []redis.Cmder, _ func() error) error {
			return refusal(fmt.Sprintf("ERR unknown command '%v', with args beginning with: %v", cmds[0].Name(), cmds[0].Args()[1:]))
		}))
		wantOutage(t, s, "args", "secret-value")
	})
	t.Run("a foreign value is no absent record", func(t *testing.T) {
		both(t, func(t *testing.T, client redis.UniversalClient) {
			s := opened(t, client)
			if err := client.Set(t.Context(), s.RecordName("key"), "foreign", 0).Err(); err != nil {
				t.Fatal(err)
			}
			if rs, err := s.Get(t.Context(), "key"); err == nil || strings.Contains(err.Error(), "foreign") {
				t.Errorf("Get of a foreign value = %v, %v, want an error that does not quote it", rs, err)
			}
			if err := s.Swap(t.Context(), store.Record{Key: "key", Version: 1}); !errors.Is(err, store.ErrConflict) {
				t.Errorf("Swap of a foreign value = %v, want %v", err, store.ErrConflict)
			}
		})
	})
}

// refusal is an answer of a server.
type refusal string

func (r refusal) Error() string { return string(r) }
func (r refusal) RedisError()   {}

func TestDeadlinesHold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := node(t)
	var silent atomic.Bool
	client := dial(t, addr, func(o *redis.Options) {
		o.Dialer = func(ctx context.Context, network, _ string) (net.Conn, error) {
			to := addr
			if silent.Load() {
				to = l.Addr().String()
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		}
		o.ConnMaxIdleTime = time.Nanosecond // each call dials
	})
	s := opened(t, client)
	silent.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err = s.Swap(ctx, store.Record{Key: "key", Version: 1})
	if took := time.Since(began); took > 1300*time.Millisecond {
		t.Errorf("Swap took %v with 300 ms left, want at most a second more", took)
	}
	<-ctx.Done()
	if _, err2 := s.Get(ctx, "key"); !errors.Is(err2, context.DeadlineExceeded) {
		t.Errorf("Get with a context that is done = %v, want %v", err2, context.DeadlineExceeded)
	}
	if err == nil || errors.Is(err, store.ErrConflict) {
		t.Errorf("Swap of a silent server = %v, want an error that is no sentinel", err)
	}
}

func TestBothProtocols(t *testing.T) {
	for _, version := range []int{2, 3} {
		useAll(t, opened(t, dial(t, node(t), func(o *redis.Options) { o.Protocol = version })))
		useAll(t, opened(t, dialCluster(t, nodes(t), func(o *redis.ClusterOptions) { o.Protocol = version })))
	}
}

// TestCacheOfTheClient holds that reads go to the server, also where go-redis keeps what it read.
func TestCacheOfTheClient(t *testing.T) {
	caching := dial(t, node(t), func(o *redis.Options) { o.ClientSideCacheConfig = &redis.ClientSideCacheConfig{} })
	s := opened(t, caching)
	other := openedAt(t, dial(t, node(t), nil), s.Prefix())
	r := store.Record{Key: "key", Version: 1}
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if err := other.Swap(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.Version++
		if rs, err := s.Get(t.Context(), "key"); err != nil || rs[0].Version != r.Version {
			t.Fatalf("Get after a Swap through another client = %v, %v, want version %d", rs, err, r.Version)
		}
	}
}
