package platform

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oauthcore/oauthcore/registry"
)

// Webhook is an endpoint of an app that messages are sent to.
type Webhook struct {
	ID          string
	URL         string
	Description string
	Secrets     []SigningSecret // that sign, the newest first; two while a rotation overlaps
	Created     time.Time
	Version     int64
}

// SigningSecret is when a secret signs, without the secret.
type SigningSecret struct {
	ID       string    `json:"id"`
	Created  time.Time `json:"created_at"`
	NotAfter time.Time `json:"not_after,omitzero"` // zero: until it is rotated out
}

// endpoint is the record of a Webhook.
type endpoint struct {
	App         string         `json:"app"`
	ID          string         `json:"id"`
	URL         string         `json:"url"`
	Description string         `json:"description,omitzero"`
	Secrets     []sealedSecret `json:"secrets"`
	Created     time.Time      `json:"created"`
	Deleted     bool           `json:"deleted,omitzero"`
}

type sealedSecret struct {
	SigningSecret
	Sealed []byte `json:"sealed"`
}

const (
	maxWebhooks  = 20 // of one app
	maxURL       = 2048
	secretPrefix = "whsec_"
)

// checkApp refuses whoever is not an app.
func (c *Caller) checkApp() error {
	if c.App == "" {
		return fmt.Errorf("%w: wanted an app's own token", registry.ErrForbidden)
	}
	return nil
}

// CreateWebhook registers an endpoint of the app that asks. Secret is what its messages are signed with,
// shown this once.
func (p *Platform) CreateWebhook(ctx context.Context, c Caller, address, description string) (w *Webhook, secret string, err error) {
	if err := c.checkApp(); err != nil {
		return nil, "", err
	}
	if err := p.checkEndpoint(address, description); err != nil {
		return nil, "", err
	}
	draw := c.Draw.or()
	drawn := draw("webhook")
	id := "wh_" + hex.EncodeToString(drawn[:16])
	places, err := p.places(ctx, c.App)
	if err != nil {
		return nil, "", err
	}
	secret, sealed := p.newSigningSecret(draw, id)
	if i := slices.IndexFunc(places, func(r row[endpoint]) bool { return r.value.ID == id }); i >= 0 {
		return p.webhook(places[i]), secret, nil // this request, carried out before
	}
	for _, place := range places {
		if !place.value.free() {
			continue
		}
		r, err := p.endpoints.update(ctx, place.id, func(r *row[endpoint]) error {
			switch {
			case r.value.ID == id:
				return nil // a write of which this server was told no outcome
			case !r.value.free():
				return errTaken
			}
			r.labels, r.expires = []string{hash(c.App)}, 0
			r.value = endpoint{App: c.App, ID: id, URL: address, Description: description, Secrets: []sealedSecret{sealed}, Created: p.now()}
			return nil
		})
		switch {
		case err == nil:
			return p.webhook(r), secret, nil
		case !errors.Is(err, errTaken):
			return nil, "", err
		}
	}
	return nil, "", fmt.Errorf("%w: an app has at most %d webhooks", registry.ErrState, maxWebhooks)
}

// places reads the records that an app's endpoints are in, absent ones too. There are as many as an app may
// have: requests that counted instead could each find room for one more.
func (p *Platform) places(ctx context.Context, app string) ([]row[endpoint], error) {
	ids := make([]string, maxWebhooks)
	for n := range ids {
		ids[n] = hash(app, strconv.Itoa(n))
	}
	return p.endpoints.getAll(ctx, ids)
}

// free reports whether a place may be taken.
func (e *endpoint) free() bool { return e.ID == "" || e.Deleted }

