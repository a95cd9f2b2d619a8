package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/registry"
)

// checkInstaller refuses who may not speak for an organisation, or names none.
func (c *Caller) checkInstaller() error {
	if err := c.check(Installations); err != nil {
		return err
	}
	if c.Tenant == "" {
		return &Invalid{[]string{"tenant: the caller belongs to no organisation"}}
	}
	return nil
}

// Installations returns a page of what the caller's organisation has installed, or was asked to.
func (p *Platform) Installations(ctx context.Context, c Caller, after string, limit int) (page Page[*registry.Installation], err error) {
	if err := c.checkInstaller(); err != nil {
		return page, err
	}
	// The registry's pages have a size of their own: a cursor here is one of the registry's, and the last app
	// of its page that was given already. A number in its place would skip one where another went meanwhile.
	cursor, last, _ := strings.Cut(after, " ")
	if err := checkCursor(cursor, "i/"); err != nil {
		return page, err
	}
	all, next, err := p.registry.Installations(ctx, c.Tenant, "", cursor)
	if err != nil {
		return page, err
	}
	all = slices.DeleteFunc(all, func(i *registry.Installation) bool { return i.App <= last })
	slices.SortFunc(all, func(a, b *registry.Installation) int { return cmp.Compare(a.App, b.App) })
	page.Items, page.Next = all, next
	if len(all) > limit {
		page.Items, page.Next = all[:limit], cursor+" "+all[limit-1].App
	}
	return page, nil
}

// Installation returns that of an app in the caller's organisation.
func (p *Platform) Installation(ctx context.Context, c Caller, app string) (found *registry.Installation, err error) {
	if err := c.checkInstaller(); err != nil {
		return nil, err
	}
	return p.installation(ctx, app, c.Tenant)
}

// installation reads an installation, one that is only asked for too.
func (p *Platform) installation(ctx context.Context, app, tenant string) (found *registry.Installation, err error) {
	if tenant == "" {
		return nil, registry.ErrNotFound // who belongs to no organisation has none
	}
	err = p.try(ctx, app, tenant, func(_ *registry.App, i *registry.Installation) error {
		if gone(i) {
			return registry.ErrNotFound
		}
		n := *i
		found = &n
		return nil
	})
	return found, err
}

// gone reports whether there is nothing to see of an installation.
func gone(i *registry.Installation) bool {
	return i.Version == 0 || i.Removed && len(i.Requested) == 0
}

// installChange changes the installation of an app.
type installChange func(*registry.App, *registry.Installation) error

// try returns what the change would, and writes nothing. It reads what the registry shows to changes alone.
func (p *Platform) try(ctx context.Context, app, tenant string, change installChange) error {
	tried := errors.New("tried")
	_, err := p.registry.Install(ctx, app, tenant, "", func(a *registry.App, i *registry.Installation) error {
		return cmp.Or(change(a, i), tried)
	})
	if errors.Is(err, tried) {
		return nil
	}
	return err
}

// install applies a change to the installation of an app in the caller's organisation.
func (p *Platform) install(ctx context.Context, c Caller, app string, change installChange) (*registry.Installation, error) {
	if err := c.checkInstaller(); err != nil {
		return nil, err
	}
	return p.registry.Install(ctx, app, c.Tenant, "", c.installs(change))
}

// installMarked is install for what may begin or end an installation. If it would, the mark that counts the
// installation is doubted first.
func (p *Platform) installMarked(ctx context.Context, c Caller, app string, change installChange) (*registry.Installation, error) {
	if err := c.checkInstaller(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, onceRun)
	defer cancel()
	if err := p.try(ctx, app, c.Tenant, c.installs(change)); err != nil {
		return nil, err
	}
	if err := p.doubt(ctx, app, c.Tenant); err != nil {
		return nil, err
	}
	return p.install(ctx, c, app, change)
}

// installs is change of what the caller has seen, and with the platform's refusals.
func (c *Caller) installs(change installChange) installChange {
	return func(a *registry.App, i *registry.Installation) error {
		seen := i.Version
		if gone(i) {
			seen = 0
		}
		if err := c.matches(seen); err != nil {
			return err
		}
		if i.Version == 0 && a.Tenant != c.Tenant && !(a.Shared && a.Active()) {
			return registry.ErrNotFound // an app that is not for them is not theirs to know of
		}
		return refused(change(a, i))
	}
}

