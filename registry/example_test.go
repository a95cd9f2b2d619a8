package registry_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
)

// The clients of a program are in its source or its configuration. Their secrets are generated, and only
// the program's environment has them.
func ExampleStatic() {
	fromEnvironment := "ocs_LJ2kVbN0cV6kq2mJ1yNnO1J0y1mQ1b7n3nGzY4xJr5g"
	hash := sha256.Sum256([]byte(fromEnvironment))

	apps := registry.Static{
		{ID: "cli", Manifest: registry.Manifest{
			Name: "My CLI", AuthMethod: "none",
			RedirectURIs: []string{"http://127.0.0.1/callback"},
			Scopes:       []string{"read:events"},
		}},
		{ID: "worker", Secrets: []registry.Secret{{Hash: hash[:]}}, Manifest: registry.Manifest{
			GrantTypes: []string{"client_credentials"},
			Scopes:     []string{"write:events"},
		}},
	}
	fmt.Println(apps.Validate())

	cli, _ := apps.App(context.Background(), "cli")
	fmt.Println(cli.Manifest.AllowsRedirect("http://127.0.0.1:53124/callback"))
	fmt.Println(cli.Manifest.AllowsRedirect("http://localhost:53124/callback"))

	worker, _ := apps.App(context.Background(), "worker")
	_, ok := worker.CheckSecret(fromEnvironment, time.Now())
	fmt.Println(ok)
	// Output:
	// <nil>
	// true
	// false
	// true
}

// From an idea to an app that another organisation uses.
func ExampleRegistry() {
	ctx := context.Background()
	reg, err := registry.New(registry.Config{Store: memory.New()})
	if err != nil {
		fmt.Println(err)
		return
	}
	developer := registry.Actor{Subject: "dana", Tenant: "startup"}
	reviewer := registry.Actor{Subject: "rita", Tenant: "platform", Staff: true}
	organizer := registry.Actor{Subject: "olga", Tenant: "festival"}

	// A developer registers an app and hands its manifest to review.
	app := &registry.App{ID: "seats", Owner: developer.Subject, Tenant: developer.Tenant}
	if err := reg.Create(ctx, app); err != nil {
		fmt.Println(err)
		return
	}
	app, err = reg.Update(ctx, app.ID, func(a *registry.App) error {
		if err := a.Propose(developer, registry.Manifest{
			Name:         "Seats",
			RedirectURIs: []string{"https://seats.example/callback"},
			Scopes:       []string{"read:events", "write:seats"},
		}); err != nil {
			return err
		}
		return a.Submit(developer)
	})
	fmt.Println(err, app.Revision.State, app.Active())

	// Someone else reviews it, publishes it, and shares it with other organisations.
	_, err = reg.Update(ctx, app.ID, func(a *registry.App) error { return a.Review(developer, true, "") })
	fmt.Println(errors.Is(err, registry.ErrForbidden))
	app, err = reg.Update(ctx, app.ID, func(a *registry.App) error {
		if err := a.Review(reviewer, true, "fine"); err != nil {
			return err
		}
		a.Shared, a.Listed = true, true
		return a.Publish(reviewer)
	})
	fmt.Println(err, app.Active())

	// An organisation finds it and lets it read.
	found, _, err := reg.Apps(ctx, registry.Query{})
	fmt.Println(err, found[0].Manifest.Name)
	_, err = reg.Install(ctx, app.ID, organizer.Tenant, "", func(a *registry.App, i *registry.Installation) error {
		return i.Allow(organizer, a, []string{"read:events"})
	})
	fmt.Println(err)
	inst, err := reg.Installation(ctx, app, "festival", "guest")
	fmt.Println(err, inst.Active(), inst.Allowed)
	// Output:
	// <nil> submitted false
	// true
	// <nil> true
	// <nil> Seats
	// <nil>
	// <nil> true [read:events]
}

// A secret is replaced without a moment at which the app cannot authenticate.
func ExampleApp_AddSecret() {
	developer := registry.Actor{Subject: "dana", Tenant: "startup"}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	app := &registry.App{ID: "seats", Owner: developer.Subject, Tenant: developer.Tenant}

	old, first := registry.NewSecret(now.AddDate(0, -6, 0))
	fmt.Println(app.AddSecret(developer, first, 0))
	fresh, second := registry.NewSecret(now)
	fmt.Println(app.AddSecret(developer, second, 2*time.Hour))

	works := func(at time.Time) {
		_, o := app.CheckSecret(old, at)
		_, f := app.CheckSecret(fresh, at)
		fmt.Println("old", o, "new", f)
	}
	works(now)
	works(now.Add(2 * time.Hour))

	// Where the new one turns out to be lost, the rotation is cancelled.
	fmt.Println(app.RemoveSecret(developer, second.ID, now.Add(time.Hour)))
	works(now.Add(2 * time.Hour))
	// Output:
	// <nil>
	// <nil>
	// old true new true
	// old false new true
	// <nil>
	// old true new false
}

// An HTTP handler that takes If-Match compares the version inside the change, where no other write can
// come between.
func ExampleRegistry_Update() {
	ctx := context.Background()
	reg, err := registry.New(registry.Config{Store: memory.New()})
	if err != nil {
		fmt.Println(err)
		return
	}
	developer := registry.Actor{Subject: "dana", Tenant: "startup"}
	app := &registry.App{Owner: developer.Subject, Tenant: developer.Tenant}
	if err := reg.Create(ctx, app); err != nil {
		fmt.Println(err)
		return
	}

	errPrecondition := errors.New("412 Precondition Failed")
	pause := func(ifMatch int64) error {
		_, err := reg.Update(ctx, app.ID, func(a *registry.App) error {
			if a.Version != ifMatch {
				return errPrecondition
			}
			return a.Halt(developer, true)
		})
		return err
	}
	fmt.Println(pause(app.Version))
	fmt.Println(pause(app.Version))
	// Output:
	// <nil>
	// 412 Precondition Failed
}
