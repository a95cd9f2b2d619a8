package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

var (
	dev   = registry.Actor{Subject: "dev", Tenant: "t1"}
	staff = registry.Actor{Subject: "sam", Tenant: "ops", Staff: true}
)

// create stores an app of dev with the valid manifest, changed by change, and returns it.
func create(t testing.TB, r *registry.Registry, change func(*registry.App)) *registry.App {
	t.Helper()
	a := &registry.App{Owner: "dev", Tenant: "t1", Manifest: valid()}
	if change != nil {
		change(a)
	}
	if err := r.Create(t.Context(), a); err != nil {
		t.Fatalf("Create: %v", err)
	}
	return a
}

func update(t testing.TB, r *registry.Registry, id string, change func(*registry.App) error) *registry.App {
	t.Helper()
	a, err := r.Update(t.Context(), id, change)
	if err != nil {
		t.Fatalf("Update(%q): %v", id, err)
	}
	return a
}

func TestNew(t *testing.T) {
	t.Parallel()
	if r, err := registry.New(registry.Config{}); r != nil || err == nil {
		t.Errorf("New without a store: got %v, %v", r, err)
	}
}

func TestRegistryKeepsAnApp(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	_, one := registry.NewSecret(start)
	_, two := registry.NewSecret(start)
	two.NotAfter, two.Retiring = hour(24), true
	m := valid()
	m.JWKS = set(jwk(t, edKey(t), ""))
	a := &registry.App{
		ID: "seats", Owner: "dev", Tenant: "t1", Manifest: m, Secrets: []registry.Secret{one, two},
		Policy:   registry.Policy{Resources: []string{"https://api.example"}, Opaque: true, AccessLifetime: 60e9, RefreshLifetime: 3600e9, MayIntrospect: true, FirstParty: true, InsecureNoPKCE: true, InsecureRefreshForClientCredentials: true},
		Revision: &registry.Revision{Manifest: next(), State: registry.Rejected, Author: "dev", Reviewer: "sam", Note: "no"},
		Shared:   true, Listed: true, Suspended: true, Paused: true, Epoch: 5,
	}
	if err := r.Create(t.Context(), a); err != nil {
		t.Fatalf("Create: %v", err)
	}
	if a.Version == 0 || !a.Created.Equal(start) || !a.Updated.Equal(start) {
		t.Errorf("Create: got Version %d, Created %v, Updated %v", a.Version, a.Created, a.Updated)
	}
	got, err := r.App(t.Context(), "seats")
	if err != nil {
		t.Fatalf("App: %v", err)
	}
	if d := cmp.Diff(a, got); d != "" {
		t.Errorf("App (-created +read):\n%s", d)
	}
	if d := cmp.Diff(a.Secrets[0].Hash, got.Secrets[0].Hash); d != "" {
		t.Errorf("the hash is not kept")
	}
	// Nothing that changes nothing loses anything.
	got = update(t, r, "seats", func(*registry.App) error { return nil })
	a.Version++
	if d := cmp.Diff(a, got); d != "" {
		t.Errorf("Update of nothing (-before +after):\n%s", d)
	}
	if read, _ := r.App(t.Context(), "seats"); cmp.Diff(got, read) != "" {
		t.Errorf("App after Update (-updated +read):\n%s", cmp.Diff(got, read))
	}
}

