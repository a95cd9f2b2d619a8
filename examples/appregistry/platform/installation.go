package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
	// The registry's pages have a size of their own: a cursor here is one of the registry's and how many of
	// its page were given already.
	n, cursor, _ := strings.Cut(after, " ")
	skip, err := strconv.Atoi(n)
	if after != "" && (err != nil || skip < 0) {
		return page, &Invalid{[]string{"cursor: not one that was given out"}}
	}
	if err := checkCursor(cursor, "i/"); err != nil {
		return page, err
	}
	all, next, err := p.registry.Installations(ctx, c.Tenant, "", cursor)
	if err != nil {
		return page, err
	}
	all = all[min(skip, len(all)):]
	switch {
	case len(all) > limit:
		page.Items, page.Next = all[:limit], strconv.Itoa(skip+limit)+" "+cursor
	case next != "":
		page.Items, page.Next = all, "0 "+next
	default:
		page.Items = all
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

// installation reads an installation, one that is only asked for too, which the registry gives to a change
// alone.
func (p *Platform) installation(ctx context.Context, app, tenant string) (found *registry.Installation, err error) {
	if tenant == "" {
		return nil, registry.ErrNotFound // who belongs to no organisation has none
	}
	seen := errors.New("seen")
	_, err = p.registry.Install(ctx, app, tenant, "", func(_ *registry.App, i *registry.Installation) error {
		n := *i
		found = &n
		return seen
	})
	switch {
	case !errors.Is(err, seen):
		return nil, err
	case found.Version == 0 || found.Removed && len(found.Requested) == 0:
		return nil, registry.ErrNotFound
	}
	return found, nil
}

// install applies a transition to the installation of an app in the caller's organisation.
func (p *Platform) install(ctx context.Context, c Caller, app string, transition func(*registry.App, *registry.Installation) error) (*registry.Installation, error) {
	if err := c.checkInstaller(); err != nil {
		return nil, err
	}
	return p.registry.Install(ctx, app, c.Tenant, "", func(a *registry.App, i *registry.Installation) error {
		if err := c.matches(i.Version); err != nil {
			return err
		}
		if i.Version == 0 && a.Tenant != c.Tenant && !(a.Shared && a.Active()) {
			return registry.ErrNotFound // an app that is not for them is not theirs to know of
		}
		return refused(transition(a, i))
	})
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
	i, err := p.install(ctx, c, app, func(a *registry.App, i *registry.Installation) error {
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
	if err != nil {
		return nil, err
	}
	return i, p.mark(ctx, app, c.Tenant, true)
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
	if err := c.checkInstaller(); err != nil {
		return nil, err
	}
	found, err := p.installation(ctx, app, c.Tenant)
	if err == nil {
		err = c.matches(found.Version)
	}
	if err != nil {
		return nil, err
	}
	if err := p.mark(ctx, app, c.Tenant, false); err != nil {
		return nil, err
	}
	return p.install(ctx, c, app, func(a *registry.App, i *registry.Installation) error { return i.Remove(c.actor()) })
}