// newSigningSecret draws a secret in the form of the Standard Webhooks specification.
func (p *Platform) newSigningSecret(draw Draw, endpoint string) (plain string, s sealedSecret) {
	drawn, id := draw("signing secret"), draw("signing secret id")
	s = sealedSecret{
		SigningSecret: SigningSecret{ID: hex.EncodeToString(id[:8]), Created: p.now()},
		Sealed:        p.vault.seal(drawn[:], endpoint),
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(drawn[:]), s
}

// webhook returns what a record says, without the secrets that sign no more.
func (p *Platform) webhook(r row[endpoint]) *Webhook {
	v := &r.value
	w := &Webhook{ID: v.ID, URL: v.URL, Description: v.Description, Created: v.Created, Version: r.version}
	for _, s := range p.signing(v) {
		w.Secrets = append(w.Secrets, s.SigningSecret)
	}
	return w
}

// signing returns the secrets that sign now, the newest first.
func (p *Platform) signing(v *endpoint) (now []sealedSecret) {
	for _, s := range v.Secrets {
		if s.NotAfter.IsZero() || p.now().Before(s.NotAfter) {
			now = append(now, s)
		}
	}
	return now
}

// checkEndpoint returns what is wrong with an endpoint's address.
func (p *Platform) checkEndpoint(address, description string) error {
	var faults []string
	u, err := url.Parse(address)
	switch {
	case len(address) > maxURL || err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || strings.Contains(address, "#"):
		faults = append(faults, fmt.Sprintf("url: wanted an https URL of at most %d bytes, without user and fragment", maxURL))
	case u.Scheme != "https" && !(p.insecure && u.Scheme == "http"):
		faults = append(faults, fmt.Sprintf("url: got scheme %.20q, wanted https", u.Scheme))
	default:
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && !p.insecure && checkAddress(a) != nil {
			faults = append(faults, "url: the address is not one of the public internet")
		}
	}
	if len(description) > 500 || !utf8.ValidString(description) {
		faults = append(faults, "description: wanted at most 500 bytes of UTF-8")
	}
	if faults != nil {
		return &Invalid{faults}
	}
	return nil
}

// Webhooks returns a page of the endpoints of the app that asks.
func (p *Platform) Webhooks(ctx context.Context, c Caller, after string, limit int) (page Page[*Webhook], err error) {
	if err := c.checkApp(); err != nil {
		return page, err
	}
	rows, next, err := p.endpoints.list(ctx, hash(c.App), after, limit)
	for _, r := range rows {
		if !r.value.Deleted {
			page.Items = append(page.Items, p.webhook(r))
		}
	}
	page.Next = next
	return page, err
}

// Webhook returns an endpoint of the app that asks.
func (p *Platform) Webhook(ctx context.Context, c Caller, id string) (*Webhook, error) {
	r, err := p.endpoint(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return p.webhook(r), nil
}

func (p *Platform) endpoint(ctx context.Context, c Caller, id string) (row[endpoint], error) {
	if err := c.checkApp(); err != nil {
		return row[endpoint]{}, err
	}
	places, err := p.places(ctx, c.App)
	if err != nil {
		return row[endpoint]{}, err
	}
	i := slices.IndexFunc(places, func(r row[endpoint]) bool { return r.value.is(id) })
	if i < 0 {
		return row[endpoint]{}, registry.ErrNotFound
	}
	return places[i], nil
}

// is reports whether e is the endpoint of that id, and still there.
func (e *endpoint) is(id string) bool { return !e.free() && e.ID == id }

// changeEndpoint applies change to an endpoint of the app that asks.
func (p *Platform) changeEndpoint(ctx context.Context, c Caller, id string, change func(*row[endpoint]) error) (*Webhook, error) {
	found, err := p.endpoint(ctx, c, id)
	if err != nil {
		return nil, err
	}
	r, err := p.endpoints.update(ctx, found.id, func(r *row[endpoint]) error {
		if !r.value.is(id) {
			return registry.ErrNotFound
		}
		return change(r)
	})
	if err != nil {
		return nil, err
	}
	return p.webhook(r), nil
}

// RotateWebhook gives an endpoint a new signing secret, shown this once. The one there was signs beside it
// for overlap; zero ends it at once.
func (p *Platform) RotateWebhook(ctx context.Context, c Caller, id string, overlap time.Duration) (w *Webhook, secret string, err error) {
	if err := checkOverlap(overlap); err != nil {
		return nil, "", err
	}
	secret, next := p.newSigningSecret(c.Draw.or(), id)
	w, err = p.changeEndpoint(ctx, c, id, func(r *row[endpoint]) error {
		now := p.signing(&r.value)
		if slices.ContainsFunc(now, func(s sealedSecret) bool { return s.ID == next.ID }) {
			return nil // this request, carried out before, which changed the version
		}
		if err := c.matches(r.version); err != nil {
			return err
		}
		switch {
		case overlap == 0:
			now = nil
		case len(now) >= 2:
			return fmt.Errorf("%w: two secrets sign already; rotate without overlap to end both", registry.ErrState)
		default:
			now = slices.Clone(now)
			now[0].NotAfter = p.now().Add(overlap)
		}
		r.value.Secrets = append([]sealedSecret{next}, now...)
		return nil
	})
	return w, secret, err
}

// DeleteWebhook removes an endpoint.
func (p *Platform) DeleteWebhook(ctx context.Context, c Caller, id string) (*Webhook, error) {
	return p.changeEndpoint(ctx, c, id, func(r *row[endpoint]) error {
		if err := c.matches(r.version); err != nil {
			return err
		}
		r.value.Deleted, r.value.Secrets = true, nil
		r.expires = p.now().Add(time.Hour).Unix()
		return nil
	})
}
