package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/oauthcore/oauthcore/registry"
)

// catalogue is the service's oauth.Config.Apps: the apps that the configuration declares, which belong to
// whoever runs the server and need no installation, and those that developers register.
type catalogue struct {
	declared   registry.Static
	registered *registry.Registry
	resources  []string // that the tokens of registered apps may be for
}

// App returns the app with that ID.
func (c catalogue) App(ctx context.Context, id string) (*registry.App, error) {
	app, err := c.declared.App(ctx, id)
	if !errors.Is(err, registry.ErrNotFound) {
		return app, err
	}
	if app, err = c.registered.App(ctx, id); err != nil {
		return nil, err
	}
	// Not kept with the app: the address of an API may change, and this one is not the registry's own.
	app.Policy.Resources = c.resources
	return app, nil
}

// Installation returns the one that rules for an app, nil if it needs none.
func (c catalogue) Installation(ctx context.Context, app *registry.App, tenant, subject string) (*registry.Installation, error) {
	if _, err := c.declared.App(ctx, app.ID); err == nil {
		return nil, nil
	}
	return c.registered.Installation(ctx, app, tenant, subject)
}

// scopes returns every scope that an app may have, in order.
func (c catalogue) scopes(words map[string]string) []string {
	all := slices.Collect(maps.Keys(words))
	for _, a := range c.declared {
		all = append(all, a.Manifest.Scopes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// refuseDemonstration returns an error if the store has an app of the demonstration whose secret everyone knows.
func (c catalogue) refuseDemonstration(ctx context.Context) error {
	for _, known := range demonstration().Registered {
		a, err := c.registered.App(ctx, known.ID)
		switch {
		case errors.Is(err, registry.ErrNotFound):
			continue
		case err != nil:
			return err
		}
		if _, ok := a.CheckSecret(publicSecret(a.ID), time.Now()); ok && !a.Deleted {
			return fmt.Errorf("the store is one of a demonstration: the secret of %s is public; use another, or delete the app there", a.ID)
		}
	}
	return nil
}

// register adds apps to the registry that are not in it; those that are stay as they have become.
func (c catalogue) register(ctx context.Context, apps []registry.App) error {
	for _, a := range apps {
		if err := c.registered.Create(ctx, &a); err != nil && !errors.Is(err, registry.ErrExists) {
			return err
		}
	}
	return nil
}
