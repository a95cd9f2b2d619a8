package registry_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// names returns the IDs of all apps that q selects, in alphabetical order, page by page. One that is on
// two pages is there twice.
func names(t testing.TB, r *registry.Registry, q registry.Query) []string {
	t.Helper()
	var ids []string
	for pages := 0; ; pages++ {
		apps, next, err := r.Apps(t.Context(), q)
		if err != nil {
			t.Fatalf("Apps(%+v): %v", q, err)
		}
		if limit := max(q.Limit, 0); limit > 0 && len(apps) > limit {
			t.Errorf("Apps(%+v): got %d", q, len(apps))
		}
		for _, a := range apps {
			ids = append(ids, a.ID)
		}
		if next == "" {
			slices.Sort(ids)
			return ids
		}
		if q.After = next; pages > 1000 {
			t.Fatal("the pages do not end")
		}
	}
}

// finds holds that q selects exactly the apps in ids, words in alphabetical order.
func finds(t testing.TB, r *registry.Registry, when string, q registry.Query, ids string) {
	t.Helper()
	if got := strings.Join(names(t, r, q), " "); got != ids {
		t.Errorf("%s: Apps(%+v): got %q, want %q", when, q, got, ids)
	}
}

func listed(id string, categories ...string) func(*registry.App) {
	return func(a *registry.App) {
		a.ID, a.Listed, a.Manifest.Categories = id, true, categories
	}
}

func TestRegistryDirectory(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	all := registry.Query{}
	in := func(category string) registry.Query { return registry.Query{Category: category} }
	create(t, r, listed("seats", "tickets", "events"))
	create(t, r, listed("zoo", "tickets"))
	create(t, r, listed("plain"))
	create(t, r, func(a *registry.App) { a.ID = "hidden" })
	create(t, r, func(a *registry.App) { *a = registry.App{ID: "unpublished", Listed: true} })
	finds(t, r, "at first", all, "plain seats zoo")
	finds(t, r, "at first", in("tickets"), "seats zoo")
	finds(t, r, "at first", in("events"), "seats")
	finds(t, r, "at first", in("event"), "")
	finds(t, r, "at first", in("nothing"), "")

	change := func(id string, f func(a *registry.App)) {
		t.Helper()
		update(t, r, id, func(a *registry.App) error { f(a); return nil })
	}
	change("zoo", func(a *registry.App) { a.Manifest.Categories = []string{"animals", "events"} })
	finds(t, r, "with other categories", in("tickets"), "seats")
	finds(t, r, "with other categories", in("animals"), "zoo")
	finds(t, r, "with other categories", in("events"), "seats zoo")
	finds(t, r, "with other categories", all, "plain seats zoo")
	change("zoo", func(a *registry.App) { a.Manifest.Categories = []string{"events", "animals"} })
	finds(t, r, "in another order", in("events"), "seats zoo")
	change("seats", func(a *registry.App) { a.Listed = false })
	finds(t, r, "not listed", in("events"), "zoo")
	finds(t, r, "not listed", all, "plain zoo")
	change("seats", func(a *registry.App) { a.Listed = true })
	finds(t, r, "listed again", all, "plain seats zoo")
	change("hidden", func(a *registry.App) { a.Listed = true })
	finds(t, r, "listed later", all, "hidden plain seats zoo")
	change("seats", func(a *registry.App) { a.Suspended = true })
	finds(t, r, "suspended", all, "hidden plain zoo")
	change("seats", func(a *registry.App) { a.Suspended = false })
	finds(t, r, "reinstated", in("tickets"), "seats")
	update(t, r, "zoo", func(a *registry.App) error { return a.Delete(dev) })
	finds(t, r, "deleted", all, "hidden plain seats")
}

func TestRegistryQueues(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	submitted, approved := registry.Query{State: registry.Submitted}, registry.Query{State: registry.Approved}
	for _, id := range []string{"a", "b"} {
		create(t, r, func(a *registry.App) { a.ID = id; a.Manifest = registry.Manifest{} })
	}
	step := func(when string, f func(a *registry.App) error, inReview, waiting string) {
		t.Helper()
		update(t, r, "a", f)
		finds(t, r, when, submitted, inReview)
		finds(t, r, when, approved, waiting)
	}
	update(t, r, "b", func(a *registry.App) error { return a.Propose(dev, next()) })
	update(t, r, "b", func(a *registry.App) error { return a.Submit(dev) })
	step("proposed", func(a *registry.App) error { return a.Propose(dev, valid()) }, "b", "")
	step("submitted", func(a *registry.App) error { return a.Submit(dev) }, "a b", "")
	step("claimed", func(a *registry.App) error { return a.Claim(staff) }, "a b", "")
	step("rejected", func(a *registry.App) error { return a.Review(staff, false, "no") }, "b", "")
	step("proposed again", func(a *registry.App) error { return a.Propose(dev, valid()) }, "b", "")
	step("submitted again", func(a *registry.App) error { return a.Submit(dev) }, "a b", "")
	step("approved", func(a *registry.App) error { return a.Review(staff, true, "") }, "b", "a")
	step("published", func(a *registry.App) error { return a.Publish(dev) }, "b", "")
	step("suspended, and a next one submitted", func(a *registry.App) error {
		a.Suspended = true
		if err := a.Propose(dev, next()); err != nil {
			return err
		}
		return a.Submit(dev)
	}, "a b", "")
	step("withdrawn", func(a *registry.App) error { return a.Withdraw(dev) }, "b", "")
}

