package oauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/oauthcore/oauthcore/internal/chain"
	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/internal/table"
)

const maxData = 4 << 10

// Issue starts a grant for the host's own login and returns its first tokens: the host has signed the
// user in and needs no page. It vouches for the app as it does for the user: no client is authenticated
// and no consent asked. Errors are [*Error]. EndSubject binds what is issued after it returned.
func (s *Server) Issue(ctx context.Context, appID string, a Approval) (*TokenResponse, error) {
	c := s.begin(ctx, "issue", nil)
	defer c.cancel()
	c.event.App = appID
	t, err := func() (*TokenResponse, error) {
		app, err := s.app(c, appID)
		if err != nil {
			return nil, err
		}
		c.app = app
		return c.approved(&a)
	}()
	c.done(asError(err))
	if err != nil {
		return nil, asError(err)
	}
	return t, nil
}

// approved starts the grant that the host permits outside the authorization endpoint.
func (c *call) approved(ap *Approval) (*TokenResponse, error) {
	switch {
	case ap.Login == nil || ap.Login.Subject == "":
		return nil, errApproval("Login.Subject is required")
	case ap.Login.Time.IsZero():
		return nil, errApproval("Login.Time is required")
	}
	if err := ap.check(); err != nil {
		return nil, err
	}
	return c.start(&grant{
		app:    c.app.ID,
		tenant: ap.Login.Tenant, subject: ap.Login.Subject,
		authTime: ap.Login.Time.Unix(), acr: ap.Login.ACR, amr: ap.Login.AMR,
		data:        ap.Data,
		refreshable: !ap.NoRefresh && c.app.Manifest.AllowsGrant("refresh_token"),
	}, ap)
}

// check refuses what is wrong with ap wherever it comes from. No resources is not all of them: a form with
// every box unticked would else allow the most.
func (ap *Approval) check() error {
	switch {
	case len(ap.Data) > maxData:
		return errApproval("Data is over 4 KiB")
	case ap.Resources != nil && len(ap.Resources) == 0: // TestApprovalOfNothing
		return refuse("invalid_target", "no resource was allowed")
	}
	return nil
}

func errApproval(fault string) error { return fmt.Errorf("oauth: Approval: %s", fault) }

// start begins a grant at the token endpoint: its scopes are those asked for, or all of the app's, within
// what the host approved and what is permitted; its tokens are built first and its record stored last.
// An app that acts for itself and gets no refresh token needs no record.
func (c *call) start(g *grant, ap *Approval) (*TokenResponse, error) {
	st, err := c.standing(c.app, g.tenant, g.subject)
	if err != nil {
		return nil, err
	}
	if !st.installed() { // TestPlatformWhereInstalled, TestTokenErrors
		return nil, refuse("invalid_grant", "the app is not installed in this tenant")
	}
	c.event.Subject, c.event.Tenant = g.subject, g.tenant
	asked, err := parseScope(c.params.Get("scope"))
	if err != nil {
		return nil, err
	}
	if !scope.Subset(asked, c.app.Manifest.Scopes) { // TestTokenErrors
		return nil, refuse("invalid_scope", "a scope is not one that this client may have")
	}
	if asked == nil {
		asked = c.app.Manifest.Scopes
	}
	resources := c.params["resource"]
	if ap != nil {
		if ap.Scopes != nil {
			asked = scope.Within(asked, ap.Scopes)
		}
		if ap.Resources != nil {
			if !scope.Subset(ap.Resources, resources) && len(resources) > 0 {
				return nil, refuse("invalid_target", "a resource is not one that was asked for")
			}
			resources = ap.Resources
		}
	}
	g.scopes = st.permitted(asked, false)
	// Only a host may approve of no scope at all, and only where none was asked for: the answer could not
	// say so (RFC 6749, Section 5.1).
	nothing := ap != nil && ap.Scopes != nil && len(ap.Scopes) == 0 && c.params.Get("scope") == ""
	if len(g.scopes) == 0 && len(c.app.Manifest.Scopes) > 0 && !nothing {
		return nil, refuse("invalid_scope", "nothing of the scope is permitted")
	}
	if g.resources, err = c.s.resources(c.app, resources); err != nil {
		return nil, err
	}
	g.epochs = st.epochs()
	g.created = c.now

	if g.subject == "" && !g.refreshable {
		a := c.access(newAloneID(g.epochs), g.scopes, g.resources, 0)
		a.tenant = g.tenant
		tok, err := c.mint(c.app, a, g.public(chain.ID{}))
		if err == nil {
			err = c.spend()
		}
		if err != nil {
			return nil, err
		}
		return c.tokens(g, chain.ID{}, a, tok, chain.Credential{}), nil
	}

	var id chain.ID
	var nonce [16]byte
	rand.Read(id[:])
	rand.Read(nonce[:])
	g.expires = c.now + int64(c.s.config.GrantLifetime/time.Second)
	// The code of such a grant is redeemed where it was made: one life cycle serves all.
	state, code := chain.New(id)
	var first chain.Credential
	g.chain, first = state.Next(c.s.chainKeys, code, nonce, c.now)
	a := c.access(newAccessID(id), g.scopes, g.resources, g.expires)
	tok, err := c.mint(c.app, a, g.public(id))
	if err == nil {
		err = c.spend()
	}
	if err != nil {
		return nil, err
	}
	row := table.Row[grant]{ID: grantID(id), Expires: c.needed(g, a), Value: *g}
	if _, err = c.s.grants.Create(c.ctx, c.write, row, c.now); err != nil {
		if errors.Is(err, errExists) {
			err = unavailable(err)
		}
		return nil, err
	}
	c.event.Grant = grantID(id)
	return c.tokens(g, id, a, tok, first), nil
}