func TestRegistryCreate(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	// R9700-4.15-1
	t.Run("generates an ID of its own", func(t *testing.T) {
		seen := map[string]bool{}
		for range 100 {
			a := create(t, r, nil)
			if len(a.ID) < 22 || seen[a.ID] {
				t.Fatalf("Create: got ID %q", a.ID)
			}
			seen[a.ID] = true
		}
	})
	// CIMD-6.9-1
	t.Run("takes any client_id of 1 to 100 bytes but a URL", func(t *testing.T) {
		for id, ok := range map[string]bool{
			"seats": true, "a b~!": true, strings.Repeat("x", 100): true, strings.Repeat("x", 101): false,
			"a\nb": false, "é": false, "\x7f": false, "https://app.example/client.json": false, "https:": true,
		} {
			a := &registry.App{ID: id, Manifest: valid()}
			err := r.Create(t.Context(), a)
			if (err == nil) != ok {
				t.Errorf("Create with ID %.20q: got %v, want accepted %v", id, err, ok)
			}
			if got, err := r.App(t.Context(), id); ok != (err == nil && got.ID == id) {
				t.Errorf("App(%.20q): got %v, %v", id, got, err)
			}
		}
	})
	t.Run("does not take an ID twice, even of a deleted app", func(t *testing.T) {
		a := create(t, r, nil)
		again := &registry.App{ID: a.ID, Manifest: next()}
		if err := r.Create(t.Context(), again); !errors.Is(err, registry.ErrExists) {
			t.Errorf("Create: got %v, want ErrExists", err)
		}
		update(t, r, a.ID, func(a *registry.App) error { return a.Delete(staff) })
		if err := r.Create(t.Context(), again); !errors.Is(err, registry.ErrExists) {
			t.Errorf("Create after Delete: got %v, want ErrExists", err)
		}
		if got, err := r.App(t.Context(), a.ID); err != nil || !got.Deleted || got.Manifest.Name != "Seats" {
			t.Errorf("App after Delete: got %+v, %v", got, err)
		}
	})
	t.Run("stores nothing that is invalid", func(t *testing.T) {
		for name, change := range map[string]func(*registry.App){
			"manifest":        func(a *registry.App) { a.Manifest.RedirectURIs = []string{"http://seats.example"} },
			"revision":        func(a *registry.App) { a.Revision = &registry.Revision{State: registry.Draft} },
			"revision's note": func(a *registry.App) { a.Revision = &registry.Revision{Manifest: next(), State: "draft", Note: "\x00"} },
			"state":           func(a *registry.App) { a.Revision = &registry.Revision{Manifest: next(), State: "published"} },
			"secret":          func(a *registry.App) { a.Secrets = []registry.Secret{{Hash: []byte("plain")}} },
			"three secrets": func(a *registry.App) {
				a.Secrets = make([]registry.Secret, 3)
				for i := range a.Secrets {
					_, a.Secrets[i] = registry.NewSecret(start)
				}
			},
			"lifetime":            func(a *registry.App) { a.Policy.AccessLifetime = -1 },
			"lifetime of years":   func(a *registry.App) { a.Policy.AccessLifetime = 10 * 365 * 24 * time.Hour },
			"lifetime of nothing": func(a *registry.App) { a.Policy.AccessLifetime = time.Second / 2 },
			"lifetime2":           func(a *registry.App) { a.Policy.RefreshLifetime = -1 },
			"resource":            func(a *registry.App) { a.Policy.Resources = []string{"https://api.example#f"} },
			"user":                func(a *registry.App) { a.Policy.Resources = []string{"https://me@api.example"} },
			"resource2":           func(a *registry.App) { a.Policy.Resources = []string{"api"} },
			"resources":           func(a *registry.App) { a.Policy.Resources = make([]string, 33) },
			"PKCE":                func(a *registry.App) { a.Policy.InsecureNoPKCE, a.Manifest.AuthMethod = true, "none" },
			"epoch":               func(a *registry.App) { a.Epoch = -1 },
			"too large":           func(a *registry.App) { a.Owner = strings.Repeat("x", 61<<10) },
		} {
			a := &registry.App{ID: "bad", Manifest: valid()}
			change(a)
			if err := r.Create(t.Context(), a); err == nil {
				t.Errorf("%s: Create: got nil, want an error", name)
			}
			if _, err := r.App(t.Context(), "bad"); !errors.Is(err, registry.ErrNotFound) {
				t.Fatalf("%s: App: got %v, want ErrNotFound", name, err)
			}
		}
	})
}

