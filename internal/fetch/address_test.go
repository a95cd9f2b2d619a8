package fetch_test

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
)

type addressCase struct {
	ID, Address, Host, Note string
	Blocked                 bool
}

func addressCases(t *testing.T) []addressCase {
	t.Helper()
	var file struct{ Cases []addressCase }
	b, err := os.ReadFile("testdata/ssrf_address_cases.json")
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err != nil || len(file.Cases) < 50 {
		t.Fatal(len(file.Cases), err)
	}
	return file.Cases
}

func TestPublic(t *testing.T) {
	for _, c := range addressCases(t) {
		if c.Address == "" {
			continue // TestGuardedGoesNowherePrivate has the names
		}
		a := netip.MustParseAddr(c.Address)
		for _, a := range []netip.Addr{a, netip.AddrFrom16(a.As16())} { // the second has an IPv4 address inside an IPv6 one
			if got := fetch.Public(a); got == c.Blocked {
				t.Errorf("%s: %s (%s) is public: %t", c.ID, a, c.Note, got)
			}
		}
	}
}

// names answers every question about an IPv4 address with the next of some addresses, and has no other.
type names struct{ addresses []string }

func (n *names) resolver(t *testing.T) *net.Resolver {
	var asked atomic.Int64
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		go func() {
			for { // RFC 1035, Section 4.2.2: a length, then a message
				b := make([]byte, 2)
				if _, err := readFull(theirs, b); err != nil {
					return
				}
				b = make([]byte, binary.BigEndian.Uint16(b))
				if _, err := readFull(theirs, b); err != nil {
					return
				}
				end := 12
				for b[end] != 0 {
					end += int(b[end]) + 1
				}
				end += 5
				answer := append([]byte(nil), b[:end]...)
				binary.BigEndian.PutUint16(answer[2:], 0x8180)
				clear(answer[6:12])
				if binary.BigEndian.Uint16(b[end-4:]) == 1 { // A
					at := int(asked.Add(1)-1) % len(n.addresses)
					ip := netip.MustParseAddr(n.addresses[at]).As4()
					answer[7] = 1
					answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
					answer = append(answer, ip[:]...)
				}
				theirs.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
			}
		}()
		return ours, nil
	}}
}

func readFull(c net.Conn, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = c.Read(b[n:])
		n += m
	}
	return n, err
}

// R9728-7.7-1
func TestGuardedGoesNowherePrivate(t *testing.T) {
	var reached atomic.Int64
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer srv.Close()
	srv.Config.ConnState = func(net.Conn, http.ConnState) { reached.Add(1) }
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	hosts := []string{"127.0.0.1", "[::ffff:127.0.0.1]", "rebound.example.com"}
	for _, c := range addressCases(t) {
		if c.Host != "" {
			hosts = append(hosts, c.Host)
		}
	}
	n := &names{addresses: []string{"127.0.0.1"}} // wherever a name was last time
	for _, hc := range []*http.Client{{}, http.DefaultClient} {
		client := fetch.NewGuarded(hc, false)
		fetch.SetResolver(client, n.resolver(t))
		for _, host := range hosts {
			uri := "https://" + host + ":" + port + "/"
			if _, err := client.Get(t.Context(), uri, 10); err == nil {
				t.Errorf("%s was fetched", uri)
			}
		}
		if _, err := client.Get(t.Context(), "https://rebound.example.com:"+port, 10); !errors.Is(err, fetch.ErrAddress) {
			t.Errorf("a name that leads to 127.0.0.1: %v", err)
		}
	}
	if _, err := fetch.NewGuarded(&http.Client{}, false).Get(t.Context(), srv.URL, 10); !errors.Is(err, fetch.ErrAddress) {
		t.Errorf("127.0.0.1: %v", err)
	}
	if got := reached.Load(); got != 0 {
		t.Errorf("the server saw %d connections", got)
	}
}

func TestGuardedPortsAndSchemes(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.33.8:22": "port 22", "192.0.33.8:25": "port 25", "192.0.33.8:80": "port 80", "192.0.33.8:443": "", "192.0.33.8:8443": "",
		"10.0.0.1:443": "not an address of the public internet", "nowhere": "unable to parse",
	} {
		err := fetch.Guard(address)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) && want != "unable to parse" {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	for _, uri := range []string{"http://127.0.0.1/", "http://localhost/", "HTTP://127.0.0.1/"} {
		for name, hc := range map[string]*http.Client{"its own transport": {}, "another transport": refuse{t}.client()} {
			if _, err := fetch.NewGuarded(hc, false).Get(t.Context(), uri, 10); err == nil || !strings.Contains(err.Error(), "want https") {
				t.Errorf("Get(%q) with %s: %v", uri, name, err)
			}
		}
	}
}

func TestGuardedTransportOfTheHost(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	if _, err := fetch.NewGuarded(srv.Client(), false).Get(t.Context(), srv.URL, 10); err != nil {
		t.Errorf("a transport of the host's own: %v", err)
	}
}

func TestAnywhere(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	var unknown x509.UnknownAuthorityError
	if _, err := fetch.NewGuarded(&http.Client{}, true).Get(t.Context(), srv.URL, 10); !errors.As(err, &unknown) {
		t.Errorf("got %v, want to come as far as the certificate", err)
	}
	if _, err := fetch.NewGuarded(&http.Client{}, true).Get(t.Context(), "http://127.0.0.1/", 10); err == nil || !strings.Contains(err.Error(), "want https") {
		t.Errorf("http: %v", err)
	}
}

// counted is a transport whose answers take a second.
type counted struct{ now, most atomic.Int64 }

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	if n := c.now.Add(1); n > c.most.Load() {
		c.most.Store(n)
	}
	defer c.now.Add(-1)
	select {
	case <-time.After(time.Second):
	case <-r.Context().Done():
	}
	return &http.Response{StatusCode: 200, Request: r, Header: http.Header{}, Body: http.NoBody}, nil
}

func TestGuardedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counted
		client := fetch.NewGuarded(&http.Client{Transport: &c}, false)
		var got, late atomic.Int64
		var wg sync.WaitGroup
		began := time.Now()
		for i := range 200 {
			wg.Go(func() {
				switch _, err := client.Get(t.Context(), fmt.Sprintf("https://a.example/%d", i), 10); {
				case err == nil:
					got.Add(1)
				case errors.Is(err, context.DeadlineExceeded):
					late.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if c.most.Load() != 16 || got.Load() < 64 || got.Load()+late.Load() != 200 || time.Since(began) != fetch.Timeout {
			t.Errorf("%d at once, want 16; %d fetched, %d too late, in %v", c.most.Load(), got.Load(), late.Load(), time.Since(began))
		}
	})
}

// TestA269 has a name that leads elsewhere at each look-up: what counts is the address that is dialled, and a fetch
// looks a name up once.
func TestA269(t *testing.T) {
	n := &names{addresses: []string{"192.0.2.1", "127.0.0.1", "10.0.0.1"}}
	client := fetch.NewGuarded(nil, false)
	fetch.SetResolver(client, n.resolver(t))
	for _, address := range n.addresses {
		_, err := client.Get(t.Context(), "https://rebound.example.com/", 10)
		if !errors.Is(err, fetch.ErrAddress) || !strings.Contains(err.Error(), address) {
			t.Errorf("got %v, want a refusal of %s", err, address)
		}
	}
}
