package platform

import (
	"context"
	"fmt"

	"github.com/oauthcore/oauthcore/registry"
)

// Queue returns a page of the apps that wait: in state [registry.Submitted] for a reviewer, in
// [registry.Approved] to be published.
func (p *Platform) Queue(ctx context.Context, c Caller, state registry.State, after string, limit int) (Page[*registry.App], error) {
	if err := c.check(Review); err != nil {
		return Page[*registry.App]{}, err
	}
	if state != registry.Submitted && state != registry.Approved {
		return Page[*registry.App]{}, &Invalid{[]string{fmt.Sprintf("state: got %.50q, wanted %q or %q", string(state), registry.Submitted, registry.Approved)}}
	}
	apps, next, err := p.apps(ctx, registry.Query{State: state, After: after, Limit: limit})
	return Page[*registry.App]{apps, next}, err
}

// Reviewed returns any app to those who review.
func (p *Platform) Reviewed(ctx context.Context, c Caller, id string) (*registry.App, error) {
	if err := c.check(Review); err != nil {
		return nil, err
	}
	return p.seen(ctx, c, id)
}

// Claim says that the caller reads the submitted revision.
func (p *Platform) Claim(ctx context.Context, c Caller, id string) (*registry.App, error) {
	return p.transition(ctx, c, Review, id, func(a *registry.App) error { return a.Claim(c.actor()) })
}

// maxNote is less than a registry takes: an app's record must hold it beside two manifests of any size, with
// each character escaped.
const maxNote = 1000 // bytes

// Judge approves the submitted revision, or sends it back to its developer with a note.
func (p *Platform) Judge(ctx context.Context, c Caller, id string, approve bool, note string) (*registry.App, error) {
	if !approve && note == "" {
		return nil, &Invalid{[]string{"note: missing; the developer needs to know what to change"}}
	}
	if len(note) > maxNote {
		return nil, &Invalid{[]string{fmt.Sprintf("note: got %d bytes, wanted at most %d", len(note), maxNote)}}
	}
	return p.transition(ctx, c, Review, id, func(a *registry.App) error { return a.Review(c.actor(), approve, note) })
}

// Publish makes the approved revision the live one. Listed shows the app in the directory, shared lets other
// organisations install it; nil leaves either as it is, and an app that is published for the first time has both.
func (p *Platform) Publish(ctx context.Context, c Caller, id string, listed, shared *bool) (*registry.App, error) {
	return p.transition(ctx, c, Review, id, func(a *registry.App) error {
		if !Published(a) {
			a.Listed, a.Shared = true, true
		}
		if listed != nil {
			a.Listed = *listed
		}
		if shared != nil {
			a.Shared = *shared
		}
		return a.Publish(c.actor())
	})
}

// Suspend halts an app for the platform, or reinstates it.
func (p *Platform) Suspend(ctx context.Context, c Caller, id string, halt bool) (*registry.App, error) {
	return p.transition(ctx, c, Review, id, func(a *registry.App) error {
		if a.Owner == c.Subject {
			return fmt.Errorf("%w: nobody suspends or reinstates their own", registry.ErrForbidden)
		}
		return a.Halt(c.actor(), halt)
	})
}
