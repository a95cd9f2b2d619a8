package platform_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// said is an answer with that body.
func said(status int, body string) platform.Answer {
	return platform.Answer{Status: status, Header: map[string]string{"ETag": `"1"`}, Body: []byte(body)}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	request := []byte("a request")
	t.Run("the answer is given again for a day, and no longer", func(t *testing.T) {
		p, c := fresh(t, nil)
		runs := 0
		do := func(context.Context, platform.Draw) platform.Answer {
			runs++
			return said(201, strings.Repeat("x", runs)+"\n")
		}
		for _, after := range []struct {
			pass     time.Duration
			body     string
			replayed bool
		}{{0, "x\n", false}, {time.Hour, "x\n", true}, {23*time.Hour - time.Second, "x\n", true}, {time.Second, "xx\n", false}} {
			c.pass(after.pass)
			a, replayed, err := p.Once(t.Context(), "k", request, do)
			if err != nil || replayed != after.replayed || string(a.Body) != after.body || a.Status != 201 || a.Header["ETag"] != `"1"` {
				t.Errorf("after %v: %q, replayed %t, %v; wanted %q, %t", after.pass, a.Body, replayed, err, after.body, after.replayed)
			}
		}
	})
	t.Run("a failure is tried again with the same draw", func(t *testing.T) {
		p, _ := fresh(t, nil)
		var drawn [][32]byte
		for _, status := range []int{503, 500, 200} {
			a, replayed, err := p.Once(t.Context(), "k", request, func(_ context.Context, draw platform.Draw) platform.Answer {
				drawn = append(drawn, draw("app"))
				return said(status, "")
			})
			if err != nil || replayed || a.Status != status {
				t.Errorf("got %d, replayed %t, %v; wanted %d", a.Status, replayed, err, status)
			}
		}
		if len(drawn) != 3 || drawn[0] != drawn[1] || drawn[1] != drawn[2] {
			t.Error("the draws differ")
		}
	})
	t.Run("draws of other requests, labels and days differ", func(t *testing.T) {
		p, c := fresh(t, nil)
		seen := make(map[[32]byte]bool)
		draw := func(key string) {
			_, _, err := p.Once(t.Context(), key, request, func(_ context.Context, draw platform.Draw) platform.Answer {
				seen[draw("app")], seen[draw("secret")] = true, true
				return said(200, "")
			})
			if err != nil {
				t.Error(err)
			}
		}
		draw("k")
		draw("l")
		c.pass(24 * time.Hour)
		draw("k")
		if len(seen) != 6 {
			t.Errorf("%d different draws, wanted 6", len(seen))
		}
	})
	t.Run("another request under the key is refused, done or not", func(t *testing.T) {
		p, _ := fresh(t, nil)
		other := func() {
			_, _, err := p.Once(t.Context(), "k", []byte("another"), nil)
			if !errors.Is(err, platform.ErrReused) {
				t.Errorf("got %v, wanted ErrReused", err)
			}
		}
		if _, _, err := p.Once(t.Context(), "k", request, func(context.Context, platform.Draw) platform.Answer {
			other()
			return said(200, "")
		}); err != nil {
			t.Fatal(err)
		}
		other()
	})
	t.Run("a client that hangs up does not cut it short", func(t *testing.T) {
		p, _ := fresh(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		a, _, err := p.Once(ctx, "k", request, func(ctx context.Context, _ platform.Draw) platform.Answer {
			cancel()
			if ctx.Err() != nil {
				return said(503, "")
			}
			return said(200, "done")
		})
		if err != nil || a.Status != 200 {
			t.Errorf("got %d, %v", a.Status, err)
		}
		if a, replayed, err := p.Once(t.Context(), "k", request, nil); err != nil || !replayed || string(a.Body) != "done" {
			t.Errorf("afterwards: %q, replayed %t, %v; wanted the answer", a.Body, replayed, err)
		}
	})
	t.Run("an answer of the largest app fits", func(t *testing.T) {
		p, _ := fresh(t, nil)
		large := strings.Repeat("x", 60<<10)
		do := func(context.Context, platform.Draw) platform.Answer { return said(200, large) }
		for _, again := range []bool{false, true} {
			if a, replayed, err := p.Once(t.Context(), "k", request, do); err != nil || replayed != again || string(a.Body) != large {
				t.Errorf("got %d bytes, replayed %t, %v", len(a.Body), replayed, err)
			}
		}
	})
	t.Run("an answer under a secret that is gone is not given, nor carried out again", func(t *testing.T) {
		st, c := memory.New(), newClock()
		p := open(t, st, c, nil)
		if _, _, err := p.Once(t.Context(), "done", request, func(context.Context, platform.Draw) platform.Answer { return said(200, "") }); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Once(t.Context(), "failed", request, func(context.Context, platform.Draw) platform.Answer { return said(500, "") }); err != nil {
			t.Fatal(err)
		}
		with := func(secrets ...[]byte) *platform.Platform {
			vault, err := platform.NewVault(secrets)
			if err != nil {
				t.Fatal(err)
			}
			return open(t, st, c, func(conf *platform.Config) { conf.Vault = vault })
		}
		if _, replayed, err := with(secret(2), secret(1)).Once(t.Context(), "done", request, nil); err != nil || !replayed {
			t.Errorf("after a rotation: replayed %t, %v; wanted the answer", replayed, err)
		}
		for _, key := range []string{"done", "failed"} {
			if _, _, err := with(secret(2)).Once(t.Context(), key, request, nil); !errors.Is(err, platform.ErrLost) {
				t.Errorf("%s, after the secret is gone: %v, wanted ErrLost", key, err)
			}
		}
	})
}

// A twin waits for the answer; if it takes too long, it is told so.
func TestOnceTwin(t *testing.T) {
	t.Parallel()
	request := []byte("a request")
	for _, test := range []struct {
		takes time.Duration
		want  error
	}{{time.Second, nil}, {20 * time.Second, platform.ErrBusy}} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := fresh(t, func(c *platform.Config) { c.Now = nil })
			var runs atomic.Int32
			do := func(context.Context, platform.Draw) platform.Answer {
				runs.Add(1)
				time.Sleep(test.takes)
				return said(200, "done")
			}
			go p.Once(t.Context(), "k", request, do)
			synctest.Wait()
			a, replayed, err := p.Once(t.Context(), "k", request, do)
			if !errors.Is(err, test.want) || test.want == nil && (!replayed || string(a.Body) != "done") {
				t.Errorf("taking %v: the twin got %q, replayed %t, %v; wanted %v", test.takes, a.Body, replayed, err, test.want)
			}
			time.Sleep(time.Minute)
			if runs.Load() != 1 {
				t.Errorf("taking %v: %d runs, wanted 1", test.takes, runs.Load())
			}
		})
	}
}

