package platform_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// Of several who have seen that there is nothing yet, one writes first, and the others are told.
func TestFirstWrite(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for round := range 20 {
		app := m.list("makers", fmt.Sprint("App ", round))
		first := map[string]func(platform.Caller) error{
			"the profile": func(c platform.Caller) error {
				c.Subject = fmt.Sprint("olga ", round)
				_, err := m.p.SetProfile(t.Context(), c, platform.Profile{Name: "Olga"})
				return err
			},
			"the installation": func(c platform.Caller) error {
				_, err := m.p.ApproveInstallation(t.Context(), c, app, []string{"read"})
				return err
			},
		}
		for name, write := range first {
			c := organizer
			c.Match = platform.Absent
			errs := make([]error, 10)
			barrier := make(chan struct{})
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() {
					<-barrier
					errs[i] = write(c)
				})
			}
			close(barrier)
			wg.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else if !errors.Is(err, platform.ErrStale) {
					t.Errorf("%s: a loser got %v, wanted ErrStale", name, err)
				}
			}
			if won != 1 {
				t.Errorf("%s: %d of %d first writes happened, wanted 1", name, won, len(errs))
			}
		}
		// What was uninstalled is not there, and the first write after it is a first one.
		if _, err := m.p.Uninstall(t.Context(), organizer, app); err != nil {
			t.Fatal(err)
		}
		c := organizer
		c.Match = platform.Absent
		if err := first["the installation"](c); err != nil {
			t.Errorf("the first write after it was uninstalled: %v", err)
		}
	}
}

// What is uninstalled between two pages takes nothing else off the second.
func TestInstallationsPage(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	var want []string
	for range 9 {
		id := m.list("makers", "App")
		m.install(organizer, id)
		want = append(want, id)
	}
	var got []string
	for after, more := "", true; more; more = after != "" {
		page, err := m.p.Installations(t.Context(), organizer, after, 2)
		if err != nil || len(page.Items) == 0 || len(page.Items) > 2 {
			t.Fatalf("Installations after %q: %d, %v; wanted 1 or 2", after, len(page.Items), err)
		}
		for _, i := range page.Items {
			got = append(got, i.App)
		}
		after = page.Next
		if _, err := m.p.Uninstall(t.Context(), organizer, page.Items[0].App); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the pages have\n%q, wanted\n%q", got, want)
	}
	for _, after := range []string{"2 x", "0 i/x", "x", "i/x\x00"} {
		if _, err := m.p.Installations(t.Context(), organizer, after, 2); err == nil {
			t.Errorf("Installations after %q: no error", after)
		}
	}
}

// looks counts the installations that are read one by one.
type looks struct {
	store.Store
	n int
}

func (l *looks) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if strings.HasPrefix(keys[0], "i/") {
		l.n++
	}
	return l.Store.Get(ctx, keys...)
}

// Wherever a server dies while it installs or uninstalls an app, the app is counted as it then is; and soon it
// is counted without a look at each installation.
func TestInstallsCounted(t *testing.T) {
	t.Parallel()
	counter := platform.Caller{Subject: "carl", Tenant: "others", Roles: []string{"user"}}
	for name, installed := range map[string]bool{"installing": false, "uninstalling": true} {
		t.Run(name, func(t *testing.T) {
			outcomes := make(map[bool]int)
			for after := range 5 {
				for _, lost := range []bool{false, true} {
					read, c := &looks{Store: memory.New()}, newClock()
					m := &market{t: t, p: open(t, read, c, nil)}
					id := m.list("makers", "App")
					if installed {
						m.install(organizer, id)
					}
					count := func() int {
						t.Helper()
						all, err := m.p.Recommend(t.Context(), counter, 1)
						if err != nil || len(all) != 1 {
							t.Fatalf("Recommend: %v, %v; wanted the app", all, err)
						}
						return all[0].Installs
					}
					var st store.Store = &dying{Store: read, after: after}
					if lost { // the effect is there, and nobody heard of it
						st = &failing{Store: read, after: after}
					}
					dead := open(t, st, c, nil)
					if installed {
						_, _ = dead.Uninstall(t.Context(), organizer, id)
					} else {
						_, _ = dead.ApproveInstallation(t.Context(), organizer, id, []string{"read"})
					}
					want := 0
					if _, err := m.p.Installation(t.Context(), organizer, id); err == nil {
						want = 1
					}
					outcomes[want == 1]++
					for _, pass := range []time.Duration{0, time.Minute, time.Hour} {
						c.pass(pass)
						if got := count(); got != want {
							t.Errorf("dead after %d writes, lost %t, %v later: counted %d times, wanted %d", after, lost, pass, got, want)
						}
					}
					before := read.n
					count()
					if looked := read.n - before; looked > 1 { // at that of who asks
						t.Errorf("dead after %d writes, lost %t: %d installations were looked at, wanted none to count", after, lost, looked-1)
					}
				}
			}
			if outcomes[true] == 0 || outcomes[false] == 0 {
				t.Errorf("it was installed at the end %d times, and was not %d times; wanted some of each", outcomes[true], outcomes[false])
			}
		})
	}
}

// between is a store that lets something happen before it writes an installation, or after it has read one.
type between struct {
	store.Store
	write, read func()
}

func (b *between) Create(ctx context.Context, r store.Record) error {
	if strings.HasPrefix(r.Key, "i/") {
		b.write()
	}
	return b.Store.Create(ctx, r)
}

func (b *between) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	found, err := b.Store.Get(ctx, keys...)
	if strings.HasPrefix(keys[0], "i/") {
		b.read()
	}
	return found, err
}

// Who counts an app while it is being installed does not hide it from those who count later.
func TestInstallsCountedMeanwhile(t *testing.T) {
	t.Parallel()
	counter := platform.Caller{Subject: "carl", Tenant: "others", Roles: []string{"user"}}
	for _, name := range []string{"before it is written", "over the whole of it"} {
		t.Run(name, func(t *testing.T) {
			st, c := memory.New(), newClock()
			m := &market{t: t, p: open(t, st, c, nil)}
			id := m.list("makers", "App")
			count := func(p *platform.Platform) int {
				all, err := p.Recommend(t.Context(), counter, 1)
				if err != nil || len(all) != 1 {
					t.Fatalf("Recommend: %v, %v; wanted the app", all, err)
				}
				return all[0].Installs
			}
			hooked := &between{Store: st, write: func() {}, read: func() {}}
			p := open(t, hooked, c, nil)
			meanwhile := 0
			if name == "before it is written" {
				hooked.write = func() { meanwhile++; count(m.p) }
				if _, err := p.ApproveInstallation(t.Context(), organizer, id, []string{"read"}); err != nil {
					t.Fatal(err)
				}
			} else {
				dead := open(t, &dying{Store: st, after: 1}, c, nil)
				if _, err := dead.ApproveInstallation(t.Context(), organizer, id, []string{"read"}); err == nil {
					t.Fatal("ApproveInstallation by a server that dies: no error")
				}
				c.pass(time.Hour)
				hooked.read = func() {
					hooked.read = func() {}
					meanwhile++
					m.install(organizer, id)
				}
				count(p)
			}
			if meanwhile != 1 {
				t.Fatalf("%d times something happened meanwhile, wanted 1", meanwhile)
			}
			for _, pass := range []time.Duration{0, time.Hour, time.Hour} {
				c.pass(pass)
				if got := count(m.p); got != 1 {
					t.Errorf("%v later: counted %d times, wanted 1", pass, got)
				}
			}
		})
	}
}
