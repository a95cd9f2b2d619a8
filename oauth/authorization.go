package oauth

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/oauthcore/oauthcore/internal/chain"
	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/registry"
)

// Authorization is a valid authorization request that waits for the user. It lives as long as the call
// of Interact that it was given to. It prints, and encodes as JSON, without URL, which holds a ticket, and Params.
type Authorization struct {
	App         *registry.App
	Login       *Login     // nil: sign-in is needed (nobody is signed in, max_age, prompt=login)
	Scopes      []string   // what would be granted, within the app's and the installation's; nil before sign-in
	NewScopes   []string   // those of Scopes that the user has not allowed before
	Resources   []string   // resource indicators that the tokens would be for
	RedirectURI string     // to show its host
	URL         string     `json:"-"` // a path and query: where sign-in returns to and where forms post; good for 10 minutes
	Params      url.Values `json:"-"` // the request: login_hint, ui_locales, acr_values, nonce

	c         *call
	st        *standing
	situation *situation
	grant     chain.ID
	posted    bool // the consent form has come back, from who was shown it
	answered  bool
}

// Format prints a without URL and Params, whatever the verb.
func (a Authorization) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "Authorization(%s %q)", a.RedirectURI, a.Scopes)
}

// Approve redirects to the app with a code. ap may be nil: all of a.Scopes. Only the POST of a consent
// page may approve; anything else is answered with a page that says so. What the user left out of
// a.Scopes is remembered as refused; leaving out what the app requires is access_denied.
func (a *Authorization) Approve(w http.ResponseWriter, r *http.Request, ap *Approval) {
	if !a.may(w) {
		return
	}
	if ap == nil {
		ap = &Approval{}
	}
	if ap.Login != nil {
		a.deny(w, r, errApproval("Login is SignedIn's to say here"))
		return
	}
	allowed, err := a.situation.narrow(a.Scopes, ap.Scopes)
	if err == nil {
		err = ap.check()
	}
	if err != nil {
		a.deny(w, r, err)
		return
	}
	a.finish(w, r, allowed, ap, true)
}

// Deny redirects to the app with e, access_denied if nil. Nothing is remembered.
func (a *Authorization) Deny(w http.ResponseWriter, r *http.Request, e *Error) {
	if a.answered { // TestApproveOnce
		return
	}
	if e == nil {
		e = refuse("access_denied", "the user refused")
	}
	a.deny(w, r, e)
}

func (a *Authorization) deny(w http.ResponseWriter, r *http.Request, err error) {
	a.answered = true
	a.c.refuse(w, r, a.situation.req, err)
}

// may reports whether an approval counts, and answers if not: a GET, a first POST, or the page of a
// sign-in never approves, whatever the host's code says (RFC 6749, Section 10.12).
func (a *Authorization) may(w http.ResponseWriter) bool {
	if a.answered {
		return false
	}
	if !a.posted { // TestApproveOutsideTheForm
		a.answered = true
		a.c.page(w, refuse("invalid_request", "only the form of a consent page can approve"))
		return false
	}
	return true
}

// finish stores the consent if the user gave one here, then the grant, and sends the code. Without a page
// ap is what the consent remembers. The grant's id came with the request, so creating it is what uses the
// request up.
func (a *Authorization) finish(w http.ResponseWriter, r *http.Request, scopes []string, ap *Approval, asked bool) {
	a.answered = true
	c, s, req := a.c, a.c.s, a.situation.req
	g := &grant{
		app: a.App.ID, tenant: a.Login.Tenant, subject: a.Login.Subject,
		authTime: a.Login.Time.Unix(), acr: a.Login.ACR, amr: a.Login.AMR,
		scopes: scopes, resources: a.Resources, created: c.now,
		expires: c.now + int64(s.config.GrantLifetime/time.Second), epochs: a.st.epochs(),
		consented:   asked || !a.App.Policy.FirstParty,
		data:        ap.Data,
		refreshable: a.App.Manifest.AllowsGrant("refresh_token") && !ap.NoRefresh,
		codeExpires: c.now + int64(s.config.CodeLifetime/time.Second), challenge: req.challenge,
	}
	if uri := req.params.Get("redirect_uri"); uri != "" {
		sum := sha256.Sum256([]byte(uri))
		g.redirect = sum[:]
	}
	if ap.Resources != nil {
		var err error
		if g.resources, err = narrowResources(a.Resources, ap.Resources); err != nil {
			c.refuse(w, r, req, err)
			return
		}
	}
	code, err := a.store(g, ap, asked)
	switch {
	case errors.Is(err, errExists):
		c.page(w, refuse("invalid_request", "this form was sent before; start again at the app"))
		return
	case err != nil:
		c.refuse(w, r, req, err)
		return
	}
	c.event.Grant, c.event.Scopes = grantID(a.grant), scopes
	c.done(nil)
	c.redirect(w, r, req, url.Values{"code": {code}})
}

// store writes the consent, then the grant, and returns its code.
func (a *Authorization) store(g *grant, ap *Approval, asked bool) (string, error) {
	c, s := a.c, a.c.s
	id := grantID(a.grant)
	if asked {
		// A form that is posted again, once it was answered, must not change what was consented to. TestTicketReplayed
		if row, err := s.grants.Get(c.ctx, id); err != nil {
			return "", err
		} else if row.Version != 0 {
			return "", errExists
		}
		if err := c.remember(a, g, ap); err != nil {
			return "", err
		}
	}
	var code chain.Credential
	g.chain, code = chain.New(a.grant)
	row := table.Row[grant]{ID: id, Expires: g.codeExpires + recordSlack, Value: *g}
	if _, err := s.grants.Create(c.ctx, c.write, row, c.now); err != nil {
		return "", err
	}
	return code.Encode(s.config.CredentialPrefix, s.profile.Hex), nil
}
