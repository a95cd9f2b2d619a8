package oauthtest

import (
	"errors"
	"net/url"
	"slices"

	"github.com/oauthcore/oauthcore/token"
)

// flow is a request that meets faults, and what has to be there before it.
type flow struct {
	name  string
	app   string
	begin func(*attempt) // nil: nothing
	act   func(*attempt) outcome
	after func(*attempt) // instead of seeing that all is alive

	kills    bool // once it was done, nothing is alive
	registry bool // it needs one
	redeems  bool // it presents a credential that is used once
	starts   bool // it begins a grant, or the tokens of an app that acts for itself
	mints    bool // it makes an access token
	own      bool // an app acts for itself, and no user is in it
	brief    bool // it is run with -short too
	reads    bool // it changes nothing, and a client that hangs up is owed nothing
}

// start does what has to be there before the flow.
func (f *flow) start(h *host) *attempt {
	h.Helper()
	a := h.attempt(f.app)
	if f.begin != nil {
		f.begin(a)
	}
	return a
}

// verify sees that all is as it should be after the flow was done.
func (f *flow) verify(a *attempt) {
	a.Helper()
	switch {
	case f.kills && a.blind:
	case f.kills:
		a.dead()
	case f.after != nil:
		f.after(a)
	default:
		a.settled()
	}
}

var flows = []flow{
	{name: "consent page", app: "web", begin: (*attempt).startBrowser, act: (*attempt).ask, starts: true, after: func(a *attempt) {
		a.must(a.allow)
		afterCode(a)
	}},
	{name: "consent form", brief: true, app: "web", begin: func(a *attempt) { a.startBrowser(); a.must(a.ask) }, act: (*attempt).allow, starts: true, after: func(a *attempt) {
		afterCode(a)
		a.mustNot("a form that was sent before", func() outcome { return a.page(a.browser.visit("POST", a.form, url.Values{"scope": {"read"}})) })
		a.consented()
	}},
	{name: "silent authorization", app: "web", begin: func(a *attempt) { beginLogin(a); a.code = "" }, act: (*attempt).ask, starts: true, after: func(a *attempt) {
		a.access, a.refresh, a.exchanges = nil, nil, 0
		afterCode(a)
	}},

	{name: "code exchange", brief: true, app: "web", begin: beginCode, act: (*attempt).redeem, redeems: true, mints: true},
	{name: "code exchange for an opaque token", app: "opaque", begin: beginCode, act: (*attempt).redeem, redeems: true, mints: true},
	{name: "code exchange with an assertion", app: "machine", begin: beginCode, act: (*attempt).redeem, redeems: true, mints: true},
	{name: "refresh", brief: true, app: "web", begin: beginRefresh, act: (*attempt).rotate, redeems: true, mints: true},
	{name: "refresh after an exchange", app: "web", begin: beginLogin, act: (*attempt).rotate, redeems: true, mints: true},
	{name: "refresh for an opaque token", app: "opaque", begin: beginRefresh, act: (*attempt).rotate, redeems: true, mints: true},
	{name: "refresh with an assertion", brief: true, app: "machine", begin: beginRefresh, act: (*attempt).rotate, redeems: true, mints: true},
	{name: "refresh of an app that acts for itself", app: "bot", begin: func(a *attempt) { a.must(a.forItself) }, act: (*attempt).rotate, redeems: true, mints: true, own: true},

	{name: "client credentials", app: "service", act: (*attempt).forItself, starts: true, mints: true, own: true},
	{name: "client credentials for an opaque token", app: "opaque", act: (*attempt).forItself, starts: true, mints: true, own: true},
	{name: "client credentials with an assertion", app: "machine", act: (*attempt).forItself, starts: true, mints: true, own: true},
	{name: "client credentials with a refresh token", brief: true, app: "bot", act: (*attempt).forItself, starts: true, mints: true, own: true},
	{name: "Issue", brief: true, app: "web", act: (*attempt).issue, starts: true, mints: true},
	{name: "grant of the host", app: "web", act: func(a *attempt) outcome { return a.token("grant_type", hostGrant, "user", a.user) }, starts: true, mints: true},

	{name: "introspection of a JWT", app: "web", begin: beginRefresh, act: introspectAccess, reads: true},
	{name: "introspection of an opaque token", brief: true, app: "opaque", begin: beginRefresh, act: introspectAccess, reads: true},
	{name: "introspection of a token without a grant", app: "opaque", begin: func(a *attempt) { a.must(a.forItself) }, act: introspectAccess, reads: true, own: true},
	{name: "introspection of a refresh token", app: "web", begin: beginRefresh, act: introspectRefresh, reads: true},
	{name: "introspection with an assertion", app: "machine", begin: beginRefresh, act: introspectRefresh, reads: true},
	{name: "Introspect", app: "web", begin: beginRefresh, act: introspect, reads: true},
	{name: "Consents", app: "web", begin: beginLogin, act: consents, reads: true},

	{name: "revocation", brief: true, app: "web", begin: beginRefresh, act: func(a *attempt) outcome { return a.revoke(a.last()) }, kills: true},
	{name: "revocation by a token used before", app: "web", begin: beginRefresh, act: func(a *attempt) outcome { return a.revoke(a.refresh[0]) }, kills: true},
	{name: "revocation with an assertion", app: "machine", begin: beginRefresh, act: func(a *attempt) outcome { return a.revoke(a.last()) }, kills: true},
	{name: "revocation of an access token", brief: true, app: "web", begin: beginRefresh, act: revokeAccess, after: afterRevokeAccess},
	{name: "revocation of an opaque access token", app: "opaque", begin: beginRefresh, act: revokeAccess, after: afterRevokeAccess},

	{name: "Disconnect", brief: true, app: "web", begin: beginLogin, act: (*attempt).disconnect, kills: true},
	{name: "Disconnect of a grant of the host", app: "web", begin: beginRefresh, act: (*attempt).disconnect, kills: true},
	{name: "EndSubject", app: "web", begin: beginLogin, act: (*attempt).endSubject, kills: true},
	{name: "EndSubject once more", brief: true, app: "web", begin: func(a *attempt) { a.must(a.endSubject); beginRefresh(a) }, act: (*attempt).endSubject, kills: true},
	{name: "removal of the installation", brief: true, app: "web", registry: true, begin: func(a *attempt) {
		a.install("web")
		beginRefresh(a)
	}, act: func(a *attempt) outcome { return registryOutcome(a.uninstall(a.ctx, a.app)) }, kills: true},
	{name: "end of an app's grants", brief: true, app: "web", registry: true, begin: beginRefresh,
		act: func(a *attempt) outcome { return registryOutcome(a.endGrants(a.ctx, a.app)) }, kills: true},
}