func TestRegistryUpdate(t *testing.T) {
	t.Parallel()
	r, clock := newRegistry(t, memory.New())
	t.Run("of an app there is not", func(t *testing.T) {
		_, err := r.Update(t.Context(), "none", func(*registry.App) error { t.Error("change is called"); return nil })
		if !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("Update: got %v, want ErrNotFound", err)
		}
	})
	t.Run("raises the version and sets the time", func(t *testing.T) {
		a := create(t, r, nil)
		clock.add(1e9)
		got := update(t, r, a.ID, func(a *registry.App) error { return a.EndGrants(dev) })
		if got.Version != a.Version+1 || got.Epoch != 1 || !got.Updated.Equal(clock.Now()) || !got.Created.Equal(a.Created) {
			t.Errorf("Update: got Version %d, Epoch %d, Updated %v, Created %v", got.Version, got.Epoch, got.Updated, got.Created)
		}
	})
	t.Run("writes nothing if the change fails, and returns its error", func(t *testing.T) {
		a := create(t, r, nil)
		mine := errors.New("mine")
		_, err := r.Update(t.Context(), a.ID, func(a *registry.App) error { a.Paused = true; return mine })
		if err != mine {
			t.Errorf("Update: got %v, want the change's error", err)
		}
		if got, _ := r.App(t.Context(), a.ID); got.Paused || got.Version != a.Version {
			t.Errorf("App: got Paused %v, Version %d, want as before", got.Paused, got.Version)
		}
	})
	t.Run("refuses what may never happen", func(t *testing.T) {
		a := create(t, r, func(a *registry.App) { a.Epoch = 4 })
		gone := create(t, r, nil)
		update(t, r, gone.ID, func(a *registry.App) error { return a.Delete(dev) })
		for name, c := range map[string]struct {
			id     string
			change func(*registry.App)
		}{
			"another ID":         {a.ID, func(a *registry.App) { a.ID = "other" }},
			"another owner":      {a.ID, func(a *registry.App) { a.Owner = "dora" }},
			"another tenant":     {a.ID, func(a *registry.App) { a.Tenant = "t2" }},
			"another birthday":   {a.ID, func(a *registry.App) { a.Created = hour(1) }},
			"a lower epoch":      {a.ID, func(a *registry.App) { a.Epoch-- }},
			"a bad manifest":     {a.ID, func(a *registry.App) { a.Manifest.Name = "" }},
			"a bad policy":       {a.ID, func(a *registry.App) { a.Policy.AccessLifetime = -1 }},
			"a bad secret":       {a.ID, func(a *registry.App) { a.Secrets = []registry.Secret{{}} }},
			"back from the dead": {gone.ID, func(a *registry.App) { a.Deleted = false }},
			"a public app without PKCE": {a.ID, func(a *registry.App) {
				a.Manifest.AuthMethod, a.Policy.InsecureNoPKCE = "none", true
			}},
		} {
			if _, err := r.Update(t.Context(), c.id, func(a *registry.App) error { c.change(a); return nil }); err == nil {
				t.Errorf("%s: Update: got nil, want an error", name)
			}
		}
		if got, _ := r.App(t.Context(), a.ID); got.Version != a.Version {
			t.Errorf("App: got Version %d, want %d", got.Version, a.Version)
		}
	})
}

// record returns the one record of s whose value holds text.
func record(t *testing.T, s store.Store, label, text string) store.Record {
	t.Helper()
	rs, _, err := s.List(t.Context(), label, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		if bytes.Contains(r.Value, []byte(text)) {
			return r
		}
	}
	t.Fatalf("no record with %q", text)
	return store.Record{}
}

// listLabel is one label of every record of an app or installation in s.
func listLabel(t *testing.T, s *faulty, write func()) (label string) {
	t.Helper()
	s.before = func(_ context.Context, method, key string, r *store.Record) {
		if method == "Create" && (strings.HasPrefix(key, "a/") || strings.HasPrefix(key, "i/")) {
			label = r.Labels[0]
		}
	}
	defer func() { s.before = nil }()
	write()
	return label
}

func TestRegistryRecord(t *testing.T) {
	t.Parallel()
	edit := func(t *testing.T, old, new string) (*registry.Registry, *registry.App, func() store.Record) {
		s := newFaulty()
		r, _ := newRegistry(t, s)
		var a *registry.App
		label := listLabel(t, s, func() { a = create(t, r, nil) })
		rec := record(t, s.Store, label, a.ID)
		if !bytes.Contains(rec.Value, []byte(old)) {
			t.Fatalf("no %q in the record", old)
		}
		rec.Value = bytes.Replace(rec.Value, []byte(old), []byte(new), 1)
		if err := s.Store.Swap(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		return r, a, func() store.Record { return record(t, s.Store, label, a.ID) }
	}
	t.Run("keeps the members of a newer version", func(t *testing.T) {
		r, a, read := edit(t, `"client_name":`, `"new_rule":{"x":[1]},"client_name":`)
		update(t, r, a.ID, func(a *registry.App) error { return a.Halt(dev, true) })
		update(t, r, a.ID, func(a *registry.App) error { return errors.Join(a.Halt(dev, false), a.EndGrants(dev)) })
		if got := read(); !bytes.Contains(got.Value, []byte(`"new_rule":{"x":[1]}`)) {
			t.Errorf("the member is lost: %s", got.Value[17:])
		}
	})
	t.Run("of an app that broke a later rule can be suspended, and nothing worse", func(t *testing.T) {
		r, a, _ := edit(t, "https://seats.example/cb", "http://seats.example/cb")
		update(t, r, a.ID, func(a *registry.App) error { return a.Halt(staff, true) })
		if _, err := r.Update(t.Context(), a.ID, func(a *registry.App) error {
			a.Manifest.Name = "Other"
			return nil
		}); err == nil {
			t.Error("Update of its manifest: got nil, want an error")
		}
	})
	t.Run("holds no secret", func(t *testing.T) {
		s := newFaulty()
		r, _ := newRegistry(t, s)
		plain, kept := registry.NewSecret(start)
		var all bytes.Buffer
		s.before = func(_ context.Context, _, key string, r *store.Record) {
			if r != nil {
				fmt.Fprintf(&all, "%s %s %s\n", key, r.Labels, r.Value)
			}
		}
		a := create(t, r, func(a *registry.App) { a.Secrets = []registry.Secret{kept} })
		update(t, r, a.ID, func(a *registry.App) error { return a.EndGrants(dev) })
		if strings.Contains(all.String(), plain[4:]) || !strings.Contains(all.String(), kept.ID) {
			t.Error("the plain secret is in a record, or its ID is not")
		}
	})
	t.Run("that is damaged is an error, not an absent app", func(t *testing.T) {
		r, a, _ := edit(t, `"client_name":`, `"client_name"`)
		if _, err := r.App(t.Context(), a.ID); err == nil || errors.Is(err, registry.ErrNotFound) {
			t.Errorf("App: got %v", err)
		}
	})
}

// With If-Match, of many updates at one version one is made.
func TestRegistryIfMatch(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	errStale := errors.New("stale")
	for range 20 {
		a := create(t, r, nil)
		var won, lost atomic.Int64
		var ready, done sync.WaitGroup
		begin := make(chan struct{})
		for range 50 {
			ready.Add(1)
			done.Go(func() {
				ready.Done()
				<-begin
				_, err := r.Update(t.Context(), a.ID, func(now *registry.App) error {
					if now.Version != a.Version {
						return errStale
					}
					return now.EndGrants(dev)
				})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, errStale):
					lost.Add(1)
				default:
					t.Errorf("Update: %v", err)
				}
			})
		}
		ready.Wait()
		close(begin)
		done.Wait()
		if won.Load() != 1 || lost.Load() != 49 {
			t.Fatalf("of 50 updates: %d won and %d lost, want 1 and 49", won.Load(), lost.Load())
		}
	}
}