// checkScopes returns what is wrong with the scopes that an installation of a is to have.
func checkScopes(a *registry.App, scopes []string) error {
	if len(scopes) == 0 {
		return &Invalid{[]string{"scopes: got none, wanted some"}}
	}
	for _, s := range scopes {
		if !slices.Contains(a.Manifest.Scopes, s) {
			return &Invalid{[]string{fmt.Sprintf("scopes: %.100q is not one that the app asks for", s)}}
		}
	}
	return nil
}

// RequestInstallation asks for scopes of an app, on top of those allowed, which go on working; nil asks for
// all of the app's.
func (p *Platform) RequestInstallation(ctx context.Context, c Caller, app string, scopes []string) (*registry.Installation, error) {
	return p.install(ctx, c, app, func(a *registry.App, i *registry.Installation) error {
		ask := scopes
		if ask == nil {
			ask = a.Manifest.Scopes
		}
		if err := checkScopes(a, ask); err != nil {
			return err
		}
		return i.Request(c.actor(), a, ask)
	})
}

// ApproveInstallation allows scopes, in place of those allowed so far; nil allows what was requested beside
// those.
func (p *Platform) ApproveInstallation(ctx context.Context, c Caller, app string, scopes []string) (*registry.Installation, error) {
	return p.installMarked(ctx, c, app, func(a *registry.App, i *registry.Installation) error {
		allow := scopes
		if allow == nil {
			if len(i.Requested) == 0 {
				return fmt.Errorf("%w: nothing is requested", registry.ErrState)
			}
			allow = slices.Concat(i.Allowed, i.Requested)
			allow = slices.DeleteFunc(allow, func(s string) bool { return !slices.Contains(a.Manifest.Scopes, s) })
		}
		return p.allow(c, a, i, allow)
	})
}

// allow is [registry.Installation.Allow], whose refusals of scopes are what the caller sent.
func (p *Platform) allow(c Caller, a *registry.App, i *registry.Installation, scopes []string) error {
	if err := checkScopes(a, scopes); err != nil {
		return err
	}
	for _, s := range a.Manifest.RequiredScopes {
		if !slices.Contains(scopes, s) {
			return &Invalid{[]string{fmt.Sprintf("scopes: the app cannot work without %q", s)}}
		}
	}
	return i.Allow(c.actor(), a, scopes)
}

// RefuseInstallation refuses what is requested; what is allowed goes on working.
func (p *Platform) RefuseInstallation(ctx context.Context, c Caller, app string) (*registry.Installation, error) {
	return p.install(ctx, c, app, func(a *registry.App, i *registry.Installation) error { return i.Refuse(c.actor()) })
}

// NarrowInstallation leaves an app fewer scopes than it has, at once.
func (p *Platform) NarrowInstallation(ctx context.Context, c Caller, app string, scopes []string) (*registry.Installation, error) {
	return p.install(ctx, c, app, func(a *registry.App, i *registry.Installation) error {
		for _, s := range scopes {
			if !slices.Contains(i.Allowed, s) {
				return &Invalid{[]string{fmt.Sprintf("scopes: %.100q is not allowed so far; request it", s)}}
			}
		}
		return p.allow(c, a, i, scopes)
	})
}

// HaltInstallation suspends an app in the caller's organisation, or lets it go on. What staff halted only
// staff let go on.
func (p *Platform) HaltInstallation(ctx context.Context, c Caller, app string, halt bool) (*registry.Installation, error) {
	return p.install(ctx, c, app, func(a *registry.App, i *registry.Installation) error {
		if len(i.Allowed) == 0 && !(i.Suspended && c.staff()) {
			return fmt.Errorf("%w: the app is not installed", registry.ErrState)
		}
		return i.Halt(c.actor(), halt)
	})
}

// Uninstall removes an app from the caller's organisation and ends every grant it has there.
func (p *Platform) Uninstall(ctx context.Context, c Caller, app string) (*registry.Installation, error) {
	if _, err := p.Installation(ctx, c, app); err != nil {
		return nil, err
	}
	return p.installMarked(ctx, c, app, func(a *registry.App, i *registry.Installation) error { return i.Remove(c.actor()) })
}
