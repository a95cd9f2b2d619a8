package platform

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/registry"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Next  string // the cursor of the next page; empty at the end
}

// CreateApp registers an app of the caller's, with m as its first draft. Secret is the client secret of an
// app that has one, shown this once.
func (p *Platform) CreateApp(ctx context.Context, c Caller, m registry.Manifest) (app *registry.App, secret string, err error) {
	if err := c.check(Apps); err != nil {
		return nil, "", err
	}
	draw := c.Draw.or()
	id := draw("app")
	a := &registry.App{
		ID:     "app_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(id[:16])),
		Owner:  c.Subject,
		Tenant: c.Tenant,
	}
	if err := p.check(&m); err != nil {
		return nil, "", err
	}
	if err := a.Propose(c.actor(), m); err != nil {
		return nil, "", err
	}
	if KeepsSecret(&m) {
		var s registry.Secret
		secret, s = p.newSecret(draw)
		a.Secrets = []registry.Secret{s}
	}
	err = p.registry.Create(ctx, a)
	if err != nil && c.Draw != nil {
		// The same request may have been carried out before: then its app is there, with the same secret.
		if there, failed := p.registry.App(ctx, a.ID); failed == nil {
			return there, secret, nil
		}
	}
	if err != nil {
		return nil, "", err
	}
	return a, secret, nil
}

// KeepsSecret reports whether an app with that manifest authenticates by a secret.
func KeepsSecret(m *registry.Manifest) bool {
	return m.AllowsAuth("client_secret_basic") || m.AllowsAuth("client_secret_post")
}

// Published reports whether an app has, or had, a live manifest, whatever has halted it.
func Published(a *registry.App) bool {
	live := *a
	live.Suspended, live.Paused, live.Deleted = false, false, false
	return live.Active()
}

// newSecret is [registry.NewSecret] with what draw gives.
func (p *Platform) newSecret(draw Draw) (plain string, s registry.Secret) {
	drawn, id := draw("client secret"), draw("client secret id")
	plain = "ocs_" + base64.RawURLEncoding.EncodeToString(drawn[:])
	return plain, registry.Secret{ID: base64.RawURLEncoding.EncodeToString(id[:12]), Hash: sum(plain), Created: p.now()}
}

// check returns what is wrong with a manifest, on this platform.
func (p *Platform) check(m *registry.Manifest) error {
	if err := m.Validate(); err != nil {
		return invalid(err)
	}
	if m.JWKSURI != "" {
		return &Invalid{[]string{"jwks_uri: this platform fetches no keys, put them in jwks"}} // such an app could never authenticate
	}
	for _, s := range m.Scopes {
		if p.scopes[s] == "" {
			return &Invalid{[]string{fmt.Sprintf("scopes: %q is not a scope of this platform", s)}}
		}
	}
	return nil
}

// App returns an app to its owner and to staff. To others there is none.
func (p *Platform) App(ctx context.Context, c Caller, id string) (*registry.App, error) {
	if err := c.check(Developer); err != nil {
		return nil, err
	}
	return p.seen(ctx, c, id)
}

// seen returns an app that the caller may see.
func (p *Platform) seen(ctx context.Context, c Caller, id string) (*registry.App, error) {
	a, err := p.registry.App(ctx, id)
	if err == nil {
		err = c.sees(a)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// sees returns an error unless the caller may see an app.
func (c *Caller) sees(a *registry.App) error {
	if a.Deleted || !c.staff() && (a.Owner != c.Subject || a.Tenant != c.Tenant) {
		return registry.ErrNotFound
	}
	return nil
}

// OwnApps returns a page of the caller's apps.
func (p *Platform) OwnApps(ctx context.Context, c Caller, after string, limit int) (Page[*registry.App], error) {
	if err := c.check(Developer); err != nil {
		return Page[*registry.App]{}, err
	}
	apps, next, err := p.apps(ctx, registry.Query{Owner: c.Subject, After: after, Limit: limit})
	// An owner in several organisations sees the apps of the one at a time.
	apps = slices.DeleteFunc(apps, func(a *registry.App) bool { return a.Tenant != c.Tenant })
	return Page[*registry.App]{apps, next}, err
}

// apps asks the registry for a page, and knows its cursors.
func (p *Platform) apps(ctx context.Context, q registry.Query) ([]*registry.App, string, error) {
	if err := checkCursor(q.After, "a/", "d/"); err != nil {
		return nil, "", err
	}
	return p.registry.Apps(ctx, q)
}

// change applies a transition to an app that the caller may see.
func (p *Platform) change(ctx context.Context, c Caller, id string, transition func(*registry.App) error) (*registry.App, error) {
	return p.registry.Update(ctx, id, func(a *registry.App) error {
		if err := c.sees(a); err != nil {
			return err
		}
		if err := c.matches(a.Version); err != nil {
			return err
		}
		return transition(a)
	})
}

// Propose makes what edit returns the app's draft. Edit is given the draft there is, or else the live
// manifest, and is called again if another write came between.
func (p *Platform) Propose(ctx context.Context, c Caller, id string, edit func(registry.Manifest) (registry.Manifest, error)) (*registry.App, error) {
	if err := c.check(Apps); err != nil {
		return nil, err
	}
	return p.change(ctx, c, id, func(a *registry.App) error {
		m := a.Manifest
		if a.Revision != nil {
			m = a.Revision.Manifest
		}
		m, err := edit(m)
		if err == nil {
			err = p.check(&m)
		}
		if err != nil {
			return err
		}
		return refused(a.Propose(c.actor(), m))
	})
}

// Submit hands the draft to review.
func (p *Platform) Submit(ctx context.Context, c Caller, id string) (*registry.App, error) {
	return p.transition(ctx, c, Apps, id, func(a *registry.App) error { return a.Submit(c.actor()) })
}

// Withdraw drops what is proposed; the live manifest stays.
func (p *Platform) Withdraw(ctx context.Context, c Caller, id string) (*registry.App, error) {
	return p.transition(ctx, c, Apps, id, func(a *registry.App) error { return a.Withdraw(c.actor()) })
}

// Pause halts an app for its owner, or lets it go on. What staff have suspended stays so.
func (p *Platform) Pause(ctx context.Context, c Caller, id string, halt bool) (*registry.App, error) {
	return p.transition(ctx, c, Apps, id, func(a *registry.App) error {
		if a.Owner != c.Subject {
			return fmt.Errorf("%w: staff suspend, owners pause", registry.ErrForbidden)
		}
		return a.Halt(c.actor(), halt)
	})
}

// DeleteApp ends an app and every grant to it, for ever.
func (p *Platform) DeleteApp(ctx context.Context, c Caller, id string) (*registry.App, error) {
	return p.transition(ctx, c, Apps, id, func(a *registry.App) error { return a.Delete(c.actor()) })
}

// transition is change for those who may ask for what is in the group.
func (p *Platform) transition(ctx context.Context, c Caller, g Group, id string, transition func(*registry.App) error) (*registry.App, error) {
	if err := c.check(g); err != nil {
		return nil, err
	}
	return p.change(ctx, c, id, func(a *registry.App) error { return refused(transition(a)) })
}