func TestRegistryAppsOfOwner(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	create(t, r, func(a *registry.App) { a.ID = "mine" })
	create(t, r, func(a *registry.App) { a.ID = "gone" })
	create(t, r, func(a *registry.App) { a.ID, a.Owner = "hers", "dev2" })
	update(t, r, "gone", func(a *registry.App) error { return a.Delete(dev) })
	finds(t, r, "of two", registry.Query{Owner: "dev"}, "mine")
	finds(t, r, "of two", registry.Query{Owner: "dev2"}, "hers")
	finds(t, r, "of two", registry.Query{Owner: "de"}, "")
}

func TestRegistryAppsPages(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	var want []string
	for n := range 130 {
		id := fmt.Sprintf("app%03d", n)
		create(t, r, listed(id, "tickets"))
		switch n % 5 {
		case 0, 1, 2: // most of a page may be gone
			update(t, r, id, func(a *registry.App) error { a.Suspended = true; return nil })
		default:
			want = append(want, id)
		}
	}
	for _, limit := range []int{0, 1, 7, 16, 17, 100} {
		for _, q := range []registry.Query{{Limit: limit}, {Limit: limit, Category: "tickets"}} {
			if d := cmp.Diff(want, names(t, r, q)); d != "" {
				t.Errorf("Apps(%+v) page by page (-want +got):\n%s", q, d)
			}
		}
	}
	if apps, _, err := r.Apps(t.Context(), registry.Query{Owner: "dev"}); err != nil || len(apps) != 20 {
		t.Errorf("Apps without a limit: got %d, %v, want 20", len(apps), err)
	}
	if got := len(names(t, r, registry.Query{Owner: "dev", Limit: 7})); got != 130 {
		t.Errorf("Apps of the owner: got %d, want 130", got)
	}
}

func TestQueryRefused(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	for _, q := range []registry.Query{
		{Owner: "dev", Category: "tickets"},
		{Owner: "dev", State: registry.Submitted},
		{Category: "tickets", State: registry.Submitted},
		{State: registry.Draft},
		{State: "published"},
		{Limit: -1},
		{Limit: 101},
	} {
		if _, _, err := r.Apps(t.Context(), q); err == nil || !strings.HasPrefix(err.Error(), "registry: Query") {
			t.Errorf("Apps(%+v): got %v, want a fault of Query", q, err)
		}
	}
}

// Every call to the store fails from some point on, as when a process dies, in every write that moves an
// app in the directory or a queue. An app that should be found is found, one that should not is not, the
// write done again makes it so, and what is left over is gone a day later.
func TestRegistryDirectoryCrash(t *testing.T) {
	t.Parallel()
	type change func(*registry.App) error
	set := func(f func(*registry.App)) change { return func(a *registry.App) error { f(a); return nil } }
	for _, c := range []struct {
		name   string
		change change
	}{
		{"list", set(func(a *registry.App) { a.Listed = true })},
		{"unlist", set(func(a *registry.App) { a.Listed = false })},
		{"move", set(func(a *registry.App) { a.Manifest.Categories = []string{"animals"} })},
		{"delete", set(func(a *registry.App) { a.Deleted, a.Listed, a.Revision = true, false, nil })},
		{"submit", set(func(a *registry.App) {
			a.Revision = &registry.Revision{Manifest: next(), State: registry.Submitted, Author: "dev"}
		})},
		{"publish", set(func(a *registry.App) { a.Manifest, a.Revision = next(), nil })},
	} {
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				s := newFaulty()
				r, clock := newRegistry(t, s)
				create(t, r, func(a *registry.App) {
					a.ID, a.Listed, a.Manifest.Categories = "seats", c.name != "list", []string{"tickets"}
					if c.name == "publish" || c.name == "delete" {
						a.Revision = &registry.Revision{Manifest: next(), State: registry.Submitted, Author: "dev"}
					}
				})
				s.fail(at, 1<<30, after)
				_, err := r.Update(t.Context(), "seats", c.change)
				reached := len(s.calls) >= at
				s.fail(0, 0, false)
				if !reached {
					break
				}
				when := fmt.Sprintf("%s fails from call %d on, after its effect %v", c.name, at, after)
				consistent(t, r, when)
				got, getErr := r.App(t.Context(), "seats")
				if getErr != nil {
					t.Fatal(getErr)
				}
				if err == nil {
					if again := update(t, r, "seats", c.change); cmp.Diff(again.Manifest, got.Manifest) != "" || again.Listed != got.Listed {
						t.Errorf("%s: Update: got nil, and the app is not as it made it", when)
					}
				}
				update(t, r, "seats", c.change)
				consistent(t, r, when+", and is done again")
				clock.add(24 * time.Hour)
				consistent(t, r, when+", a day later")
				sweep(t, s, clock)
				consistent(t, r, when+", swept")
				if got, want := marks(t, s), wanted(t, r); got != want {
					t.Errorf("%s: %d marks are left, want %d", when, got, want)
				}
			}
		}
	}
}