// Updates that contend lose nothing: each that succeeds is counted, each that fails is not.
func TestRegistryUpdateContended(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	a := create(t, r, nil)
	var won atomic.Int64
	var done sync.WaitGroup
	begin := make(chan struct{})
	for range 16 {
		done.Go(func() {
			<-begin
			for range 25 {
				_, err := r.Update(t.Context(), a.ID, func(a *registry.App) error { return a.EndGrants(dev) })
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, table.ErrUnavailable):
					t.Errorf("Update: got %v, want that there was no outcome", err)
				}
			}
		})
	}
	close(begin)
	done.Wait()
	if got, _ := r.App(t.Context(), a.ID); got.Epoch != won.Load() || got.Version != a.Version+won.Load() || got.Epoch == 0 {
		t.Errorf("after %d updates: got Epoch %d, Version %d, first %d", won.Load(), got.Epoch, got.Version, a.Version)
	}
}

// Every call to the store fails once, before its effect and after it, in every write: what is then stored
// is what was before, or what was asked for, and doing it again finishes it.
func TestRegistryStoreFaults(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			s := newFaulty()
			r, _ := newRegistry(t, s)
			a := create(t, r, nil)
			list := func(a *registry.App) error { a.Listed = true; return a.EndGrants(dev) }
			s.fail(at, at, after)
			_, err := r.Update(t.Context(), a.ID, list)
			reached := len(s.calls) >= at
			s.fail(0, 0, false)
			if !reached {
				break
			}
			got, getErr := r.App(t.Context(), a.ID)
			if getErr != nil {
				t.Fatalf("App: %v", getErr)
			}
			if err == nil && !got.Listed || got.Epoch > 1 || got.Listed != (got.Epoch == 1) {
				t.Errorf("call %d fails, after its effect %v: Update: got %v, and Listed %v, Epoch %d", at, after, err, got.Listed, got.Epoch)
			}
			if err != nil && !errors.Is(err, errFault) {
				t.Errorf("call %d fails, after its effect %v: Update: got %v, want the store's error in it", at, after, err)
			}
			if !got.Listed {
				update(t, r, a.ID, list)
			}
			if got, _, err := r.Apps(t.Context(), registry.Query{}); err != nil || len(got) != 1 {
				t.Errorf("call %d fails, after its effect %v: Apps: got %d, %v, want 1", at, after, len(got), err)
			}
		}
	}
}

func BenchmarkRegistryApp(b *testing.B) {
	r, _ := newRegistry(b, memory.New())
	_, secret := registry.NewSecret(start)
	a := create(b, r, func(a *registry.App) { a.Secrets = []registry.Secret{secret} })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.App(b.Context(), a.ID); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRegistryInstallation(b *testing.B) {
	r, _ := newRegistry(b, memory.New())
	app := create(b, r, func(a *registry.App) { *a = *shared() })
	install(b, r, app.ID, "t2", "", allow("read"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Installation(b.Context(), app, "t2", "sue"); err != nil {
			b.Fatal(err)
		}
	}
}
