package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"golang.org/x/crypto/bcrypt"
)

// byHeader is a Config.Address for tests, where all requests come from one place.
func byHeader(c *oauth.Config) {
	c.Address = func(r *http.Request) string { return r.Header.Get("X-Test-Address") }
}

// ask posts a form as whoever authorization says, from an address.
func (h *host) ask(path, address, authorization, body string) reply {
	h.t.Helper()
	header := http.Header{"X-Test-Address": {address}}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	return h.raw(path, header, body)
}

const burst = 100

// R6749-2.3.1-4, R6749-10.10-2
func TestLimitOfAnApp(t *testing.T) {
	for _, id := range []string{"svc", "nobody"} {
		t.Run("wrong secrets of "+id, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			guess := func() reply {
				return h.ask("/token", "", basic(id, "guess"), "grant_type=client_credentials")
			}
			for range burst {
				guess().want(t, 401, "invalid_client")
			}
			r := guess().want(t, 429, "temporarily_unavailable")
			if got := r.Header.Get("Retry-After"); got != "1" {
				t.Errorf("Retry-After is %q, want 1", got)
			}
			if e := h.lastEvent(); e.App != id || e.Err == nil {
				t.Errorf("the event is %+v", e)
			}
			if got := h.ask("/token", "", basic("web", "guess"), "grant_type=client_credentials"); got.StatusCode != 401 {
				t.Errorf("a wrong secret of another app gets %d, want 401", got.StatusCode)
			}
			if got := h.ask("/token", "", basic("svc", secret), "grant_type=client_credentials"); got.StatusCode != 200 {
				t.Errorf("the right secret of svc gets %d, want 200: strangers would lock it out", got.StatusCode)
			}
			h.pass(2 * time.Second)
			guess().want(t, 401, "invalid_client")
		})
	}
	t.Run("after however many nobody waits for longer than the burst takes", func(t *testing.T) {
		t.Parallel()
		l := oauth.NewLimiter(time.Now)
		for range 10 * burst {
			l.Failed(t.Context(), "app/x")
		}
		if wait := l.Wait(t.Context(), "app/x"); wait <= 0 || wait > (burst+1)*time.Second {
			t.Errorf("Wait is %v", wait)
		}
	})
}

