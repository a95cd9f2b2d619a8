package registry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/registry"
)

// rotating is an app whose secrets are added and removed at times in hours after start.
type rotating struct {
	t   testing.TB
	app registry.App
	by  registry.Actor
	all map[string]string // plain secrets by ID
}

func newRotating(t testing.TB) *rotating {
	by := registry.Actor{Subject: "dev", Tenant: "t1"}
	return &rotating{t: t, app: registry.App{ID: "seats", Owner: "dev", Tenant: "t1"}, by: by, all: map[string]string{}}
}

func hour(h float64) time.Time { return start.Add(time.Duration(h * float64(time.Hour))) }

func (r *rotating) add(id string, at float64, overlap time.Duration) error {
	plain, s := registry.NewSecret(hour(at))
	s.ID = id
	r.all[id] = plain
	return r.app.AddSecret(r.by, s, overlap)
}

// wants holds that at a time exactly these secrets authenticate.
func (r *rotating) wants(at float64, ids ...string) {
	r.t.Helper()
	got, want := map[string]bool{}, map[string]bool{}
	for id, plain := range r.all {
		if found, ok := r.app.CheckSecret(plain, hour(at)); ok {
			if found != id {
				r.t.Errorf("at %v h: CheckSecret of secret %q: got ID %q", at, id, found)
			}
			got[id] = true
		}
	}
	for _, id := range ids {
		want[id] = true
	}
	if d := cmp.Diff(want, got); d != "" {
		r.t.Errorf("at %v h: secrets that authenticate (-want +got):\n%s", at, d)
	}
}

func (r *rotating) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestAppRotation(t *testing.T) {
	t.Parallel()
	begun := func(t *testing.T, overlap time.Duration) *rotating {
		r := newRotating(t)
		r.must(r.add("old", 0, 0))
		r.wants(1000, "old")
		r.must(r.add("new", 1, overlap))
		return r
	}
	t.Run("overlaps for a day unless told otherwise", func(t *testing.T) {
		r := begun(t, 0)
		r.wants(24.9, "old", "new")
		r.wants(25, "new")
	})
	t.Run("overlaps for as long as told", func(t *testing.T) {
		r := begun(t, 7*24*time.Hour)
		r.wants(168.9, "old", "new")
		r.wants(169, "new")
	})
	t.Run("overlaps for at most 7 days", func(t *testing.T) {
		r := newRotating(t)
		r.must(r.add("old", 0, 0))
		if err := r.add("new", 1, 7*24*time.Hour+1); err == nil {
			t.Error("AddSecret: got nil, want an error")
		}
		r.wants(1000, "old")
	})
	t.Run("is completed", func(t *testing.T) {
		r := begun(t, 0)
		r.must(r.app.RemoveSecret(r.by, "old", hour(2)))
		r.wants(2, "new")
		r.wants(1000, "new")
	})
	t.Run("is cancelled, and the old secret lives on", func(t *testing.T) {
		r := begun(t, 0)
		r.must(r.app.RemoveSecret(r.by, "new", hour(2)))
		r.wants(1000, "old")
	})
	t.Run("is not cancelled once it is over", func(t *testing.T) {
		r := begun(t, 0)
		r.must(r.app.RemoveSecret(r.by, "new", hour(26)))
		r.wants(26)
		r.wants(2)
	})
	t.Run("is cut short", func(t *testing.T) {
		r := begun(t, -1)
		r.wants(1, "new")
		r.wants(1000, "new")
	})
	t.Run("takes no third secret while two are usable", func(t *testing.T) {
		r := begun(t, 0)
		if err := r.add("third", 24.9, 0); !errors.Is(err, registry.ErrState) {
			t.Errorf("AddSecret: got %v, want ErrState", err)
		}
		r.wants(24.9, "old", "new")
		r.must(r.add("third", 25, 0))
		r.wants(26, "new", "third")
	})
	t.Run("takes a third that ends both at once", func(t *testing.T) {
		r := begun(t, 0)
		r.must(r.add("third", 2, -1))
		r.wants(2, "third")
	})
	t.Run("does not prolong a secret that ends sooner", func(t *testing.T) {
		r := newRotating(t)
		r.must(r.add("old", 0, 0))
		r.app.Secrets[0].NotAfter = hour(3)
		r.must(r.add("new", 1, 0))
		r.wants(2.9, "old", "new")
		r.wants(3, "new")
		r.must(r.app.RemoveSecret(r.by, "new", hour(2)))
		r.wants(2.9, "old")
		r.wants(3)
	})
	t.Run("does not make a secret with an end one without", func(t *testing.T) {
		r := newRotating(t)
		r.must(r.add("old", 0, 0))
		r.app.Secrets[0].NotAfter = hour(48)
		r.must(r.add("new", 1, 0))
		r.must(r.app.RemoveSecret(r.by, "new", hour(2)))
		r.wants(24.9, "old")
		r.wants(48)
	})
	t.Run("leaves nobody in once the last secret is removed", func(t *testing.T) {
		r := begun(t, 0)
		r.must(r.app.RemoveSecret(r.by, "old", hour(2)))
		r.must(r.app.RemoveSecret(r.by, "new", hour(2)))
		r.wants(2)
		r.must(r.add("third", 3, 0))
		r.wants(3, "third")
	})
}

