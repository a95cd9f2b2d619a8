package platform_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// Each operation holds its caller to the role table by itself: the front ends may forget to.
func TestRoles(t *testing.T) {
	t.Parallel()
	p, _ := fresh(t, nil)
	type operation func(context.Context, platform.Caller) error
	one := func(f func(context.Context, platform.Caller, string) (*registry.App, error)) operation {
		return func(ctx context.Context, c platform.Caller) error { _, err := f(ctx, c, "x"); return err }
	}
	install := func(f func(context.Context, platform.Caller, string) (*registry.Installation, error)) operation {
		return func(ctx context.Context, c platform.Caller) error { _, err := f(ctx, c, "x"); return err }
	}
	for _, group := range []struct {
		roles      []string
		operations map[string]operation
	}{
		{[]string{"developer", "organizer", "admin"}, map[string]operation{
			"CreateApp": func(ctx context.Context, c platform.Caller) error {
				_, _, err := p.CreateApp(ctx, c, registry.Manifest{})
				return err
			},
			"Propose": func(ctx context.Context, c platform.Caller) error {
				_, err := p.Propose(ctx, c, "x", nil)
				return err
			},
			"Submit": one(p.Submit), "Withdraw": one(p.Withdraw), "DeleteApp": one(p.DeleteApp),
			"Pause": func(ctx context.Context, c platform.Caller) error { _, err := p.Pause(ctx, c, "x", true); return err },
		}},
		{[]string{"admin", "super_admin"}, map[string]operation{
			"Queue": func(ctx context.Context, c platform.Caller) error {
				_, err := p.Queue(ctx, c, registry.Submitted, "", 1)
				return err
			},
			"Claim": one(p.Claim),
			"Judge": func(ctx context.Context, c platform.Caller) error {
				_, err := p.Judge(ctx, c, "x", true, "")
				return err
			},
			"Publish": func(ctx context.Context, c platform.Caller) error {
				_, err := p.Publish(ctx, c, "x", true, true)
				return err
			},
			"Suspend": func(ctx context.Context, c platform.Caller) error { _, err := p.Suspend(ctx, c, "x", true); return err },
		}},
		{[]string{"user", "developer", "organizer", "admin"}, map[string]operation{
			"App":     one(p.App),
			"OwnApps": func(ctx context.Context, c platform.Caller) error { _, err := p.OwnApps(ctx, c, "", 1); return err },
			"Profile": func(ctx context.Context, c platform.Caller) error { _, err := p.Profile(ctx, c); return err },
			"SetProfile": func(ctx context.Context, c platform.Caller) error {
				_, err := p.SetProfile(ctx, c, platform.Profile{})
				return err
			},
			"RotateSecret": func(ctx context.Context, c platform.Caller) error {
				_, _, err := p.RotateSecret(ctx, c, "x", 0)
				return err
			},
			"EndRotation": func(ctx context.Context, c platform.Caller) error {
				_, err := p.EndRotation(ctx, c, "x", true)
				return err
			},
			"UsageOf": func(ctx context.Context, c platform.Caller) error { _, err := p.UsageOf(ctx, c, "x"); return err },
		}},
		{[]string{"organizer", "admin"}, map[string]operation{
			"Installations": func(ctx context.Context, c platform.Caller) error {
				_, err := p.Installations(ctx, c, "", 1)
				return err
			},
			"Installation": install(p.Installation), "RefuseInstallation": install(p.RefuseInstallation), "Uninstall": install(p.Uninstall),
			"RequestInstallation": func(ctx context.Context, c platform.Caller) error {
				_, err := p.RequestInstallation(ctx, c, "x", nil)
				return err
			},
			"ApproveInstallation": func(ctx context.Context, c platform.Caller) error {
				_, err := p.ApproveInstallation(ctx, c, "x", nil)
				return err
			},
			"NarrowInstallation": func(ctx context.Context, c platform.Caller) error {
				_, err := p.NarrowInstallation(ctx, c, "x", nil)
				return err
			},
			"HaltInstallation": func(ctx context.Context, c platform.Caller) error {
				_, err := p.HaltInstallation(ctx, c, "x", true)
				return err
			},
		}},
		{[]string{"user", "organizer", "developer", "admin"}, map[string]operation{
			"Search": func(ctx context.Context, c platform.Caller) error {
				_, err := p.Search(ctx, c, "", "", "", 1)
				return err
			},
			"Recommend": func(ctx context.Context, c platform.Caller) error { _, err := p.Recommend(ctx, c, 1); return err },
		}},
	} {
		for name, try := range group.operations {
			for _, role := range []string{"", "user", "developer", "organizer", "admin", "super_admin"} {
				c := platform.Caller{Subject: "someone", Tenant: "t1", Roles: []string{role}}
				if forbidden := errors.Is(try(t.Context(), c), registry.ErrForbidden); forbidden == slices.Contains(group.roles, role) {
					t.Errorf("%s by %q: forbidden %t", name, role, forbidden)
				}
				c.App = "an app" // which no role lets in
				if !errors.Is(try(t.Context(), c), registry.ErrForbidden) {
					t.Errorf("%s by an app with the role %q is not forbidden", name, role)
				}
			}
		}
	}
}
