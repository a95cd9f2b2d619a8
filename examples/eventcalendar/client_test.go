package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthcore/oauthcore/store/memory"
)

// The client as its user runs it: a hundred calls at once cost one token request, by its own count and by
// the server's.
func TestClient(t *testing.T) {
	t.Parallel()
	p, folder := start(t)
	var stdout strings.Builder
	if err := runClient(t.Context(), []string{"-url", p.Address, "-certificate", filepath.Join(folder, "eventcalendar.pem")}, &stdout, io.Discard); err != nil {
		t.Fatal(err)
	}
	if got, want := stdout.String(), "100 calls found 300 events with 1 token request(s)\n"; got != want {
		t.Errorf("got %q, wanted %q", got, want)
	}
	if report := p.Stop(); !strings.Contains(strings.Join(strings.Fields(report), " "), "city-guide 1 100") {
		t.Errorf("the report does not count 1 token and 100 calls:\n%s", report)
	}
}

func TestClientRefuses(t *testing.T) {
	t.Parallel()
	p, folder := start(t)
	for _, args := range [][]string{
		{"-url", p.Address, "-certificate", filepath.Join(folder, "absent.pem")},
		{"-url", p.Address, "-certificate", "README.md"},
		{"-url", p.Address, "-certificate", filepath.Join(folder, "eventcalendar.pem"), "-secret", "guessed", "-n", "1"},
	} {
		if err := runClient(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("runClient(%q): got no error", args)
		} else if strings.Contains(err.Error(), "guessed") {
			t.Error("the error tells the secret")
		}
	}
}

// near is a network with one server on it, which can be replaced.
type near struct{ server atomic.Pointer[server] }

func (n *near) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r = r.Clone(r.Context())
	r.RemoteAddr = "127.0.0.1:1"
	n.server.Load().ServeHTTP(w, r)
	return w.Result(), nil
}

const address = "https://calendar.example"

func (n *near) restart(t *testing.T) {
	t.Helper()
	s, err := newServer(address, memory.New(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	n.server.Store(s)
}

// callAtOnce calls n times at once, and every call must succeed.
func callAtOnce(t *testing.T, client *http.Client, n int) {
	t.Helper()
	var calls sync.WaitGroup
	begin := make(chan struct{})
	for range n {
		calls.Go(func() {
			<-begin
			if _, err := countEvents(context.Background(), client, address); err != nil {
				t.Error(err)
			}
		})
	}
	close(begin)
	calls.Wait()
}

func TestTokenIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := new(near)
		network.restart(t)
		counted := &counter{base: network}
		client := newAuthorized(counted, address, "city-guide", "city-guide-secret")
		want := func(n int64, when string) {
			t.Helper()
			if got := counted.tokens.Load(); got != n {
				t.Errorf("%s: got %d token requests, wanted %d", when, got, n)
			}
		}
		callAtOnce(t, client, 100)
		want(1, "the first hundred calls")
		time.Sleep(54 * time.Minute)
		callAtOnce(t, client, 100)
		want(1, "six minutes before the token expires")
		time.Sleep(time.Minute + time.Second)
		callAtOnce(t, client, 100)
		want(2, "less than five minutes before the token expires")

		network.restart(t) // with other keys: it refuses the token that the client has
		callAtOnce(t, client, 100)
		want(3, "after every call was refused")
	})
}

// The server's word on the same: an expired token is answered as a missing one is.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := new(near)
		network.restart(t)
		tok, err := newAuthorized(network, address, "city-guide", "city-guide-secret").Transport.(*authorized).instead(nil).Token()
		if err != nil {
			t.Fatal(err)
		}
		call := func() *httptest.ResponseRecorder {
			r := httptest.NewRequest("POST", address+"/graphql", strings.NewReader(`{"query":"{ events { totalCount } }"}`))
			tok.SetAuthHeader(r)
			w := httptest.NewRecorder()
			network.server.Load().ServeHTTP(w, r)
			return w
		}
		time.Sleep(time.Hour - time.Second)
		if w := call(); w.Code != http.StatusOK {
			t.Errorf("a second before it expires: got %d, wanted 200", w.Code)
		}
		time.Sleep(time.Second)
		if w := call(); w.Code != http.StatusUnauthorized || strings.TrimSpace(w.Body.String()) != unauthorized {
			t.Errorf("when it expires: got %d with %s, wanted 401", w.Code, w.Body)
		}
	})
}

// A token that is refused again and again costs each call no more than one new one, and the caller sees the 401.
func TestRefusedTwice(t *testing.T) {
	t.Parallel()
	network := new(near)
	network.restart(t)
	counted := &counter{base: network}
	deaf := roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/graphql" {
			r.Header.Del("Authorization")
		}
		return counted.RoundTrip(r)
	})
	client := newAuthorized(deaf, address, "city-guide", "city-guide-secret")
	for calls := range int64(3) {
		if _, err := countEvents(t.Context(), client, address); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("got %v, wanted status 401", err)
		}
		if got := counted.tokens.Load(); got != calls+2 {
			t.Errorf("after %d calls: got %d token requests, wanted %d", calls+1, got, calls+2)
		}
	}
}

// What is sent with a secret or a token is not sent on to wherever an answer points.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	network := new(near)
	network.restart(t)
	for _, path := range []string{"/oauth2/token", "/graphql"} {
		client := newAuthorized(roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "calendar.example" {
				t.Errorf("a request went to %s", r.URL.Host)
			}
			if r.URL.Path != path {
				return network.RoundTrip(r)
			}
			w := httptest.NewRecorder()
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return w.Result(), nil
		}), address, "city-guide", "city-guide-secret")
		if _, err := countEvents(t.Context(), client, address); err == nil {
			t.Errorf("a redirect from %s: got no error", path)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
