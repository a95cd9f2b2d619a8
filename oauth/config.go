package oauth

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

// Apps tells the server who its clients are. [registry.Static] and [registry.Registry] do; a host with a
// table of its own writes these two methods. They are called for every request, by many goroutines; any
// error but [registry.ErrNotFound] is answered with 503.
type Apps interface {
	// App returns the client, or an error that wraps [registry.ErrNotFound]. The server does not change it.
	App(ctx context.Context, id string) (*registry.App, error)
	// Installation returns the ceiling for this tenant and subject; nil, nil: the app needs none;
	// [registry.ErrNotFound]: it needs one and there is none.
	Installation(ctx context.Context, app *registry.App, tenant, subject string) (*registry.Installation, error)
}

var (
	_ Apps = (*registry.Registry)(nil)
	_ Apps = registry.Static(nil)
)

// Config configures a [Server]. Zero values are the safe choice. [New] copies it; what its fields refer
// to is used by many goroutines at once. It prints as no more than its issuer.
type Config struct {
	_ [0]func()

	Issuer string      // required: https, or http on a loopback address; used byte for byte
	Store  store.Store // required: grants and what expires; issuers on one database need a store.Namespace each
	Keys   *token.Keys // required
	Apps   Apps        // required

	// Secrets are keys of 32 bytes that never enter the store: the first seals, all open. To retire one,
	// put a new one before it and drop it when no interaction, opaque token or retry under it matters
	// any more. nil: random for this process, which is right for a memory store only; an [Event] says so.
	Secrets [][]byte

	// SignedIn returns who is signed in to the host in this browser, nil if nobody is. It is asked twice a
	// request, and again while its answer changes. Without it there is no authorization endpoint.
	SignedIn func(*http.Request) (*Login, error)

	// Interact answers with a page: sign-in while a.Login is nil, else consent. It is called only when a
	// page is needed: for the GET, and for every POST to a.URL that passed the checks of origin, ticket,
	// cookie and session. A sign-in form may post to a.URL too: Interact then checks the password, starts
	// the host's session and redirects to a.URL with 303. A consent form's POST ends in Approve or Deny.
	//
	// The library has set Content-Security-Policy (frame-ancestors, and a form-action that names the app's
	// origin, for browsers apply it to redirects after a form), Referrer-Policy, X-Frame-Options and
	// Cache-Control. Add a further Content-Security-Policy with Header.Add: both then hold.
	Interact func(http.ResponseWriter, *http.Request, *Authorization)

	// Scopes is scopes_supported of the metadata. nil: those of the apps if they are a registry.Static.
	Scopes []string

	// Resources are the resource indicators (RFC 8707) accepted, required; the first is the aud of a
	// token for which none was asked.
	Resources []string

	// GrantTypes are grant types of the host, by absolute URI. An app may use those in its manifest.
	GrantTypes map[string]GrantHandler

	// Claims has the last word at every mint and introspection: it may set Roles, Groups, Entitlements and
	// Extra of c; any other change fails the mint, and so do claims that are no JSON or longer than 16 KiB. An
	// [*Error] refuses, and at a refresh invalid_grant ends the grant. An app acting for itself has a g without
	// ID whose Subject is the app.
	Claims func(ctx context.Context, g *Grant, c *token.Claims) error

	// Observe gets one Event for each request to the endpoints authorize, token, introspect and revoke, and
	// for each call of Issue, Disconnect and EndSubject, before its answer is written. It runs on the request's goroutine.
	Observe func(ctx context.Context, e Event)

	Profile *Profile // nil: strict OAuth 2.1

	Paths            Paths
	CodeLifetime     time.Duration // zero: 60 s, at most 10 minutes
	AccessLifetime   time.Duration // zero: 15 minutes, at most 24 hours
	RefreshLifetime  time.Duration // unused for so long, a grant ends; zero: 30 days
	GrantLifetime    time.Duration // ends every grant, used or not; zero: 1 year
	RefreshGrace     time.Duration // a retry gets the same successor; in whole seconds; zero: 10 s, negative: strict, at most 60 s
	CredentialPrefix string        // begins every code, refresh and opaque token, for secret scanners; at most 16 of [A-Za-z0-9_]

	// Fetch gets the documents that apps name in jwks_uri. nil: no outbound request, ever, and such apps are
	// refused. Whoever writes a manifest chooses where a request goes, so only public addresses are dialled, and
	// the client is to have no Transport of its own: http.DefaultClient will do. Requests are https and bounded in
	// number, size and time, and no redirect is followed.
	Fetch *http.Client

	// InsecureFetch lets Fetch dial any address, for tests and development, and have a Transport, say for a proxy
	// that itself knows which addresses are not for strangers.
	InsecureFetch bool

	// Address returns where a request comes from, for the Limiter and for events: RemoteAddr, or what your own
	// proxy says in a header that it sets and nobody else can. nil, or an answer of "": failures are not counted by
	// address, for behind a proxy RemoteAddr is everyone's, and one stranger would make all others wait. Secrets that
	// people chose can then be guessed at as fast as they hash.
	Address func(*http.Request) string

	Limiter Limiter // nil: one in this process: 100 failures of a key, then one a second, of bounded memory

	// InsecureLoopbackResources makes any http or https URL on a loopback address a resource, for development: any
	// program on the user's machine can then be the audience of a token.
	InsecureLoopbackResources bool

	Now func() time.Time // nil: time.Now
}

// Format prints the issuer, whatever the verb, for c has secrets in it.
func (c Config) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "Config(%s)", c.Issuer)
}

const (
	maxAccessLifetime = 24 * time.Hour
	maxGrantLifetime  = 10 * 366 * 24 * time.Hour
)

// Paths are where the endpoints are, below the issuer's own path; "-" removes one. Metadata names them;
// RFC 8414 says where metadata is.
type Paths struct {
	Authorize, Token, Introspect, Revoke, JWKS string // zero: the profile's, else /authorize, /token, /introspect, /revoke, /jwks
}

// or returns p with zero, the profile's, in the place of what p leaves out.
func (p Paths) or(zero Paths) Paths {
	return Paths{
		Authorize:  cmp.Or(p.Authorize, zero.Authorize),
		Token:      cmp.Or(p.Token, zero.Token),
		Introspect: cmp.Or(p.Introspect, zero.Introspect),
		Revoke:     cmp.Or(p.Revoke, zero.Revoke),
		JWKS:       cmp.Or(p.JWKS, zero.JWKS),
	}
}

// Login says that someone signed in to the host. It prints, and encodes as JSON, without its session.
type Login struct {
	Subject string    // required: sub
	Tenant  string    // the organisation that the user acts in; empty: none
	Session string    `json:"-"` // required at the authorization endpoint: changes at every sign-in; only hashes of it are kept
	Time    time.Time // required: auth_time, in whole seconds
	ACR     string
	AMR     []string
}

// Format prints l without its session, whatever the verb.
func (l Login) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "Login(%q %q %s %q %q)", l.Subject, l.Tenant, l.Time.Format(time.RFC3339), l.ACR, l.AMR)
}

// Approval is what the host permits: after a consent page, from its own login, in its own grant type.
type Approval struct {
	Login     *Login   // nil in Approve, where SignedIn has said it; required elsewhere
	Scopes    []string // nil: all that was asked, or where nothing is asked all of the app's; more than that is cut
	Resources []string // nil: as asked; none, or others than those asked, are refused
	Data      []byte   // kept in the grant for the Claims hook; at most 4 KiB
	NoRefresh bool     // access token only

	// What Approve was given is remembered with the consent and holds for later requests without a page,
	// save those of a first-party app, which needs no consent.
}
