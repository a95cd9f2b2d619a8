package resource_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth/resource"
)

// guards are the two ways in which a token is good again and again.
func guards(t testing.TB) map[string]func() (*resource.Guard, *http.Request) {
	return map[string]func() (*resource.Guard, *http.Request){
		"a verified": func() (*resource.Guard, *http.Request) {
			keys := newKeys(t)
			g := newGuard(t, func(c *resource.Config) { c.Accept.Keys, c.Introspect = keys, nil })
			return g, bearer(sign(t, keys, claims(nil)))
		},
		"an introspected": func() (*resource.Guard, *http.Request) {
			return newGuard(t, func(c *resource.Config) { c.CacheFor = time.Minute }), bearer("opaque-" + strings.Repeat("a", 80))
		},
	}
}

var need = resource.Need{Scopes: []string{"read:events"}, Roles: []string{"organizer"}}

func TestCheckAllocates(t *testing.T) {
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for name, make := range guards(t) {
		g, r := make()
		check := func() {
			if _, err := g.Check(r, need); err != nil {
				t.Fatal(err)
			}
		}
		check()
		if n := testing.AllocsPerRun(100, check); n > 1 {
			t.Errorf("Check of %s token: got %v allocations, want at most 1, for the hash", name, n)
		}
		h, w := g.Require(need, nothing), httptest.NewRecorder()
		if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); n > 3 {
			t.Errorf("Require of %s token: got %v allocations, want at most 2 more, for the context and the request", name, n)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for name, make := range guards(b) {
		b.Run(name, func(b *testing.B) {
			g, r := make()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.Check(r, need); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
