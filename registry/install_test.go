package registry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

func install(t testing.TB, r *registry.Registry, app, tenant, subject string, change func(*registry.App, *registry.Installation) error) *registry.Installation {
	t.Helper()
	i, err := r.Install(t.Context(), app, tenant, subject, change)
	if err != nil {
		t.Fatalf("Install(%q, %q, %q): %v", app, tenant, subject, err)
	}
	return i
}

// allow is a change that allows scopes, as one of the tenant or its subject.
func allow(scopes ...string) func(*registry.App, *registry.Installation) error {
	return func(a *registry.App, i *registry.Installation) error {
		subject := i.Subject
		if subject == "" {
			subject = "olga"
		}
		return i.Allow(registry.Actor{Subject: subject, Tenant: i.Tenant}, a, scopes)
	}
}

func remove(a *registry.App, i *registry.Installation) error {
	return i.Remove(registry.Actor{Subject: "sam", Staff: true})
}

func suspend(a *registry.App, i *registry.Installation) error {
	return i.Halt(registry.Actor{Subject: "sam", Staff: true}, true)
}

func pause(a *registry.App, i *registry.Installation) error {
	return i.Halt(registry.Actor{Subject: "olga", Tenant: i.Tenant}, true)
}

func request(a *registry.App, i *registry.Installation) error {
	return i.Request(registry.Actor{Subject: "dev", Tenant: "t1"}, a, []string{"admin"})
}

func TestRegistryInstallation(t *testing.T) {
	t.Parallel()
	type step struct {
		subject string
		change  func(*registry.App, *registry.Installation) error
	}
	for _, c := range []struct {
		name    string
		app     func(*registry.App)
		steps   []step // in tenant t2
		tenant  string
		subject string
		want    string // "none": needs none; "missing": ErrNotFound; else its subject and scopes
	}{
		{"nothing is installed", nil, nil, "t2", "sue", "missing"},
		{"there is no tenant", nil, nil, "", "sue", "none"},
		{"in the app's own tenant", nil, nil, "t1", "sue", "none"},
		{"an app of no tenant has no own", func(a *registry.App) { a.Tenant = "" }, nil, "t2", "", "missing"},
		{"a first party", func(a *registry.App) { a.Policy.FirstParty = true }, nil, "t2", "sue", "none"},
		{"the tenant's", nil, []step{{"", allow("read")}}, "t2", "sue", " read"},
		{"the tenant's, where nobody is signed in", nil, []step{{"", allow("read")}}, "t2", "", " read"},
		{"the tenant's, in another", nil, []step{{"", allow("read")}}, "t3", "sue", "missing"},
		{"a subject's own", nil, []step{{"sue", allow("write")}}, "t2", "sue", "sue write"},
		{"a subject's own, for another", nil, []step{{"sue", allow("write")}}, "t2", "tom", "missing"},
		{"a subject's own, where nobody is signed in", nil, []step{{"sue", allow("write")}}, "t2", "", "missing"},
		{"a subject's own before the tenant's", nil, []step{{"", allow("read")}, {"sue", allow("write")}}, "t2", "sue", "sue write"},
		{"the tenant's suspended, before a subject's own", nil, []step{{"", allow("read")}, {"", suspend}, {"sue", allow("write")}}, "t2", "sue", " read halted"},
		{"the tenant's paused, before a subject's own", nil, []step{{"", allow("read")}, {"sue", allow("write")}, {"", pause}}, "t2", "sue", " read halted"},
		{"one only requested", nil, []step{{"", request}}, "t2", "sue", "missing"},
		{"the subject's only requested", nil, []step{{"", allow("read")}, {"sue", request}}, "t2", "sue", " read"},
		{"the subject's removed", nil, []step{{"", allow("read")}, {"sue", allow("write")}, {"sue", remove}}, "t2", "sue", " read"},
		{"the subject's suspended", nil, []step{{"", allow("read")}, {"sue", allow("write")}, {"sue", suspend}}, "t2", "sue", "sue write halted"},
		{"the subject's suspended and removed", nil, []step{{"", allow("read")}, {"sue", allow("write")}, {"sue", suspend}, {"sue", remove}}, "t2", "sue", "sue  halted"},
		{"the tenant's removed", nil, []step{{"", allow("read")}, {"", remove}}, "t2", "sue", "missing"},
		{"the tenant's suspended", nil, []step{{"", allow("read")}, {"", suspend}}, "t2", "sue", " read halted"},
		{"a first party that is installed all the same", func(a *registry.App) { a.Policy.FirstParty = true }, []step{{"", allow("read")}}, "t2", "sue", " read"},
	} {
		r, _ := newRegistry(t, memory.New())
		app := create(t, r, func(a *registry.App) {
			*a = *shared()
			if c.app != nil {
				c.app(a)
			}
		})
		for _, s := range c.steps {
			install(t, r, app.ID, "t2", s.subject, s.change)
		}
		i, err := r.Installation(t.Context(), app, c.tenant, c.subject)
		var got string
		switch {
		case errors.Is(err, registry.ErrNotFound):
			got = "missing"
		case err != nil:
			got = err.Error()
		case i == nil:
			got = "none"
		default:
			got = i.Subject + " " + strings.Join(i.Allowed, " ")
			if !i.Active() {
				got += " halted"
			}
		}
		if got != c.want {
			t.Errorf("%s: Installation(%q, %q): got %q, want %q", c.name, c.tenant, c.subject, got, c.want)
		}
	}
}

