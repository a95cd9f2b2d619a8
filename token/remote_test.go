package token_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/token"
)

// authority is a real HTTP server of a key set that can be made to misbehave.
type authority struct {
	*httptest.Server
	keys  *token.Keys
	clock *clock
	asked atomic.Int64
	serve atomic.Pointer[http.HandlerFunc] // instead of the keys
}

func newAuthority(t testing.TB, keys ...token.Key) *authority {
	a := &authority{keys: newKeys(t, keys...), clock: newClock()}
	good := a.keys.Handler(a.clock.Now)
	mux := http.NewServeMux()
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		if bad := a.serve.Load(); bad != nil {
			(*bad)(w, r)
			return
		}
		good.ServeHTTP(w, r)
	})
	mux.HandleFunc("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, a.URL, a.URL+"/jwks")
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

func (a *authority) verifier(t testing.TB) *token.Verifier {
	return newVerifier(t, token.VerifierConfig{JWKSURI: a.URL + "/jwks", Now: a.clock.Now})
}

// answer says which of the three answers a Verify gave.
func answer(t testing.TB, v *token.Verifier, jwt string) string {
	c, err := v.Verify(t.Context(), jwt)
	if (c == nil) != (err != nil) {
		t.Errorf("Verify: claims %v beside error %v", c, err)
	}
	switch {
	case err == nil:
		return "good"
	case errors.Is(err, token.ErrInvalid):
		return "not good"
	}
	return "not answered"
}

func TestVerifierRemote(t *testing.T) {
	first := token.Key{ID: "first", Signer: signers()["EdDSA"]}
	second := token.Key{ID: "second", Signer: signers()["ES256"]}
	lasting := func(a *authority) *token.Claims {
		c := claims(a.clock.Now())
		c.Expires = c.IssuedAt.Add(48 * time.Hour)
		return c
	}
	check := func(t *testing.T, v *token.Verifier, jwt, want string) {
		t.Helper()
		if got := answer(t, v, jwt); got != want {
			t.Errorf("Verify: %s, want %s", got, want)
		}
	}

	t.Run("rotates", func(t *testing.T) {
		a := newAuthority(t, first)
		v := a.verifier(t)
		one := sign(t, a.keys, lasting(a))
		check(t, v, one, "good")
		// Announced and in use ten minutes later, while the first is still published.
		second := second
		second.NotBefore = a.clock.Now().Add(10 * time.Minute)
		if err := a.keys.Replace(first, second); err != nil {
			t.Fatal(err)
		}
		a.clock.Add(10 * time.Minute)
		two := sign(t, a.keys, lasting(a))
		if kid := headerOf(t, two)["kid"]; kid != "second" {
			t.Fatalf("signed by %v, want second", kid)
		}
		check(t, v, one, "good")
		check(t, v, two, "good")
		if n := a.asked.Load(); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
		// Withdrawn: good until the next refresh at most, cached or not.
		if err := a.keys.Replace(second); err != nil {
			t.Fatal(err)
		}
		a.clock.Add(5 * time.Minute)
		check(t, v, one, "not good")
		check(t, v, two, "good")
	})

	t.Run("rotates without notice", func(t *testing.T) {
		a := newAuthority(t, first)
		v := a.verifier(t)
		check(t, v, sign(t, a.keys, lasting(a)), "good")
		if err := a.keys.Replace(second); err != nil {
			t.Fatal(err)
		}
		a.clock.Add(30 * time.Second)
		check(t, v, sign(t, a.keys, lasting(a)), "good")
	})

	t.Run("dies and comes back", func(t *testing.T) {
		a := newAuthority(t, first)
		v := a.verifier(t)
		jwt := sign(t, a.keys, lasting(a))
		fresh := sign(t, a.keys, claims(a.clock.Now().Add(time.Hour)))
		check(t, v, jwt, "good")
		dead := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
		a.serve.Store(&dead)
		a.clock.Add(time.Hour)
		check(t, v, jwt, "good")
		check(t, v, fresh, "good")
		a.clock.Add(22 * time.Hour)
		check(t, v, jwt, "good")
		a.clock.Add(2 * time.Hour)
		check(t, v, jwt, "not answered")
		a.serve.Store(nil)
		a.clock.Add(30 * time.Second)
		check(t, v, jwt, "good")
	})

	t.Run("was never there", func(t *testing.T) {
		a := newAuthority(t, first)
		v := a.verifier(t)
		a.Close()
		check(t, v, sign(t, a.keys, lasting(a)), "not answered")
		check(t, v, "garbage", "not good")
	})

	t.Run("hangs, and the caller hangs up", func(t *testing.T) {
		a := newAuthority(t, first)
		v := a.verifier(t)
		arrived, release := make(chan bool, 1), make(chan bool)
		hang := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { arrived <- true; <-release })
		a.serve.Store(&hang)
		defer close(release)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		if _, err := v.Verify(ctx, sign(t, a.keys, lasting(a))); !errors.Is(err, context.Canceled) {
			t.Errorf("Verify: %v, want that it was canceled", err)
		}
	})

	floods := map[string]http.HandlerFunc{
		"floods": func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := io.WriteString(w, strings.Repeat(`{"keys":[`, 1000)); err != nil {
					return
				}
			}
		},
		"promises more than it sends": func(w http.ResponseWriter, r *http.Request) {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"keys\":[]}")
			rw.Flush()
		},
		"promises a gigabyte": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1073741824")
			io.WriteString(w, `{"keys":[]}`)
		},
		"sends a page":  func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") },
		"redirects":     func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"is overloaded": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	}
	for name, flood := range floods {
		t.Run(name, func(t *testing.T) {
			a := newAuthority(t, first)
			v := a.verifier(t)
			jwt := sign(t, a.keys, lasting(a))
			a.serve.Store(&flood)
			check(t, v, jwt, "not answered")
			a.serve.Store(nil)
			a.clock.Add(time.Second)
			check(t, v, jwt, "good")
			a.serve.Store(&flood)
			a.clock.Add(time.Hour)
			check(t, v, jwt, "good")
		})
	}

	t.Run("is asked once about a thousand unknown keys", func(t *testing.T) {
		a := newAuthority(t, first)
		v := a.verifier(t)
		check(t, v, sign(t, a.keys, lasting(a)), "good")
		a.clock.Add(time.Minute)
		var jwts []string
		for i := range 1000 {
			stranger := newKeys(t, token.Key{ID: fmt.Sprint("unknown-", i), Signer: signers()["EdDSA"]})
			jwts = append(jwts, sign(t, stranger, lasting(a)))
		}
		barrier := make(chan bool)
		var wg sync.WaitGroup
		for _, jwt := range jwts {
			wg.Go(func() {
				<-barrier
				if got := answer(t, v, jwt); got != "not good" {
					t.Errorf("Verify: %s, want not good", got)
				}
			})
		}
		close(barrier)
		wg.Wait()
		if n := a.asked.Load(); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
	})

	t.Run("is found by the issuer's metadata", func(t *testing.T) {
		a := newAuthority(t, first)
		v := newVerifier(t, token.VerifierConfig{Issuer: a.URL, Now: a.clock.Now})
		c := lasting(a)
		c.Issuer = a.URL
		check(t, v, sign(t, a.keys, c), "good")
		check(t, v, sign(t, a.keys, lasting(a)), "not good")
	})

	t.Run("is not asked by a token that is no token", func(t *testing.T) {
		a := newAuthority(t, first)
		v := a.verifier(t)
		jwt, err := a.keys.SignJWT("JWT", []byte(`{}`), a.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, jwt := range []string{"", "a.b.c", strings.Repeat("x", 1<<20), jwt} {
			check(t, v, jwt, "not good")
		}
		if n := a.asked.Load(); n != 0 {
			t.Errorf("asked %d times, want never", n)
		}
	})
}