// R6749-2.3.1-4, R7009-5-1
func TestLimitOfAnAddress(t *testing.T) {
	t.Parallel()
	endpoints := []string{"/token", "/introspect", "/revoke"}
	bad := "grant_type=client_credentials&client_id=nobody"

	t.Run("has to wait at every endpoint, before the store is asked", func(t *testing.T) {
		t.Parallel()
		var s interceptor
		h := newHost(t, byHeader, s.wrap)
		held := h.login("spa")
		for i := range burst {
			h.ask(endpoints[i%3], "192.0.2.1", "", bad).want(t, 401, "invalid_client")
		}
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {held.str("refresh_token")}, "token": {held.str("refresh_token")}}
		calls := s.reads.Load() + s.writes.Load()
		for _, path := range endpoints {
			r := h.ask(path, "192.0.2.1", "", form.Encode()).want(t, 429, "temporarily_unavailable")
			if after, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || after < 1 || after > burst {
				t.Errorf("%s: Retry-After is %q", path, r.Header.Get("Retry-After"))
			}
			if e := h.lastEvent(); e.Remote != "192.0.2.1" || e.Err == nil {
				t.Errorf("%s: the event is %+v", path, e)
			}
		}
		req, _ := http.NewRequest("GET", h.url+"/authorize?"+h.request("web").Encode(), nil)
		req.Header.Set("X-Test-Address", "192.0.2.1")
		if a := read(t, http.DefaultClient, req); a.StatusCode != 429 || a.Header.Get("Retry-After") == "" {
			t.Errorf("authorize answers %d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
		}
		if got := s.reads.Load() + s.writes.Load(); got != calls {
			t.Errorf("the store was called %d times for who has to wait", got-calls)
		}
		h.ask("/token", "192.0.2.2", basic("svc", secret), "grant_type=client_credentials").want(t, 200, "")
		h.pass(10 * time.Second) // who asks nevertheless has to wait longer
		h.ask("/token", "192.0.2.1", "", with(form, "token", "").Encode()).want(t, 200, "")
	})

	t.Run("makes nobody else's credentials wait, but a secret that people chose", func(t *testing.T) {
		t.Parallel()
		chosen, err := bcrypt.GenerateFromPassword([]byte(secret), 10)
		if err != nil {
			t.Fatal(err)
		}
		m := newMachine(t)
		h := m.h
		h.restart(byHeader, func(c *oauth.Config) {
			edit(c.Apps.(registry.Static), "api").Secrets = []registry.Secret{{ID: "1", Hash: chosen}}
		})
		held := h.login("web")
		for range burst {
			h.ask("/token", "192.0.2.1", "", bad).want(t, 401, "invalid_client")
		}
		grant := "grant_type=client_credentials"
		h.ask("/token", "192.0.2.1", basic("svc", secret), grant).want(t, 200, "")
		h.ask("/token", "192.0.2.1", "", grant+"&client_assertion_type="+url.QueryEscape(assertionType)+"&client_assertion="+m.sign("", m.claims(nil))).want(t, 200, "")
		h.ask("/introspect", "192.0.2.1", basic("web", secret), "token="+held.str("refresh_token")).want(t, 200, "")
		h.ask("/revoke", "192.0.2.1", basic("web", secret), "token="+held.str("refresh_token")).want(t, 200, "")
		h.ask("/token", "192.0.2.1", basic("svc", "guess"), grant).want(t, 429, "temporarily_unavailable")
		h.ask("/introspect", "192.0.2.1", basic("api", secret), "token=x").want(t, 429, "temporarily_unavailable")
		h.ask("/introspect", "192.0.2.2", basic("api", secret), "token=x").want(t, 200, "")
	})

	t.Run("has to wait once enough of its guesses that came together were wrong", func(t *testing.T) {
		t.Parallel()
		chosen, err := bcrypt.GenerateFromPassword([]byte(secret), 10)
		if err != nil {
			t.Fatal(err)
		}
		h := newHost(t, byHeader, func(c *oauth.Config) {
			c.Apps = apps(func(s registry.Static) { edit(s, "svc").Secrets = []registry.Secret{{ID: "1", Hash: chosen}} })
		})
		release := h.srv.HoldHashing("svc")
		answer := make(chan int, 1)
		go func() {
			answer <- h.ask("/token", "192.0.2.1", basic("svc", secret), "grant_type=client_credentials").StatusCode
		}()
		for h.srv.HashingUsers("svc") < 2 {
			if len(answer) > 0 {
				t.Fatalf("a guess got %d and did not wait for its turn", <-answer)
			}
			runtime.Gosched()
		}
		for range burst {
			h.ask("/token", "192.0.2.1", "", bad).want(t, 401, "invalid_client")
		}
		release()
		if got := <-answer; got != 429 {
			t.Errorf("a guess that waited for its turn gets %d, want 429", got)
		}
	})

	t.Run("is counted for guesses at an app that others have guessed at", func(t *testing.T) {
		t.Parallel()
		h := newHost(t, byHeader)
		guess := func(address string) reply {
			return h.ask("/token", address, basic("svc", "guess"), "grant_type=client_credentials")
		}
		for range burst + 1 {
			guess("192.0.2.1")
		}
		for range burst {
			guess("192.0.2.2").want(t, 429, "temporarily_unavailable")
		}
		h.ask("/token", "192.0.2.2", "", bad).want(t, 429, "temporarily_unavailable")
		h.ask("/token", "192.0.2.3", "", bad).want(t, 401, "invalid_client")
	})

	t.Run("is counted for requests that are shown on a page", func(t *testing.T) {
		t.Parallel()
		h := newHost(t, byHeader)
		page := func() int {
			req, _ := http.NewRequest("GET", h.url+"/authorize?client_id=nobody", nil)
			req.Header.Set("X-Test-Address", "192.0.2.1")
			return read(t, http.DefaultClient, req).StatusCode
		}
		for range burst {
			if got := page(); got != 400 {
				t.Fatalf("got %d, want 400", got)
			}
		}
		if got := page(); got != 429 {
			t.Errorf("got %d, want 429", got)
		}
	})

	for name, c := range map[string]struct {
		from  func(i int) string
		limit bool
	}{
		"in one network of IPv6 is one":      {func(i int) string { return "[2001:db8::" + strconv.FormatInt(int64(i+1), 16) + "]:443" }, true},
		"with another port is the same":      {func(i int) string { return "192.0.2.1:" + strconv.Itoa(1000+i) }, true},
		"of IPv4 written as IPv6 is another": {func(i int) string { return "::ffff:192.0.2." + strconv.Itoa(i+1) }, false},
		"of another network is another":      {func(i int) string { return "2001:db8:0:" + strconv.FormatInt(int64(i+1), 16) + "::1" }, false},
		"that is not known is not one":       {func(int) string { return "" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, byHeader)
			for i := range burst {
				h.ask("/token", c.from(i), "", "x=y").want(t, 401, "invalid_client")
			}
			got := h.ask("/token", c.from(burst), "", "x=y").StatusCode
			if want := map[bool]int{true: 429, false: 401}[c.limit]; got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		})
	}

	t.Run("is not charged for what an authenticated app is sent to ask", func(t *testing.T) {
		t.Parallel()
		h := newHost(t, byHeader)
		for range burst + 1 {
			h.ask("/token", "192.0.2.1", basic("web", secret), "grant_type=authorization_code&code=bad&code_verifier="+verifier).want(t, 400, "invalid_grant")
		}
		form := url.Values{"grant_type": {"authorization_code"}, "code": {"bad"}, "code_verifier": {verifier}, "client_id": {"spa"}}.Encode()
		for range burst {
			h.ask("/token", "192.0.2.3", "", form).want(t, 400, "invalid_grant")
		}
		h.ask("/token", "192.0.2.3", "", form).want(t, 429, "temporarily_unavailable")
	})

	// R9700-4.13-1
	t.Run("is nothing that a header of the request says by itself", func(t *testing.T) {
		t.Parallel()
		h := newHost(t)
		for range burst {
			h.raw("/token", http.Header{"X-Forwarded-For": {"192.0.2.1"}, "Forwarded": {"for=192.0.2.1"}}, "x=y").want(t, 401, "invalid_client")
		}
		h.raw("/token", http.Header{"X-Forwarded-For": {"192.0.2.1"}}, "x=y").want(t, 401, "invalid_client")
		if e := h.lastEvent(); e.Remote == "192.0.2.1" {
			t.Error("the event believes the header")
		}
	})
}