func TestAppSecretRefused(t *testing.T) {
	t.Parallel()
	_, good := registry.NewSecret(start)
	for _, c := range []struct {
		name   string
		change func(*registry.Secret)
	}{
		{"without an ID", func(s *registry.Secret) { s.ID = "" }},
		{"without a time of creation", func(s *registry.Secret) { s.Created = time.Time{} }},
		{"that has ended", func(s *registry.Secret) { s.NotAfter = s.Created }},
		{"with the ID of another", func(s *registry.Secret) { s.ID = "first" }},
		{"without a hash", func(s *registry.Secret) { s.Hash = nil }},
		{"with a hash that is none", func(s *registry.Secret) { s.Hash = []byte("chosen") }},
	} {
		r := newRotating(t)
		r.must(r.add("first", 0, 0))
		s := good
		c.change(&s)
		before := len(r.app.Secrets)
		if err := r.app.AddSecret(r.by, s, 0); err == nil {
			t.Errorf("AddSecret of one %s: got nil, want an error", c.name)
		}
		if len(r.app.Secrets) != before || r.app.Secrets[0].Retiring {
			t.Errorf("AddSecret of one %s: changed the app", c.name)
		}
	}
	r := newRotating(t)
	r.must(r.add("first", 0, 0))
	for _, id := range []string{"", "second"} {
		if err := r.app.RemoveSecret(r.by, id, hour(1)); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("RemoveSecret(%q): got %v, want ErrNotFound", id, err)
		}
	}
	r.wants(1, "first")
}

func TestAppHaltKeepsSidesApart(t *testing.T) {
	t.Parallel()
	dev := registry.Actor{Subject: "dev", Tenant: "t1"}
	staff := registry.Actor{Subject: "admin", Staff: true}
	a := registry.App{ID: "seats", Owner: "dev", Tenant: "t1", Manifest: valid()}
	for _, step := range []struct {
		by         registry.Actor
		halt, want bool
	}{
		{dev, true, false}, {staff, false, false}, {staff, true, false}, {dev, false, false},
		{registry.Actor{Subject: "dev", Tenant: "t1", Staff: true}, false, false}, {staff, false, true},
	} {
		if err := a.Halt(step.by, step.halt); err != nil {
			t.Fatalf("Halt(%+v, %v): %v", step.by, step.halt, err)
		}
		if a.Active() != step.want {
			t.Errorf("after Halt(%+v, %v): Active: got %v", step.by, step.halt, a.Active())
		}
	}
}

func TestAppActive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		app  registry.App
		want bool
	}{
		{"published", registry.App{Manifest: valid()}, true},
		{"for machines", registry.App{Manifest: registry.Manifest{GrantTypes: []string{"client_credentials"}}}, true},
		{"never published", registry.App{Revision: &registry.Revision{Manifest: valid(), State: registry.Approved}}, false},
		{"with a revision beside it", registry.App{Manifest: valid(), Revision: &registry.Revision{Manifest: valid(), State: registry.Rejected}}, true},
		{"suspended", registry.App{Manifest: valid(), Suspended: true}, false},
		{"paused", registry.App{Manifest: valid(), Paused: true}, false},
		{"deleted", registry.App{Manifest: valid(), Deleted: true}, false},
	} {
		if got := c.app.Active(); got != c.want {
			t.Errorf("Active of an app %s: got %v", c.name, got)
		}
	}
}