// dying is a store as a server sees it that dies after some writes.
type dying struct {
	store.Store
	writes, after int
}

var errDied = errors.New("the server died")

func (d *dying) die() error {
	if d.writes++; d.writes > d.after {
		return errDied
	}
	return nil
}

func (d *dying) Create(ctx context.Context, r store.Record) error {
	if err := d.die(); err != nil {
		return err
	}
	return d.Store.Create(ctx, r)
}

func (d *dying) Swap(ctx context.Context, r store.Record) error {
	if err := d.die(); err != nil {
		return err
	}
	return d.Store.Swap(ctx, r)
}

// Whenever a server dies while it creates an app, another takes the request over and there is one app,
// whose secret is the one that is shown.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	create := func(p *platform.Platform, ctx context.Context) (id, plain string, status int, err error) {
		a, _, err := p.Once(ctx, "k", []byte("create"), func(ctx context.Context, draw platform.Draw) platform.Answer {
			app, secret, err := p.CreateApp(ctx, platform.Caller{Subject: "dev", Tenant: "t1", Roles: []string{"developer"}, Draw: draw},
				registry.Manifest{Name: "App", RedirectURIs: []string{"https://app.example/cb"}, Scopes: []string{"read"}})
			if err != nil {
				return said(http.StatusServiceUnavailable, "")
			}
			return said(http.StatusCreated, app.ID+" "+secret)
		})
		id, plain, _ = strings.Cut(string(a.Body), " ")
		return id, plain, a.Status, err
	}
	died, shown := 0, 0
	for after := range 6 {
		st, c := memory.New(), newClock()
		dead := &dying{Store: st, after: after}
		id, plain, status, err := create(open(t, dead, c, nil), t.Context())
		if dead.writes > after {
			died++
		}
		if err == nil && status == http.StatusCreated {
			shown++
		}
		c.pass(time.Hour) // longer than anybody waits for the dead
		p := open(t, st, c, nil)
		nextID, next, status, err := create(p, t.Context())
		if err != nil || status != http.StatusCreated {
			t.Fatalf("after %d writes, taken over: status %d, %v", after, status, err)
		}
		if id != "" && (nextID != id || next != plain) {
			t.Errorf("after %d writes: another app or secret than the first answer had", after)
		}
		page, err := p.OwnApps(t.Context(), platform.Caller{Subject: "dev", Tenant: "t1", Roles: []string{"developer"}}, "", 20)
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != nextID {
			t.Fatalf("after %d writes: %d apps, %v; wanted the one", after, len(page.Items), err)
		}
		if _, ok := page.Items[0].CheckSecret(next, c.now()); !ok {
			t.Errorf("after %d writes: the secret that was shown is not the app's", after)
		}
	}
	if died == 0 || shown == 0 {
		t.Errorf("servers died %d times, and showed an app %d times; wanted some of each", died, shown)
	}
}