// keptLimiter is a host's own.
type keptLimiter struct {
	mu            sync.Mutex
	asked, failed map[string]int
}

func (l *keptLimiter) Wait(_ context.Context, key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[key]++
	return 0
}

func (l *keptLimiter) Failed(_ context.Context, key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed[key]++
}

func TestLimiterOfTheHost(t *testing.T) {
	t.Parallel()
	l := &keptLimiter{asked: map[string]int{}, failed: map[string]int{}}
	h := newHost(t, byHeader, func(c *oauth.Config) { c.Limiter = l })
	h.ask("/token", "2001:db8:1:2::3", basic("svc", "guess"), "grant_type=client_credentials").want(t, 401, "invalid_client")
	h.ask("/token", "192.0.2.1", basic("svc", secret), "grant_type=client_credentials").want(t, 200, "")
	for key, want := range map[string][2]int{"address/2001:db8:1:2::/64": {1, 1}, "address/192.0.2.1": {1, 0}, "app/svc": {1, 1}} {
		if got := [2]int{l.asked[key], l.failed[key]}; got != want {
			t.Errorf("%q was asked about and failed %v times, want %v", key, got, want)
		}
	}
	if len(l.asked) != 3 || len(l.failed) != 2 {
		t.Errorf("asked about %v, failed %v", l.asked, l.failed)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := oauth.NewLimiter(func() time.Time { return now })
	for i := range 10_000 { // so that what is older is put aside while the next are counted
		l.Failed(t.Context(), "before "+strconv.Itoa(i))
	}
	for range burst {
		l.Failed(t.Context(), "one")
	}
	for i := range 30_000 {
		l.Failed(t.Context(), strconv.Itoa(i))
	}
	if l.Wait(t.Context(), "one") == 0 {
		t.Error("30,000 other keys made it forget one")
	}
	for i := range 300_000 {
		l.Failed(t.Context(), strconv.Itoa(i))
	}
	if n := oauth.LimiterSize(l); n > 65_536 {
		t.Errorf("it remembers %d keys", n)
	}
}

func TestLimiterCountsEachFailureOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := oauth.NewLimiter(func() time.Time { return now })
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range burst - 1 {
		wg.Go(func() {
			<-start
			l.Failed(t.Context(), "x")
			l.Wait(t.Context(), "x")
		})
	}
	close(start)
	wg.Wait()
	if wait := l.Wait(t.Context(), "x"); wait != 0 {
		t.Errorf("after 99 failures Wait is %v", wait)
	}
	l.Failed(t.Context(), "x")
	if wait := l.Wait(t.Context(), "x"); wait != time.Second {
		t.Errorf("after 100 failures Wait is %v, want 1s", wait)
	}
}

func BenchmarkLimiter(b *testing.B) {
	h := oauth.NewLimiter(time.Now)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			key := strconv.Itoa(i % 1000)
			h.Wait(b.Context(), key)
			h.Failed(b.Context(), key)
		}
	})
}
