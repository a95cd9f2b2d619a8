package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Static is the fixed set of apps of a program or its configuration file. oauth.New calls Validate; after
// that the apps must not change. Safe for many goroutines.
//
// An app is found by looking at each in turn, a few microseconds for a thousand apps. A program with many
// thousands has a database, and a [Registry] or a table of its own.
type Static []App

// Validate returns every fault of every app, joined: in its manifest, policy and secrets, an ID that is
// used twice, a secret where none can be used and none where one is needed.
func (s Static) Validate() error {
	var all []error
	ids := make(map[string]bool, len(s))
	for i := range s {
		a := &s[i]
		f := slices.Concat(a.Manifest.faults(), a.Policy.faults(&a.Manifest), secretFaults(a.Secrets, time.Time{}))
		f.add("ID", checkID(a.ID))
		if ids[a.ID] {
			f.add("ID", errors.New("is used twice"))
		}
		f.add("Secrets", a.checkCredential())
		all = append(all, f.join(fmt.Sprintf("registry: app %.100q: ", a.ID)))
		ids[a.ID] = true
	}
	return errors.Join(all...)
}

// checkCredential compares the authentication method with the secrets there are.
func (a *App) checkCredential() error {
	shared := a.Manifest.AllowsAuth("client_secret_basic") || a.Manifest.AllowsAuth("client_secret_post")
	if shared && len(a.Secrets) == 0 {
		return errors.New("is empty, and the app authenticates by a secret")
	}
	if !shared && len(a.Secrets) > 0 {
		return fmt.Errorf("is not empty, and the app authenticates by %q", a.Manifest.AuthMethod)
	}
	return nil
}

// App returns the app with that ID, or [ErrNotFound]. It is the one in s: do not change it.
func (s Static) App(ctx context.Context, id string) (*App, error) {
	for i := range s {
		if s[i].ID == id {
			return &s[i], nil
		}
	}
	return nil, ErrNotFound
}

// Installation returns nil: static apps need none.
func (s Static) Installation(ctx context.Context, app *App, tenant, subject string) (*Installation, error) {
	return nil, nil
}
