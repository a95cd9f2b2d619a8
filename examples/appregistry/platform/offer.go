package platform

import (
	"context"
	"errors"

	"github.com/oauthcore/oauthcore/registry"
)

// Offer is an app as an organisation meets it: what the directory says of it, and what the organisation has
// said to it so far.
type Offer struct {
	Listing
	Own          bool                   // of the organisation itself, where it works without being installed
	Active       bool                   // may act, where it is installed
	Deleted      bool                   // for ever: it is there to be uninstalled
	Installation *registry.Installation // nil: none, or not the caller's to see
}

// Offer returns an app that the caller's organisation has installed or may install, listed or not. To others
// there is none.
func (p *Platform) Offer(ctx context.Context, c Caller, id string) (*Offer, error) {
	if err := c.check(Directory); err != nil {
		return nil, err
	}
	a, err := p.registry.App(ctx, id)
	if err != nil {
		return nil, err
	}
	i, err := p.installation(ctx, id, c.Tenant)
	switch {
	case err != nil && !errors.Is(err, registry.ErrNotFound):
		return nil, err
	case i == nil && !(a.Active() && installable(a, c.Tenant)):
		return nil, registry.ErrNotFound
	}
	l, err := p.listing(ctx, a, make(map[string]string))
	if err != nil {
		return nil, err
	}
	o := &Offer{Listing: l, Own: a.Tenant == c.Tenant, Active: a.Active(), Deleted: a.Deleted}
	if c.May(Installations) {
		o.Installation = i
	}
	return o, nil
}