func TestRegistryInstallationIsOneRead(t *testing.T) {
	t.Parallel()
	s := newFaulty()
	r, _ := newRegistry(t, s)
	app := shared()
	for _, c := range []struct {
		tenant, subject string
		want            int
	}{{"", "sue", 0}, {"t2", "", 1}, {"t2", "sue", 1}} {
		s.fail(0, 0, false)
		if _, err := r.Installation(t.Context(), app, c.tenant, c.subject); err != nil && !errors.Is(err, registry.ErrNotFound) {
			t.Fatal(err)
		}
		if len(s.calls) != c.want {
			t.Errorf("Installation(%q, %q): calls %q, want %d", c.tenant, c.subject, s.calls, c.want)
		}
	}
}

// A grant is over once the epoch it was given under is not the current one. Whatever comes to rule after
// an installation was removed, its epoch is another.
func TestRegistryInstallationEpochs(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	app := create(t, r, func(a *registry.App) { *a = *shared(); a.ID = "" })
	seen := map[int64]string{0: "no installation"}
	rules := func(what, subject string) {
		t.Helper()
		i, err := r.Installation(t.Context(), app, "t2", subject)
		if err != nil {
			t.Fatal(err)
		}
		if other, found := seen[i.Epoch]; found {
			t.Errorf("%s has the epoch of %s", what, other)
		}
		seen[i.Epoch] = what
	}
	install(t, r, app.ID, "t2", "", allow("read"))
	rules("the tenant's", "sue")
	install(t, r, app.ID, "t2", "", remove)
	install(t, r, app.ID, "t2", "sue", allow("read"))
	rules("sue's own", "sue")
	install(t, r, app.ID, "t2", "sue", remove)
	install(t, r, app.ID, "t2", "", allow("read"))
	rules("the tenant's, installed again", "sue")
	install(t, r, app.ID, "t2", "sue", allow("read"))
	rules("sue's own, installed again", "sue")
}

func TestRegistryInstall(t *testing.T) {
	t.Parallel()
	r, clock := newRegistry(t, memory.New())
	app := create(t, r, func(a *registry.App) { *a = *shared() })
	never := func(*registry.App, *registry.Installation) error { t.Error("change is called"); return nil }
	if _, err := r.Install(t.Context(), "none", "t2", "", never); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("Install of no app: got %v, want ErrNotFound", err)
	}
	if _, err := r.Install(t.Context(), app.ID, "", "sue", never); err == nil {
		t.Error("Install in no tenant: got nil, want an error")
	}
	mine := errors.New("mine")
	if _, err := r.Install(t.Context(), app.ID, "t2", "", func(*registry.App, *registry.Installation) error { return mine }); err != mine {
		t.Errorf("Install with a change that fails: got %v, want its error", err)
	}
	if is, _, err := r.Installations(t.Context(), "t2", "", ""); err != nil || len(is) != 0 {
		t.Errorf("Installations after it: got %d, %v, want none", len(is), err)
	}
	clock.add(1e9)
	first := install(t, r, app.ID, "t2", "", allow("read"))
	if first.Version == 0 || !first.Updated.Equal(clock.Now()) || first.App != app.ID || first.Tenant != "t2" || first.Subject != "" {
		t.Errorf("Install: got %+v", first)
	}
	for name, change := range map[string]func(*registry.Installation){
		"another app":     func(i *registry.Installation) { i.App = "other" },
		"another tenant":  func(i *registry.Installation) { i.Tenant = "t3" },
		"another subject": func(i *registry.Installation) { i.Subject = "sue" },
		"a lower epoch":   func(i *registry.Installation) { i.Epoch-- },
		"a bad scope":     func(i *registry.Installation) { i.Allowed = []string{"a b"} },
		"a bad request":   func(i *registry.Installation) { i.Requested = []string{""} },
	} {
		if _, err := r.Install(t.Context(), app.ID, "t2", "", func(_ *registry.App, i *registry.Installation) error { change(i); return nil }); err == nil {
			t.Errorf("Install with %s: got nil, want an error", name)
		}
	}
	removed := install(t, r, app.ID, "t2", "", remove)
	again := install(t, r, app.ID, "t2", "", allow("read"))
	if removed.Epoch != first.Epoch+1 || again.Epoch != removed.Epoch || again.Version != first.Version+2 {
		t.Errorf("removed and installed again: got epochs %d, %d, %d", first.Epoch, removed.Epoch, again.Epoch)
	}
}

