package registry_test

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/registry"
)

// tenantGrid is for an installation in tenant t2: see appGrid for how to read it. The states: new (nothing
// said yet), requested (admin is), active (read is allowed), growing (read is, admin requested), refused
// (admin is), and the flags of one that is else active.
const tenantGrid = `
             new       requested active    growing   refused   paused    suspended removed
Request
 nobody ghost outsider namesake:
             F         F         F         F         F         F         F         F
 member subject developer staff staffmember staffdeveloper:
             requested same      requested same      S         requested requested requested
Allow
 nobody ghost outsider namesake developer staffdeveloper:
             F         F         F         F         F         F         F         F
 member subject staff staffmember:
             allowed   allowed   allowed   allowed   allowed   allowed   allowed   allowed
Refuse
 nobody ghost outsider namesake developer:
             F         F         F         F         F         F         F         F
 member subject staff staffmember staffdeveloper:
             S         refused   S         refused   S         S         S         S
Halt on
 nobody ghost outsider namesake developer:
             F         F         F         F         F         F         F         F
 member subject:
             paused    paused    paused    paused    paused    same      paused    paused
 staff staffmember staffdeveloper:
             suspended suspended suspended suspended suspended suspended same      suspended
Halt off
 nobody ghost outsider namesake developer:
             F         F         F         F         F         F         F         F
 member subject:
             same      same      same      same      same      paused    same      same
 staff staffmember staffdeveloper:
             same      same      same      same      same      same      suspended same
Remove
 nobody ghost outsider namesake developer:
             F         F         F         F         F         F         F         F
 member subject staff staffmember staffdeveloper:
             removed   removed   removed   removed   removed   removed   removed   S
`

// subjectGrid is for the installation of sue alone: another member of her tenant has no say.
const subjectGrid = `
             new       requested active    growing   refused   paused    suspended removed
Request
 nobody ghost outsider namesake member:
             F         F         F         F         F         F         F         F
 subject developer staff staffmember staffdeveloper:
             requested same      requested same      S         requested requested requested
Allow
 nobody ghost outsider namesake member developer staffdeveloper:
             F         F         F         F         F         F         F         F
 subject staff staffmember:
             allowed   allowed   allowed   allowed   allowed   allowed   allowed   allowed
Refuse
 nobody ghost outsider namesake member developer:
             F         F         F         F         F         F         F         F
 subject staff staffmember staffdeveloper:
             S         refused   S         refused   S         S         S         S
Halt on
 nobody ghost outsider namesake member developer:
             F         F         F         F         F         F         F         F
 subject:    paused    paused    paused    paused    paused    same      paused    paused
 staff staffmember staffdeveloper:
             suspended suspended suspended suspended suspended suspended same      suspended
Halt off
 nobody ghost outsider namesake member developer:
             F         F         F         F         F         F         F         F
 subject:    same      same      same      same      same      paused    same      same
 staff staffmember staffdeveloper:
             same      same      same      same      same      same      suspended same
Remove
 nobody ghost outsider namesake member developer:
             F         F         F         F         F         F         F         F
 subject staff staffmember staffdeveloper:
             removed   removed   removed   removed   removed   removed   removed   S
`

var installActors = map[string]registry.Actor{
	"nobody":         {},
	"ghost":          {Tenant: "t2", Staff: true},
	"member":         {Subject: "olga", Tenant: "t2"},
	"subject":        {Subject: "sue", Tenant: "t2"},
	"outsider":       {Subject: "oscar", Tenant: "t3"},
	"namesake":       {Subject: "sue", Tenant: "t3"},
	"developer":      {Subject: "dev", Tenant: "t1"},
	"staff":          {Subject: "sam", Tenant: "ops", Staff: true},
	"staffmember":    {Subject: "olga", Tenant: "t2", Staff: true},
	"staffdeveloper": {Subject: "dev", Tenant: "t1", Staff: true},
}

// shared is an app of dev in t1 that other tenants may install.
func shared() *registry.App {
	m := valid()
	m.Scopes = []string{"read", "write", "admin"}
	return &registry.App{ID: "seats", Owner: "dev", Tenant: "t1", Manifest: m, Shared: true}
}

func installStates(subject string) map[string]*registry.Installation {
	build := func(change func(*registry.Installation)) *registry.Installation {
		i := &registry.Installation{App: "seats", Tenant: "t2", Subject: subject, Epoch: 7}
		change(i)
		return i
	}
	return map[string]*registry.Installation{
		"new":       build(func(i *registry.Installation) {}),
		"requested": build(func(i *registry.Installation) { i.Requested = []string{"admin"} }),
		"active":    build(func(i *registry.Installation) { i.Allowed = []string{"read"} }),
		"growing":   build(func(i *registry.Installation) { i.Allowed, i.Requested = []string{"read"}, []string{"admin"} }),
		"refused":   build(func(i *registry.Installation) { i.Refused = []string{"admin"} }),
		"paused":    build(func(i *registry.Installation) { i.Allowed, i.Paused = []string{"read"}, true }),
		"suspended": build(func(i *registry.Installation) { i.Allowed, i.Suspended = []string{"read"}, true }),
		"removed":   build(func(i *registry.Installation) { i.Removed = true }),
	}
}

