package resource_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/token"
)

// authority is an issuer that counts its questions.
type authority struct {
	mu      sync.Mutex
	now     time.Time
	asked   int
	revoked bool
	err     error
	during  func() // runs while a question is answered
}

func (a *authority) introspect(_ context.Context, tok string) (*token.Claims, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	if a.err != nil {
		return nil, a.err
	}
	if a.revoked {
		return nil, token.ErrInvalid
	}
	c := claims(func(c *token.Claims) { c.Subject = tok })
	if a.during != nil {
		a.during()
	}
	return c, nil
}

func (a *authority) clock() time.Time { return a.now }

func cached(t testing.TB, cacheFor time.Duration) (*resource.Guard, *authority) {
	a := &authority{now: epoch}
	return newGuard(t, func(c *resource.Config) {
		c.Accept.Now, c.Introspect, c.CacheFor = a.clock, a.introspect, cacheFor
	}), a
}

func TestCacheFor(t *testing.T) {
	// check asserts the outcome of one request and how often the issuer was asked in all.
	check := func(t *testing.T, g *resource.Guard, a *authority, tok string, status, asked int) {
		t.Helper()
		_, err := g.Check(bearer(tok), resource.Need{})
		got := http.StatusOK
		if err != nil {
			got = err.(*resource.Error).Status
		}
		if got != status || a.asked != asked {
			t.Fatalf("Check: got %d after %d questions, want %d after %d", got, a.asked, status, asked)
		}
	}

	t.Run("zero asks every time and sees a revocation at once", func(t *testing.T) {
		g, a := cached(t, 0)
		check(t, g, a, "abc", 200, 1)
		check(t, g, a, "abc", 200, 2)
		a.revoked = true
		check(t, g, a, "abc", 401, 3)
	})
	t.Run("a revoked token ends within the bound", func(t *testing.T) {
		g, a := cached(t, 30*time.Second)
		check(t, g, a, "abc", 200, 1)
		a.revoked = true
		a.now = epoch.Add(30*time.Second - 1)
		check(t, g, a, "abc", 200, 1)
		a.now = epoch.Add(30 * time.Second)
		check(t, g, a, "abc", 401, 2)
	})
	t.Run("the bound counts from the question, not from the answer", func(t *testing.T) {
		g, a := cached(t, 30*time.Second)
		a.during = func() { a.now = a.now.Add(10 * time.Second) }
		check(t, g, a, "abc", 200, 1)
		a.revoked = true
		a.now = epoch.Add(30 * time.Second)
		check(t, g, a, "abc", 401, 2)
	})
	// R7662-4-3
	t.Run("an answer ends with the token", func(t *testing.T) {
		g, a := cached(t, 5*time.Minute)
		check(t, g, a, "abc", 200, 1)
		a.now = epoch.Add(time.Minute)
		check(t, g, a, "abc", 401, 1)
	})
	t.Run("refusals and failures are not kept", func(t *testing.T) {
		g, a := cached(t, 30*time.Second)
		a.revoked = true
		check(t, g, a, "abc", 401, 1)
		a.revoked, a.err = false, errors.New("the issuer is down")
		check(t, g, a, "abc", 503, 2)
		a.err = nil
		check(t, g, a, "abc", 200, 3)
		check(t, g, a, "abc", 200, 3)
	})
	t.Run("tokens that share a beginning or an end share nothing", func(t *testing.T) {
		g, _ := cached(t, 30*time.Second)
		for _, tok := range []string{"abcdef", "abcdeg", "abcde", "xbcdef", "abcdef"} {
			if c, err := g.Check(bearer(tok), resource.Need{}); err != nil || c.Subject != tok {
				t.Errorf("Check of %s: got %+v, %v", tok, c, err)
			}
		}
	})
	t.Run("each request is judged by its own need", func(t *testing.T) {
		g, a := cached(t, 30*time.Second)
		if _, err := g.Check(bearer("abc"), resource.Need{Scopes: []string{"read:events"}}); err != nil {
			t.Fatal(err)
		}
		_, err := g.Check(bearer("abc"), resource.Need{Scopes: []string{"delete:events"}})
		refusal(t, err, http.StatusForbidden, "insufficient_scope")
		if a.asked != 1 {
			t.Errorf("got %d questions, want 1", a.asked)
		}
	})
	t.Run("old answers give way to new ones", func(t *testing.T) {
		g, a := cached(t, 30*time.Second)
		const tokens, bound = 12_000, 10_000
		for i := range tokens {
			check(t, g, a, fmt.Sprint("t", i), 200, 1+i)
		}
		for i := range bound / 2 {
			check(t, g, a, fmt.Sprint("t", tokens-1-i), 200, tokens)
		}
		for i := range tokens {
			g.Check(bearer(fmt.Sprint("t", i)), resource.Need{})
		}
		if again := a.asked - tokens; again < tokens-bound {
			t.Errorf("%d of %d tokens were asked about again, want at least %d", again, tokens, tokens-bound)
		}
	})
}

func TestCacheForIsSafeForManyGoroutines(t *testing.T) {
	g := newGuard(t, func(c *resource.Config) {
		c.CacheFor = time.Minute
		c.Introspect = func(_ context.Context, tok string) (*token.Claims, error) {
			return claims(func(c *token.Claims) { c.Subject = tok }), nil
		}
	})
	start := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			<-start
			for i := range 3_000 {
				tok := fmt.Sprint("t", (i*7+w)%6_000)
				if c, err := g.Check(bearer(tok), resource.Need{}); err != nil || c.Subject != tok {
					t.Errorf("Check of %s: got %+v, %v", tok, c, err)
					return
				}
			}
		})
	}
	close(start)
	wg.Wait()
}
