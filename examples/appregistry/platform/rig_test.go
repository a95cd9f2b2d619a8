package platform_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_800_000_000, 0).UTC()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// secret is a server's secret that is all b.
func secret(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// open returns a platform on a store; change edits its configuration.
func open(t testing.TB, st store.Store, c *clock, change func(*platform.Config)) *platform.Platform {
	t.Helper()
	reg, err := registry.New(registry.Config{Store: st, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	vault, err := platform.NewVault([][]byte{secret(1)})
	if err != nil {
		t.Fatal(err)
	}
	conf := platform.Config{Store: store.Namespace(st, "platform/"), Registry: reg, Vault: vault, Now: c.now,
		Scopes: map[string]string{"read": "Read", "write": "Write"}}
	if change != nil {
		change(&conf)
	}
	p, err := platform.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fresh is open on an empty store.
func fresh(t testing.TB, change func(*platform.Config)) (*platform.Platform, *clock) {
	t.Helper()
	c := newClock()
	return open(t, memory.New(), c, change), c
}