func beginCode(a *attempt) {
	a.Helper()
	if a.browser == nil {
		a.startBrowser()
	}
	a.must(a.ask)
	if a.code == "" {
		a.must(a.allow)
	}
}

func beginLogin(a *attempt) {
	a.Helper()
	beginCode(a)
	a.must(a.redeem)
}

// beginRefresh leaves two tokens of the family, the second the current one.
func beginRefresh(a *attempt) {
	a.Helper()
	a.must(a.issue)
	a.must(a.rotate)
}

func afterCode(a *attempt) {
	a.Helper()
	if a.code == "" {
		beginCode(a) // the user starts over
	}
	a.must(a.redeem)
	a.settled()
}

// consented sees that what the user allowed is remembered, once.
func (a *attempt) consented() {
	a.Helper()
	list, _, err := a.calls().Consents(a.ctx, a.user, "")
	if err != nil || len(list) != 1 || !slices.Equal(list[0].Scopes, []string{"read", "write"}) {
		a.fatalf("the consents are %v, %v, want one to read and write", list, err)
	}
}

func consents(a *attempt) outcome {
	a.Helper()
	list, _, err := a.calls().Consents(a.ctx, a.user, "")
	if err == nil && len(list) != 1 && !a.lenient {
		a.fatalf("the consents are %v, want one", list)
	}
	return a.outcome(err)
}

func introspect(a *attempt) outcome {
	a.Helper()
	claims, err := a.calls().Introspect(a.ctx, a.access[0])
	switch {
	case err == nil && claims.Subject == a.user:
		return done
	case errors.Is(err, token.ErrInvalid) && a.lenient:
		return refused
	case err == nil || errors.Is(err, token.ErrInvalid):
		a.fatalf("a good token is %+v, %v", claims, err)
	}
	return unknown
}

func introspectAccess(a *attempt) outcome  { a.Helper(); return a.sees(a.access[0]) }
func introspectRefresh(a *attempt) outcome { a.Helper(); return a.sees(a.last()) }

// sees introspects a token that is active.
func (a *attempt) sees(tok string) outcome {
	a.Helper()
	active, o := a.introspects(tok)
	switch {
	case o != done || active:
		return o
	case !a.lenient:
		a.fatalf("a good token is inactive")
	}
	return refused
}

func revokeAccess(a *attempt) outcome { a.Helper(); return a.revoke(a.access[0]) }

func afterRevokeAccess(a *attempt) {
	a.Helper()
	if a.active(a.access[0]) && !a.blind {
		a.fatalf("a revoked access token is active")
	}
	a.access = a.access[1:]
	a.settled()
}
