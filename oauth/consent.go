package oauth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/registry"
)

// Consent is what a subject has let an app do.
type Consent struct {
	Subject, Tenant, App string

	Scopes  []string // allowed
	Refused []string // asked for and refused: not asked again
	Since   time.Time
	Changed time.Time
}

// consent is the record of a [Consent], kept for ever because its epoch is.
type consent struct {
	Subject string   `json:"subject"`
	Tenant  string   `json:"tenant,omitempty"`
	App     string   `json:"app"`
	Allowed []string `json:"allowed,omitempty"`
	Refused []string `json:"refused,omitempty"`
	Since   int64    `json:"since,omitempty"` // 0: there is no consent
	Changed int64    `json:"changed,omitempty"`
	Seen    string   `json:"seen,omitempty"` // hash of the name and redirect URIs that the user saw

	// What else was approved holds too where there is no page.
	Resources []string `json:"resources,omitempty"`
	NoRefresh bool     `json:"no_refresh,omitempty"`
	Data      []byte   `json:"data,omitempty"`

	Epoch int64 `json:"epoch,omitempty"`
}

// epoch is a counter that ends what was made under a lower one.
type epoch struct {
	Epoch int64 `json:"epoch"`
}

func consentID(tenant, subject, app string) string {
	return table.Hash("consent", tenant, subject, app)
}

func consentLabel(subject string) string { return "cs/" + table.Hash(subject) }

// holdFor drops what was consented to unless it was to the app of m: one that changes its name or where
// its users are sent is not the one that the user let in.
func (v *consent) holdFor(m *registry.Manifest) {
	uris := slices.Sorted(slices.Values(m.RedirectURIs))
	if now := table.Hash(m.Name, strings.Join(uris, "\n")); v.Seen != now {
		*v = consent{Subject: v.Subject, Tenant: v.Tenant, App: v.App, Seen: now, Epoch: v.Epoch}
	}
}

// approval is what a remembered consent stands for where there is no page.
func (v *consent) approval() *Approval { return &Approval{Data: v.Data, NoRefresh: v.NoRefresh} }

// remember stores what the user allowed of what was asked, which is what g has, in one write.
func (c *call) remember(a *Authorization, g *grant, ap *Approval) error {
	id := consentID(a.Login.Tenant, a.Login.Subject, a.App.ID)
	refused := scope.Without(a.Scopes, g.scopes)
	_, err := c.s.consents.Update(c.ctx, id, c.now, func(row *table.Row[consent]) error {
		v := &row.Value
		if v.Epoch != a.st.consent.Value.Epoch { // TestSessionChangesMeanwhile
			return refuse("access_denied", "the consent was withdrawn while it was given")
		}
		if row.Version == 0 {
			row.Labels = []string{consentLabel(a.Login.Subject)}
		}
		v.holdFor(&a.App.Manifest)
		if v.Since == 0 {
			v.Since = c.now
		}
		v.Subject, v.Tenant, v.App = a.Login.Subject, a.Login.Tenant, a.App.ID
		v.Allowed = append(scope.Without(v.Allowed, a.Scopes), g.scopes...)
		v.Refused = append(scope.Without(v.Refused, a.Scopes), refused...)
		v.Resources = append(scope.Without(v.Resources, a.Resources), g.resources...)
		v.NoRefresh, v.Data, v.Changed = ap.NoRefresh, ap.Data, c.now
		return nil
	})
	return err
}

// Consents returns a page of the apps a subject has let in, for a page of connected apps, and the cursor
// of the next, "" at the end. A page may be short or empty before the end. Errors are [*Error].
func (s *Server) Consents(ctx context.Context, subject, after string) ([]Consent, string, error) {
	rows, next, err := s.consents.List(ctx, consentLabel(subject), after, 100)
	if err != nil {
		return nil, "", asError(err)
	}
	var list []Consent
	for _, row := range rows {
		v := row.Value
		if v.Since == 0 || v.Subject != subject {
			continue
		}
		list = append(list, Consent{Subject: v.Subject, Tenant: v.Tenant, App: v.App, Scopes: v.Allowed, Refused: v.Refused,
			Since: time.Unix(v.Since, 0), Changed: time.Unix(v.Changed, 0)})
	}
	return list, next, nil
}

// Disconnect withdraws the consent of c.Subject in c.Tenant to c.App, the only fields it reads, and
// ends every grant under it in one write, those of Issue and of host grant types too. It may name a
// consent that was never given. After it returned no refresh succeeds and introspection says inactive;
// a request under way may still hand out one access token that introspection calls inactive. An error, which
// is an [*Error], may mean that it happened: call it again.
func (s *Server) Disconnect(ctx context.Context, c Consent) error {
	call := s.begin(ctx, "disconnect", nil)
	defer call.cancel()
	call.event.App, call.event.Subject, call.event.Tenant = c.App, c.Subject, c.Tenant
	return call.ends(raise(call, s.consents, consentID(c.Tenant, c.Subject, c.App), func(row *table.Row[consent]) *int64 {
		if row.Version == 0 {
			row.Labels = []string{consentLabel(c.Subject)}
		}
		row.Value = consent{Subject: c.Subject, Tenant: c.Tenant, App: c.App, Epoch: row.Value.Epoch}
		return &row.Value.Epoch
	}))
}

// EndSubject ends every grant of a subject in one write: sign out everywhere. It holds as Disconnect does.
func (s *Server) EndSubject(ctx context.Context, subject string) error {
	c := s.begin(ctx, "end", nil)
	defer c.cancel()
	c.event.Subject = subject
	return c.ends(raise(c, s.subjects, table.Hash(subject), func(row *table.Row[epoch]) *int64 { return &row.Value.Epoch }))
}

func (c *call) ends(err error) error {
	c.done(asError(err))
	if err != nil {
		return asError(err)
	}
	return nil
}

// raise adds one to the epoch that change points at. An epoch higher than the one first read is as good
// as one's own, so a raise is done even where its own write's outcome stays unknown.
func raise[T any](c *call, t *table.Table[T], id string, change func(*table.Row[T]) *int64) error {
	errDone := errors.New("raised by another")
	first, read := int64(0), false
	step := func(row *table.Row[T]) error {
		e := change(row)
		if !read {
			first, read = *e, true
		}
		if *e > first {
			return errDone
		}
		*e++
		return nil
	}
	_, err := t.Update(c.ctx, id, c.now, step)
	if errors.Is(err, table.ErrUnavailable) && read {
		if row, getErr := t.Get(c.ctx, id); getErr == nil && *change(&row) > first {
			return nil
		}
	}
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}
