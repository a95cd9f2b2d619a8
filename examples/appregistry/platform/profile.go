package platform

import (
	"context"
	"fmt"
	"net/mail"
	"net/url"
	"time"
	"unicode/utf8"
)

// Profile is what a developer says of themselves in the directory.
type Profile struct {
	Name    string    `json:"name"`
	Website string    `json:"website"`
	Email   string    `json:"email"` // for the people who installed an app
	About   string    `json:"about"`
	Updated time.Time `json:"updated_at,omitzero"` // zero: nothing was said
	Version int64     `json:"-"`
}

// Profile returns the caller's own.
func (p *Platform) Profile(ctx context.Context, c Caller) (*Profile, error) {
	if err := c.check(Developer); err != nil {
		return nil, err
	}
	return p.profileOf(ctx, c.Subject)
}

func (p *Platform) profileOf(ctx context.Context, subject string) (*Profile, error) {
	r, err := p.profiles.get(ctx, hash(subject))
	r.value.Version = r.version
	return &r.value, err
}

// SetProfile replaces the caller's profile.
func (p *Platform) SetProfile(ctx context.Context, c Caller, n Profile) (*Profile, error) {
	if err := c.check(Developer); err != nil {
		return nil, err
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	n.Updated = p.now()
	r, err := p.profiles.update(ctx, hash(c.Subject), func(r *row[Profile]) error {
		if err := c.matches(r.version); err != nil {
			return err
		}
		r.value = n
		return nil
	})
	r.value.Version = r.version
	return &r.value, err
}

func (n *Profile) check() error {
	var faults []string
	text := func(name, s string, most int) {
		if len(s) > most || !utf8.ValidString(s) {
			faults = append(faults, fmt.Sprintf("%s: got %d bytes, wanted at most %d of UTF-8", name, len(s), most))
		}
	}
	text("name", n.Name, 100)
	text("website", n.Website, 500)
	text("email", n.Email, 254)
	text("about", n.About, 4000)
	if u, err := url.Parse(n.Website); n.Website != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil) {
		faults = append(faults, "website: wanted an https URL")
	}
	if a, err := mail.ParseAddress(n.Email); n.Email != "" && (err != nil || a.Address != n.Email) {
		faults = append(faults, "email: wanted an e-mail address")
	}
	if faults != nil {
		return &Invalid{faults}
	}
	return nil
}
