package platform_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

var developer = platform.Caller{Subject: "dev", Tenant: "t1", Roles: []string{"developer"}}

// failing is a store whose next writes fail, before or after their effect.
type failing struct {
	store.Store
	before, after int
	writes        int
}

var errStore = errors.New("the connection is gone")

func (f *failing) write(do func() error) error {
	f.writes++
	if f.before > 0 {
		f.before--
		return errStore
	}
	err := do()
	if f.after > 0 {
		f.after--
		return errStore
	}
	return err
}

func (f *failing) Create(ctx context.Context, r store.Record) error {
	return f.write(func() error { return f.Store.Create(ctx, r) })
}

func (f *failing) Swap(ctx context.Context, r store.Record) error {
	return f.write(func() error { return f.Store.Swap(ctx, r) })
}

// An error of a write is cleared up by reading, and one that stays is told and is no conflict.
func TestWritesWithoutOutcome(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, after int
		ok            bool
	}{
		"an error before the effect":     {1, 0, true},
		"an error after the effect":      {0, 1, true},
		"errors before and after":        {2, 1, true},
		"a store that takes no writes":   {100, 0, false},
		"a store that says nothing else": {0, 100, true},
	} {
		t.Run(name, func(t *testing.T) {
			st := &failing{Store: memory.New()}
			p := open(t, st, newClock(), nil)
			for _, said := range []string{"first", "second"} { // Create, then Swap
				st.before, st.after = test.before, test.after
				_, err := p.SetProfile(t.Context(), developer, platform.Profile{Name: said})
				if (err == nil) != test.ok || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrExists) {
					t.Errorf("%s: %v, wanted success %t", said, err, test.ok)
				}
				st.before, st.after = 0, 0
				if got, err := p.Profile(t.Context(), developer); err != nil || (got.Name == said) != test.ok {
					t.Errorf("%s: the profile says %q, %v", said, got.Name, err)
				}
			}
		})
	}
}

// Of many changes to what all have seen, one happens.
func TestMatchRace(t *testing.T) {
	t.Parallel()
	p, _ := fresh(t, nil)
	for range 20 {
		seen, err := p.SetProfile(t.Context(), developer, platform.Profile{Name: "before"})
		if err != nil {
			t.Fatal(err)
		}
		caller := developer
		caller.Match = seen.Version
		errs := make([]error, 20)
		barrier := make(chan struct{})
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				<-barrier
				_, errs[i] = p.SetProfile(t.Context(), caller, platform.Profile{Name: "after"})
			})
		}
		close(barrier)
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, platform.ErrStale) {
				t.Errorf("a loser got %v, wanted ErrStale", err)
			}
		}
		if won != 1 {
			t.Errorf("%d of %d changes happened, wanted 1", won, len(errs))
		}
	}
}

// Events are counted by app, day and outcome, those of made-up apps are not kept, and a failed write loses
// nothing.
func TestUsage(t *testing.T) {
	t.Parallel()
	st, c := &failing{Store: memory.New()}, newClock()
	p := open(t, st, c, nil)
	app, _, err := p.CreateApp(t.Context(), developer, registry.Manifest{Name: "App", RedirectURIs: []string{"https://app.example/cb"}, Scopes: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	count := func(id string, err error) {
		p.Count(oauth.Event{Time: c.now(), Endpoint: "token", App: id, Err: err})
	}
	count(app.ID, nil)
	count(app.ID, nil)
	count(app.ID, &oauth.Error{Code: "invalid_client"})
	count("made up", nil)
	count("", nil)
	st.before = 100
	if err := p.Flush(t.Context()); err == nil {
		t.Error("Flush on a store that takes no writes: no error")
	}
	st.before = 0
	if err := p.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	wrote := st.writes
	count("made up", nil)
	if err := p.Flush(t.Context()); err != nil || st.writes != wrote {
		t.Errorf("Flush of a made-up app: %v, %d writes; wanted none", err, st.writes-wrote)
	}
	c.pass(24 * time.Hour)
	count(app.ID, errStore)
	days, err := p.UsageOf(t.Context(), developer, app.ID)
	if err != nil || len(days) != 2 {
		t.Fatalf("UsageOf: %v, %v; wanted two days", days, err)
	}
	if days[0].Counts["token error"] != 1 || days[1].Counts["token ok"] != 2 || days[1].Counts["token invalid_client"] != 1 || days[1].Day != "2027-01-15" {
		t.Errorf("got %v", days)
	}
	c.pass(30 * 24 * time.Hour)
	if days, err := p.UsageOf(t.Context(), developer, app.ID); err != nil || len(days) != 0 {
		t.Errorf("a month later: %v, %v; wanted none", days, err)
	}
	if _, err := p.UsageOf(t.Context(), platform.Caller{Subject: "other", Tenant: "t1", Roles: []string{"developer"}}, app.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("another's app: %v, wanted ErrNotFound", err)
	}
}

// A vault needs secrets of the right size; that they rotate is seen in TestOnce.
func TestVault(t *testing.T) {
	t.Parallel()
	for _, bad := range [][][]byte{nil, {secret(1)[:31]}} {
		if _, err := platform.NewVault(bad); err == nil {
			t.Errorf("NewVault of %d secrets: no error", len(bad))
		}
	}
}

// However many apps strangers make up, there is room for those that do something.
func TestUsageOfTheKnown(t *testing.T) {
	t.Parallel()
	p, c := fresh(t, nil)
	app, _, err := p.CreateApp(t.Context(), developer, registry.Manifest{Name: "App", RedirectURIs: []string{"https://app.example/cb"}, Scopes: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20_000 {
		p.Count(oauth.Event{Time: c.now(), Endpoint: "token", App: fmt.Sprint("made up ", i), Err: &oauth.Error{Code: "invalid_client"}})
	}
	p.Count(oauth.Event{Time: c.now(), Endpoint: "token", App: app.ID})
	days, err := p.UsageOf(t.Context(), developer, app.ID)
	if err != nil || len(days) != 1 || days[0].Counts["token ok"] != 1 {
		t.Errorf("got %v, %v", days, err)
	}
}
