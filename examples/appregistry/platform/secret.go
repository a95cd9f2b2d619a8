package platform

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/oauthcore/oauthcore/registry"
)

const maxOverlap = 7 * 24 * time.Hour

// checkOverlap refuses what is not from 0 to 7 days.
func checkOverlap(overlap time.Duration) error {
	if overlap < 0 || overlap > maxOverlap {
		return &Invalid{[]string{fmt.Sprintf("overlap_seconds: got %d, wanted 0 to %d", int64(overlap.Seconds()), int64(maxOverlap.Seconds()))}}
	}
	return nil
}

// ownsSecrets returns an error unless an app is the caller's own: staff see every app, and suspend one whose secret
// has leaked, but may not act as it.
func (c *Caller) ownsSecrets(a *registry.App) error {
	if err := c.sees(a); err != nil {
		return err
	}
	if a.Owner != c.Subject || a.Tenant != c.Tenant {
		return fmt.Errorf("%w: an app's secrets are its owner's", registry.ErrForbidden)
	}
	return nil
}

// RotateSecret gives an app a new client secret, shown this once. The one there was works beside it for
// overlap; zero ends it at once.
func (p *Platform) RotateSecret(ctx context.Context, c Caller, id string, overlap time.Duration) (app *registry.App, secret string, err error) {
	if err := c.check(Developer); err != nil {
		return nil, "", err
	}
	if err := checkOverlap(overlap); err != nil {
		return nil, "", err
	}
	if overlap == 0 {
		overlap = -1
	}
	secret, s := p.newSecret(c.Draw.or())
	app, err = p.registry.Update(ctx, id, func(a *registry.App) error {
		if err := c.ownsSecrets(a); err != nil {
			return err
		}
		if slices.ContainsFunc(a.Secrets, func(there registry.Secret) bool { return there.ID == s.ID }) {
			return nil // this request, carried out before, which made another version of what its caller saw
		}
		if err := c.matches(a.Version); err != nil {
			return err
		}
		m := &a.Manifest
		if a.Manifest.Name == "" && a.Revision != nil {
			m = &a.Revision.Manifest
		}
		if !KeepsSecret(m) {
			return fmt.Errorf("%w: the app authenticates without a secret", registry.ErrState)
		}
		return refused(a.AddSecret(c.actor(), s, overlap))
	})
	return app, secret, err
}

// EndRotation ends the overlap of two secrets at once: complete keeps the new one, else the old one stays
// as if nothing had happened.
func (p *Platform) EndRotation(ctx context.Context, c Caller, id string, complete bool) (*registry.App, error) {
	return p.transition(ctx, c, Developer, id, func(a *registry.App) error {
		if err := c.ownsSecrets(a); err != nil {
			return err
		}
		now := p.now()
		usable := slices.DeleteFunc(slices.Clone(a.Secrets), func(s registry.Secret) bool {
			return !s.NotAfter.IsZero() && !now.Before(s.NotAfter)
		})
		if len(usable) != 2 {
			return fmt.Errorf("%w: no rotation is under way", registry.ErrState)
		}
		gone := usable[1] // the new one: AddSecret appends
		if complete {
			gone = usable[0]
		}
		return a.RemoveSecret(c.actor(), gone.ID, now)
	})
}

// sum is how a generated secret is kept.
func sum(plain string) []byte {
	h := sha256.Sum256([]byte(plain))
	return h[:]
}