func TestRegistryInstallations(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, memory.New())
	want := map[string]bool{}
	for n := range 120 {
		app := create(t, r, func(a *registry.App) { *a = *shared(); a.ID = fmt.Sprint("app", n) })
		install(t, r, app.ID, "t2", "", allow("read"))
		install(t, r, app.ID, "t22", "", allow("read"))
		install(t, r, app.ID, "t2", "sue", allow("read"))
		switch n % 3 {
		case 0:
			install(t, r, app.ID, "t2", "", remove)
		case 1:
			install(t, r, app.ID, "t2", "", remove)
			install(t, r, app.ID, "t2", "", request)
			want[app.ID] = true
		default:
			want[app.ID] = true
		}
	}
	for _, c := range []struct {
		subject string
		want    int
	}{{"", len(want)}, {"sue", 120}, {"tom", 0}} {
		got := map[string]bool{}
		for after, pages := "", 0; ; pages++ {
			is, next, err := r.Installations(t.Context(), "t2", c.subject, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range is {
				if i.Tenant != "t2" || i.Subject != c.subject || got[i.App] || c.subject == "" && !want[i.App] || i.Version == 0 {
					t.Errorf("Installations(t2, %q): got %+v", c.subject, i)
				}
				got[i.App] = true
			}
			if after = next; after == "" {
				break
			}
			if pages > 10 {
				t.Fatal("the pages do not end")
			}
		}
		if len(got) != c.want {
			t.Errorf("Installations(t2, %q): got %d, want %d", c.subject, len(got), c.want)
		}
	}
}

func TestRegistryInstallStoreFaults(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			s := newFaulty()
			r, _ := newRegistry(t, s)
			app := create(t, r, func(a *registry.App) { *a = *shared() })
			first := install(t, r, app.ID, "t2", "", allow("read"))
			s.fail(at, at, after)
			_, err := r.Install(t.Context(), app.ID, "t2", "", remove)
			reached := len(s.calls) >= at
			s.fail(0, 0, false)
			if !reached {
				break
			}
			got := install(t, r, app.ID, "t2", "", func(*registry.App, *registry.Installation) error { return nil })
			if err == nil && !got.Removed || got.Removed != (got.Epoch == first.Epoch+1) {
				t.Errorf("call %d fails, after its effect %v: Install: got %v, and Removed %v, %d epochs on", at, after, err, got.Removed, got.Epoch-first.Epoch)
			}
		}
	}
}

func TestRegistryUnavailable(t *testing.T) {
	t.Parallel()
	s := newFaulty()
	r, _ := newRegistry(t, s)
	app := create(t, r, nil)
	s.fail(1, 1000, false)
	ctx := t.Context()
	for name, call := range map[string]func(context.Context) error{
		"App":           func(ctx context.Context) error { _, err := r.App(ctx, app.ID); return err },
		"Apps":          func(ctx context.Context) error { _, _, err := r.Apps(ctx, registry.Query{}); return err },
		"Apps of owner": func(ctx context.Context) error { _, _, err := r.Apps(ctx, registry.Query{Owner: "dev"}); return err },
		"Create":        func(ctx context.Context) error { return r.Create(ctx, &registry.App{Manifest: valid()}) },
		"Update": func(ctx context.Context) error {
			_, err := r.Update(ctx, app.ID, func(*registry.App) error { return nil })
			return err
		},
		"Installation":  func(ctx context.Context) error { _, err := r.Installation(ctx, app, "t2", "sue"); return err },
		"Installations": func(ctx context.Context) error { _, _, err := r.Installations(ctx, "t2", "", ""); return err },
		"Install":       func(ctx context.Context) error { _, err := r.Install(ctx, app.ID, "t2", "", allow("read")); return err },
	} {
		err := call(ctx)
		if !errors.Is(err, errFault) || !strings.HasPrefix(err.Error(), "registry: ") {
			t.Errorf("%s: got %v, want the store's error, named", name, err)
		}
		for _, sentinel := range []error{registry.ErrNotFound, registry.ErrExists, registry.ErrState, registry.ErrForbidden, store.ErrConflict} {
			if errors.Is(err, sentinel) {
				t.Errorf("%s: got %v, which is %v", name, err, sentinel)
			}
		}
	}
}