var installTransitions = map[string]func(*registry.Installation, registry.Actor) error{
	"Request": func(i *registry.Installation, by registry.Actor) error {
		return i.Request(by, shared(), []string{"admin"})
	},
	"Allow": func(i *registry.Installation, by registry.Actor) error {
		return i.Allow(by, shared(), []string{"write"})
	},
	"Refuse":   (*registry.Installation).Refuse,
	"Halt on":  func(i *registry.Installation, by registry.Actor) error { return i.Halt(by, true) },
	"Halt off": func(i *registry.Installation, by registry.Actor) error { return i.Halt(by, false) },
	"Remove":   (*registry.Installation).Remove,
}

var installChanges = map[string]struct {
	fields string
	holds  func(before, after *registry.Installation) bool
}{
	"requested": {"Requested", func(b, a *registry.Installation) bool { return slices.Equal(a.Requested, []string{"admin"}) }},
	"allowed": {"Allowed Requested Refused Removed", func(b, a *registry.Installation) bool {
		return slices.Equal(a.Allowed, []string{"write"}) && a.Requested == nil && !a.Removed &&
			len(without(slices.Concat(b.Requested, b.Allowed), a.Refused)) == 0 && !slices.Contains(a.Refused, "write")
	}},
	"refused": {"Requested Refused", func(b, a *registry.Installation) bool {
		return a.Requested == nil && slices.Equal(a.Refused, []string{"admin"})
	}},
	"paused":    {"Paused", func(b, a *registry.Installation) bool { return true }},
	"suspended": {"Suspended", func(b, a *registry.Installation) bool { return true }},
	"removed": {"Allowed Epoch Paused Removed Requested", func(b, a *registry.Installation) bool {
		return a.Removed && a.Epoch == b.Epoch+1 && a.Allowed == nil && a.Requested == nil && !a.Paused
	}},
	"same": {"", func(b, a *registry.Installation) bool { return true }},
}

func TestInstallationTransitions(t *testing.T) {
	t.Parallel()
	covers(t, reflect.TypeFor[*registry.Installation](), slices.Collect(maps.Keys(installTransitions)))
	for name, of := range map[string]struct{ grid, subject string }{
		"of a tenant":  {tenantGrid, ""},
		"of a subject": {subjectGrid, "sue"},
	} {
		t.Run(name, func(t *testing.T) {
			g := parseGrid(t, of.grid, slices.Collect(maps.Keys(installTransitions)), slices.Collect(maps.Keys(installActors)), slices.Collect(maps.Keys(installStates(""))))
			for at, want := range g {
				before, after := installStates(of.subject)[at.state], installStates(of.subject)[at.state]
				err := installTransitions[at.transition](after, installActors[at.actor])
				changed := changedFields(before, after)
				c, ok := installChanges[want]
				switch {
				case want == "F" || want == "S":
					refusedAs(t, at, err, want, changed)
				case !ok:
					t.Errorf("%v: %q is no result", at, want)
				case err != nil:
					t.Errorf("%v: got %v, want %q", at, err, want)
				case len(without(changed, strings.Fields(c.fields))) > 0 || want != "same" && len(changed) == 0 || !c.holds(before, after):
					t.Errorf("%v: changed %v, want %q (-before +after):\n%s", at, changed, want, cmp.Diff(before, after))
				}
			}
		})
	}
}

var olga = registry.Actor{Subject: "olga", Tenant: "t2"}

