package sqlstore_test

import (
	"os"
	"testing"

	"github.com/oauthcore/oauthcore/oauth/oauthtest"
)

// TestServer runs a whole server on PostgreSQL, with faults at every call, and with OAUTHCORE_LONG=1 on all
// databases. What a server asks of a store is what TestStore tests on each.
func TestServer(t *testing.T) {
	for i, x := range targets {
		if i != 1 && os.Getenv("OAUTHCORE_LONG") == "" {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			oauthtest.Run(t, x.newStore, nil)
		})
	}
}

func BenchmarkServer(b *testing.B) {
	for _, x := range targets {
		b.Run(x.name, func(b *testing.B) { oauthtest.Benchmark(b, x.newStore, nil) })
	}
}