// sweep drops, a day later, what has expired.
func sweep(t *testing.T, s store.Store, c *clock) {
	t.Helper()
	c.add(24 * time.Hour)
	if _, err := s.Sweep(t.Context(), c.Now().Unix(), 1000); err != nil {
		t.Fatal(err)
	}
}

var queries = []registry.Query{{}, {Category: "tickets"}, {Category: "animals"}, {State: registry.Submitted}, {State: registry.Approved}}

// holds reports whether q should find a.
func holds(q registry.Query, a *registry.App) bool {
	if q.State != "" {
		return a.Revision != nil && a.Revision.State == q.State
	}
	return a.Listed && a.Active() && (q.Category == "" || slices.Contains(a.Manifest.Categories, q.Category))
}

// consistent holds that each query finds the app seats if and only if it should.
func consistent(t *testing.T, r *registry.Registry, when string) {
	t.Helper()
	a, err := r.App(t.Context(), "seats")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queries {
		want := ""
		if holds(q, a) {
			want = "seats"
		}
		finds(t, r, when, q, want)
	}
}

// marks returns how many records there are beside that of the app.
func marks(t *testing.T, s *faulty) int {
	t.Helper()
	seen := map[string]bool{}
	s.before = func(_ context.Context, method, key string, r *store.Record) {
		if method == "List" {
			rs, _, err := s.Store.List(t.Context(), key, "", 1000)
			if err != nil {
				t.Error(err)
			}
			for _, r := range rs {
				seen[r.Key] = true
			}
		}
	}
	r, _ := newRegistry(t, s)
	for _, q := range queries {
		names(t, r, q)
	}
	s.before = nil
	return len(seen)
}

func wanted(t *testing.T, r *registry.Registry) (n int) {
	a, err := r.App(t.Context(), "seats")
	if err != nil {
		t.Fatal(err)
	}
	if a.Listed {
		n++
	}
	if holds(registry.Query{State: registry.Submitted}, a) || holds(registry.Query{State: registry.Approved}, a) {
		n++
	}
	return n
}

// One writer takes an app out of the directory and is slow to take its mark down, or a reader comes across
// the mark then; meanwhile another lists the app again. The app stays found.
func TestRegistryDirectoryRace(t *testing.T) {
	t.Parallel()
	list := func(listed bool) func(*registry.App) error {
		return func(a *registry.App) error { a.Listed = listed; return nil }
	}
	t.Run("of two writers", func(t *testing.T) {
		s := newFaulty()
		r, clock := newRegistry(t, s)
		create(t, r, listed("seats", "tickets"))
		written, once := false, false
		s.before = func(_ context.Context, method, key string, rec *store.Record) {
			switch {
			case method == "Swap" && strings.HasPrefix(key, "a/"):
				written = true
			case written && strings.HasPrefix(key, "d/") && !once: // before the writer looks at the mark again
				once = true
				update(t, r, "seats", list(true))
			}
		}
		update(t, r, "seats", list(false))
		s.before = nil
		if !once {
			t.Fatal("no mark was taken down")
		}
		sweep(t, s, clock)
		consistent(t, r, "listed again while the mark came down")
	})
	t.Run("of a reader and a writer", func(t *testing.T) {
		s := newFaulty()
		r, clock := newRegistry(t, s)
		create(t, r, listed("seats", "tickets"))
		s.before = func(_ context.Context, method, key string, rec *store.Record) {
			if method == "Swap" && strings.HasPrefix(key, "d/") {
				s.mu.Lock()
				s.at, s.until = len(s.calls), len(s.calls)+100 // the mark stays up
				s.mu.Unlock()
			}
		}
		update(t, r, "seats", list(false))
		s.before = nil
		s.fail(0, 0, false)
		clock.add(24 * time.Hour)
		lowered := false
		s.before = func(_ context.Context, method, key string, rec *store.Record) {
			switch {
			case method == "Swap" && strings.HasPrefix(key, "d/") && rec.Expires != 0 && !lowered:
				lowered = true
				update(t, r, "seats", list(true))
			case method == "Swap" && strings.HasPrefix(key, "a/"):
				// The mark is up again and the app not yet written: a reader now leaves the mark alone.
				names(t, r, registry.Query{})
			}
		}
		names(t, r, registry.Query{})
		s.before = nil
		if !lowered {
			t.Fatal("no mark was taken down")
		}
		sweep(t, s, clock)
		consistent(t, r, "listed again while a reader took the mark down")
	})
}