func TestInstallationScopes(t *testing.T) {
	t.Parallel()
	dev := registry.Actor{Subject: "dev", Tenant: "t1"}
	type want struct{ allowed, requested, refused string }
	for _, c := range []struct {
		name  string
		steps func(i *registry.Installation, a *registry.App) error
		want  want
	}{
		{"growth asks while the old scopes work", func(i *registry.Installation, a *registry.App) error {
			return errors.Join(i.Allow(olga, a, []string{"read"}), i.Request(dev, a, []string{"read", "write"}))
		}, want{"read", "write", ""}},
		{"growth is allowed", func(i *registry.Installation, a *registry.App) error {
			return errors.Join(i.Allow(olga, a, []string{"read"}), i.Request(dev, a, []string{"write"}), i.Allow(olga, a, []string{"read", "write"}))
		}, want{"read write", "", ""}},
		{"part of a request is allowed, the rest refused", func(i *registry.Installation, a *registry.App) error {
			return errors.Join(i.Request(dev, a, []string{"read", "write"}), i.Allow(olga, a, []string{"read"}))
		}, want{"read", "", "write"}},
		{"a refusal is remembered, other scopes may be asked", func(i *registry.Installation, a *registry.App) error {
			return errors.Join(i.Request(dev, a, []string{"write"}), i.Refuse(olga), i.Request(dev, a, []string{"write", "admin"}))
		}, want{"", "admin", "write"}},
		{"shrinking acts at once and is remembered", func(i *registry.Installation, a *registry.App) error {
			return errors.Join(i.Allow(olga, a, []string{"read", "write"}), i.Allow(olga, a, []string{"read"}))
		}, want{"read", "", "write"}},
		{"a refused scope may be allowed later", func(i *registry.Installation, a *registry.App) error {
			return errors.Join(i.Request(dev, a, []string{"write"}), i.Refuse(olga), i.Allow(olga, a, []string{"write"}))
		}, want{"write", "", ""}},
		{"a refusal outlives removal", func(i *registry.Installation, a *registry.App) error {
			return errors.Join(i.Request(dev, a, []string{"read", "write"}), i.Allow(olga, a, []string{"read"}), i.Remove(olga))
		}, want{"", "", "write"}},
		{"scopes given twice count once", func(i *registry.Installation, a *registry.App) error {
			return errors.Join(i.Request(dev, a, []string{"write", "write"}), i.Allow(olga, a, []string{"read", "read"}))
		}, want{"read", "", "write"}},
		{"what leaves the manifest is forgotten", func(i *registry.Installation, a *registry.App) error {
			if err := errors.Join(i.Request(dev, a, []string{"admin", "write"}), i.Refuse(olga)); err != nil {
				return err
			}
			a.Manifest.Scopes = []string{"read", "write"}
			return i.Request(dev, a, []string{"read"})
		}, want{"", "read", "write"}},
	} {
		i := registry.Installation{App: "seats", Tenant: "t2"}
		if err := c.steps(&i, shared()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		got := want{strings.Join(i.Allowed, " "), strings.Join(i.Requested, " "), strings.Join(i.Refused, " ")}
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
		if i.Active() != (c.want.allowed != "") {
			t.Errorf("%s: Active: got %v", c.name, i.Active())
		}
	}
}

func TestInstallationRefusesScopes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(a *registry.App)
		scopes []string
		state  bool // the error is ErrState
	}{
		{"none", nil, nil, false},
		{"outside the manifest", nil, []string{"read", "delete"}, false},
		{"without a required one", func(a *registry.App) { a.Manifest.RequiredScopes = []string{"read"} }, []string{"write"}, false},
		{"of another app", func(a *registry.App) { a.ID = "tickets" }, []string{"read"}, false},
		{"of an app that is deleted", func(a *registry.App) { a.Deleted = true }, []string{"read"}, true},
		{"of an app never published", func(a *registry.App) { a.Manifest = registry.Manifest{} }, []string{"read"}, true},
		{"of an app not shared", func(a *registry.App) { a.Shared = false }, []string{"read"}, true},
	} {
		a := shared()
		if c.change != nil {
			c.change(a)
		}
		i := registry.Installation{App: "seats", Tenant: "t2"}
		err := i.Allow(olga, a, c.scopes)
		if err == nil || errors.Is(err, registry.ErrState) != c.state {
			t.Errorf("Allow scopes %s: got %v, want an error, ErrState %v", c.name, err, c.state)
		}
		if len(changedFields(&i, &registry.Installation{App: "seats", Tenant: "t2"})) > 0 {
			t.Errorf("Allow scopes %s: refused, and changed %+v", c.name, i)
		}
	}
	t.Run("an app no longer shared can still be cut down where it is installed", func(t *testing.T) {
		a, i := shared(), registry.Installation{App: "seats", Tenant: "t2"}
		if err := i.Allow(olga, a, []string{"read", "write"}); err != nil {
			t.Fatal(err)
		}
		a.Shared = false
		if err := i.Allow(olga, a, []string{"read"}); err != nil {
			t.Errorf("Allow: %v", err)
		}
	})
	t.Run("an app need not be shared in its own tenant", func(t *testing.T) {
		a, i := shared(), registry.Installation{App: "seats", Tenant: "t1"}
		a.Shared = false
		if err := i.Allow(registry.Actor{Subject: "olga", Tenant: "t1"}, a, []string{"read"}); err != nil {
			t.Errorf("Allow: %v", err)
		}
	})
}

func TestInstallationRemovalDoesNotLiftASuspension(t *testing.T) {
	t.Parallel()
	a, i := shared(), registry.Installation{App: "seats", Tenant: "t2"}
	if err := errors.Join(i.Allow(olga, a, []string{"read"}),
		i.Halt(registry.Actor{Subject: "sam", Staff: true}, true),
		i.Remove(olga), i.Allow(olga, a, []string{"read"})); err != nil {
		t.Fatal(err)
	}
	if i.Active() {
		t.Error("Active: got true")
	}
}
