package oauth_test

import (
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

// flow is a request that meets faults, and what has to be there before it.
type flow struct {
	name  string
	app   string
	begin func(*attempt)
	act   func(*attempt) outcome
	after func(*attempt) // instead of seeing that all is alive

	kills    bool // once it was done, nothing is alive
	registry bool // it needs one
	redeem   bool // it presents a credential that is used once
	mints    bool // it needs the signer
}

func beginCode(a *attempt) {
	if a.browser == nil {
		a.signIn()
	}
	a.must(a.ask)
	if a.code == "" {
		a.must(a.allow)
	}
}

func beginLogin(a *attempt) {
	beginCode(a)
	a.must(a.redeem)
}

// beginRefresh leaves two tokens of the family, the second the current one.
func beginRefresh(a *attempt) {
	a.must(a.issue)
	a.must(a.rotate)
}

func (a *attempt) must(f func() outcome) {
	a.rig.t.Helper()
	if o := f(); o != done {
		a.fatalf("got the outcome %v of a request without faults", o)
	}
}

func afterCode(a *attempt) {
	if a.code == "" {
		beginCode(a) // the user starts over
	}
	a.must(a.redeem)
	a.alive()
}

var flows = []flow{
	{name: "consent page", app: "web", begin: (*attempt).signIn, act: (*attempt).ask, after: func(a *attempt) {
		a.must(a.allow)
		afterCode(a)
	}},
	{name: "consent form", app: "web", begin: func(a *attempt) { a.signIn(); a.must(a.ask) }, act: (*attempt).allow, after: func(a *attempt) {
		afterCode(a)
		if o := a.page(a.browser.do("POST", a.form, url.Values{"allow": {"yes"}, "scope": {"read"}})); o != refused {
			a.fatalf("the form worked twice: %v", o)
		}
		list, _, err := a.srv.Consents(a.ctx, a.user, "")
		if err != nil || len(list) != 1 || !slices.Equal(list[0].Scopes, []string{"read", "write"}) {
			a.fatalf("the consents are %v, %v", list, err)
		}
	}},
	{name: "silent authorization", app: "web", begin: func(a *attempt) { beginLogin(a); a.code = "" }, act: (*attempt).ask, after: func(a *attempt) {
		a.access, a.refresh, a.exchanges = nil, nil, 0
		afterCode(a)
	}},
	{name: "code exchange", app: "web", begin: beginCode, act: (*attempt).redeem, redeem: true, mints: true},
	{name: "code exchange for an opaque token", app: "opaque", begin: beginCode, act: (*attempt).redeem, redeem: true},
	{name: "code exchange with an assertion", app: "machine", begin: beginCode, act: (*attempt).redeem, redeem: true, mints: true},
	{name: "refresh", app: "web", begin: beginRefresh, act: (*attempt).rotate, redeem: true, mints: true},
	{name: "refresh after an exchange", app: "web", begin: beginLogin, act: (*attempt).rotate, redeem: true, mints: true},
	{name: "refresh for an opaque token", app: "opaque", begin: beginRefresh, act: (*attempt).rotate, redeem: true},
	{name: "refresh with an assertion", app: "machine", begin: beginRefresh, act: (*attempt).rotate, redeem: true, mints: true},
	{name: "refresh of an app that acts for itself", app: "bot", begin: func(a *attempt) { a.must(a.forItself) }, act: (*attempt).rotate, redeem: true, mints: true},
	{name: "client credentials", app: "svc", act: (*attempt).forItself, mints: true},
	{name: "client credentials for an opaque token", app: "opaque", act: (*attempt).forItself},
	{name: "client credentials with an assertion", app: "machine", act: (*attempt).forItself, mints: true},
	{name: "client credentials with a refresh token", app: "bot", act: (*attempt).forItself, mints: true},
	{name: "Issue", app: "web", act: (*attempt).issue, mints: true},
	{name: "grant of the host", app: "web", act: func(a *attempt) outcome { return a.token("grant_type", rigGrant, "user", a.user) }, mints: true},

	{name: "introspection of a JWT", app: "web", begin: beginRefresh, act: (*attempt).introspectAccess},
	{name: "introspection of an opaque token", app: "opaque", begin: beginRefresh, act: (*attempt).introspectAccess},
	{name: "introspection of a token without a grant", app: "opaque", begin: func(a *attempt) { a.must(a.forItself) }, act: (*attempt).introspectAccess},
	{name: "introspection of a refresh token", app: "web", begin: beginRefresh, act: (*attempt).introspectRefresh},
	{name: "introspection with an assertion", app: "machine", begin: beginRefresh, act: (*attempt).introspectRefresh},
	{name: "Introspect", app: "web", begin: beginRefresh, act: func(a *attempt) outcome {
		claims, err := a.srv.Introspect(a.ctx, a.access[0])
		switch {
		case err == nil && claims.Subject == a.user:
			return done
		case errors.Is(err, token.ErrInvalid) && a.stale:
			return refused
		case err == nil || errors.Is(err, token.ErrInvalid):
			a.fatalf("a good token is %v, %v", claims, err)
		}
		return unknown
	}},
	{name: "Consents", app: "web", begin: beginLogin, act: func(a *attempt) outcome {
		list, _, err := a.srv.Consents(a.ctx, a.user, "")
		if err == nil && len(list) != 1 && !a.stale {
			a.fatalf("the consents are %v", list)
		}
		return a.outcome(err)
	}},

	{name: "revocation", app: "web", begin: beginRefresh, act: func(a *attempt) outcome { return a.revoke(a.last()) }, kills: true},
	{name: "revocation by a token used before", app: "web", begin: beginRefresh, act: func(a *attempt) outcome { return a.revoke(a.refresh[0]) }, kills: true},
	{name: "revocation with an assertion", app: "machine", begin: beginRefresh, act: func(a *attempt) outcome { return a.revoke(a.last()) }, kills: true},
	{name: "revocation of an access token", app: "web", begin: beginRefresh, act: revokeAccess, after: afterRevokeAccess},
	{name: "revocation of an opaque access token", app: "opaque", begin: beginRefresh, act: revokeAccess, after: afterRevokeAccess},
	{name: "Disconnect", app: "web", begin: beginLogin, act: (*attempt).disconnect, kills: true},
	{name: "Disconnect of a grant of the host", app: "web", begin: beginRefresh, act: (*attempt).disconnect, kills: true},
	{name: "EndSubject", app: "web", begin: beginLogin, act: (*attempt).endSubject, kills: true},
	{name: "removal of the installation", app: "web", registry: true, begin: func(a *attempt) {
		a.install("web")
		beginRefresh(a)
	}, act: func(a *attempt) outcome {
		_, err := a.reg.Install(a.ctx, a.app, a.tenant, "", func(_ *registry.App, i *registry.Installation) error { return i.Remove(olga(a.tenant)) })
		if errors.Is(err, registry.ErrState) {
			return done // it is removed
		}
		return maybe(err)
	}, kills: true},
	{name: "end of an app's grants", app: "web", registry: true, begin: beginRefresh, act: func(a *attempt) outcome {
		_, err := a.reg.Update(a.ctx, a.app, func(app *registry.App) error {
			return app.EndGrants(registry.Actor{Subject: "dana", Tenant: "startup"})
		})
		return maybe(err)
	}, kills: true},
	{name: "EndSubject once more", app: "web", begin: func(a *attempt) { a.must(a.endSubject); beginRefresh(a) }, act: (*attempt).endSubject, kills: true},
}

func (a *attempt) forItself() outcome {
	a.rig.t.Helper()
	return a.token("grant_type", "client_credentials", "tenant", a.tenant)
}

func (a *attempt) introspectAccess() outcome  { return a.sees(a.access[0]) }
func (a *attempt) introspectRefresh() outcome { return a.sees(a.last()) }

// sees introspects a token that is active.
func (a *attempt) sees(tok string) outcome {
	a.rig.t.Helper()
	active, o := a.introspects(tok)
	switch {
	case o != done || active:
		return o
	case !a.stale:
		a.fatalf("a good token is inactive")
	}
	return refused
}

func revokeAccess(a *attempt) outcome { return a.revoke(a.access[0]) }

func afterRevokeAccess(a *attempt) {
	if a.active(a.access[0]) {
		a.fatalf("a revoked access token is active")
	}
	a.access = a.access[1:]
	a.alive()
}

// strike runs the flow with faults in its request, lets the client try again as one does, and sees that
// all is well. It returns the calls of the faulted request.
func (f *flow) strike(r *rig, faults ...fault) []string {
	a := r.attempt(f.app)
	if f.begin != nil {
		f.begin(a)
	}
	a.stale = slices.ContainsFunc(faults, func(f fault) bool { return f.kind == stale })
	r.faults.arm(nil, faults...)
	first := f.act(a)
	calls := r.faults.disarm()
	a.label = describe(calls, faults)
	if a.stale && first == refused {
		first = unknown // such a store may have a request refused, no more
	}
	a.stale = false

	o := first
	for range 3 {
		if o == unknown {
			o = f.act(a)
		}
	}
	// A client that does not know whether its credential was used can only use it again, and of a code, or
	// in strict mode, a second use ends the grant.
	ended := first == unknown && o == refused && f.redeem && (r.strict || a.exchanges == 0 && a.code != "" && len(a.refresh) == 0)
	broken := slices.ContainsFunc(faults, func(f fault) bool { return f.kind == stale })
	switch {
	case len(faults) == 1 && first != done && slices.Contains([]faultKind{applied, repeated, late, later}, faults[0].kind):
		a.fatalf("one fault of one write reached the client")
	case ended:
		a.dead()
	case o != done && !(first == unknown && f.name == "consent form"):
		a.fatalf("the outcome is %v, then %v", first, o)
	case f.kills && broken:
		// Such a store may hide from a request what it has to end.
	case f.kills:
		a.dead()
	case f.after != nil:
		f.after(a)
	default:
		a.alive()
	}
	return calls
}

// inDoubt runs the flow so that the client learns nothing, then ends everything, and only then lets the
// write land and the client try again: nothing may come of it.
func (f *flow) inDoubt(r *rig, at int, kind faultKind) {
	a := r.attempt(f.app)
	f.begin(a)
	r.faults.arm(nil, fault{at, kind})
	first := f.act(a)
	a.label = describe(r.faults.disarm(), []fault{{at, kind}}) + ", then EndSubject"
	if first != unknown {
		a.fatalf("the outcome is %v", first)
	}
	a.must(a.endSubject)
	if o := f.act(a); o != refused {
		a.fatalf("after the end the outcome is %v", o)
	}
	a.dead()
}

// rigs are the settings in which every flow is run.
// The grace is for credentials alone, so strict mode is for the flows that present one.
var rigs = []struct {
	name               string
	registered, strict bool
}{
	{"static apps", false, false},
	{"strict", false, true},
	{"registry in the same store", true, false},
}

func every(bool, *flow) bool { return true }

// eachFlow runs test in each setting with each flow that it wants, each on a rig of its own.
func eachFlow(t *testing.T, wants func(strict bool, f *flow) bool, test func(t *testing.T, r *rig, f *flow)) {
	for _, tt := range rigs {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for i := range flows {
				f := &flows[i]
				if f.registry && !tt.registered || tt.strict && !f.redeem || !wants(tt.strict, f) {
					continue
				}
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					test(t, newRig(t, tt.registered, tt.strict), f)
				})
			}
		})
	}
}

// TestFaults injects every kind of fault at every call of the store of every flow.
func TestFaults(t *testing.T) {
	eachFlow(t, every, func(t *testing.T, r *rig, f *flow) {
		calls := f.strike(r)
		for at, call := range calls {
			for _, kind := range faultKinds(call) {
				f.strike(r, fault{at, kind})
				if f.redeem && f.app != "bot" && (kind == downLate || kind == downLater || kind == cut) {
					f.inDoubt(r, at, kind)
				}
			}
		}
	})
}

// long reports whether tests that sample should take all there is.
func long() bool { return os.Getenv("OAUTHCORE_LONG") != "" }

// TestFaultPairs injects two faults into one request: of all pairs a fixed part, or all if OAUTHCORE_LONG
// is set.
func TestFaultPairs(t *testing.T) {
	part := 12
	switch {
	case long():
		part = 1
	case testing.Short() || raceEnabled:
		part = 60
	}
	eachFlow(t, every, func(t *testing.T, r *rig, f *flow) {
		n := 0
		for at, call := range f.strike(r) {
			for _, kind := range faultKinds(call) {
				after := f.strike(r, fault{at, kind})
				for second := at + 1; second < len(after); second++ {
					for _, also := range faultKinds(after[second]) {
						if n++; n%part == 0 {
							f.strike(r, fault{at, kind}, fault{second, also})
						}
					}
				}
			}
		}
	})
}

// TestDoubtEndsNothing loses the answer of a write that happened and was then covered by others: the
// request sees a token that was used twice over, and may not take its own use for another's.
func TestDoubtEndsNothing(t *testing.T) {
	var s *interceptor
	h := newHost(t, func(c *oauth.Config) { s = &interceptor{Store: c.Store}; c.Store = s })
	first := h.login("web")
	var third reply
	s.swap = func(r store.Record) error {
		s.swap = nil
		if err := s.Store.Swap(t.Context(), r); err != nil {
			t.Error(err)
		}
		second := h.refresh("web", first.str("refresh_token")).want(t, 200, "")
		third = h.refresh("web", second.str("refresh_token")).want(t, 200, "")
		return errDown
	}
	h.refresh("web", first.str("refresh_token")).want(t, 400, "invalid_grant")
	if !h.active(third.str("access_token")) {
		t.Error("a request that did not know of its own write ended the grant")
	}
	h.refresh("web", third.str("refresh_token")).want(t, 200, "")
}

// TestReuseEndsThroughRotations lets the holder of the current token rotate on while a reuse is being
// punished: the grant ends all the same.
func TestReuseEndsThroughRotations(t *testing.T) {
	var s *interceptor
	h := newHost(t, strict, func(c *oauth.Config) { s = &interceptor{Store: c.Store}; c.Store = s })
	first := h.login("web")
	last := h.refresh("web", first.str("refresh_token")).want(t, 200, "")
	s.swap = func(store.Record) error {
		s.swap = nil
		for range 2 {
			last = h.refresh("web", last.str("refresh_token")).want(t, 200, "")
		}
		return nil
	}
	h.refresh("web", first.str("refresh_token")).want(t, 400, "invalid_grant")
	if h.active(last.str("access_token")) {
		t.Error("the grant is alive after a reuse")
	}
	h.refresh("web", last.str("refresh_token")).want(t, 400, "invalid_grant")
}

// TestRevocationMeetsRotations rotates between the read and the write of a revocation: it says that it
// is done only when it is.
func TestRevocationMeetsRotations(t *testing.T) {
	for _, tt := range []struct{ rotations, status int }{{1, 200}, {3, 200}, {4, 503}} {
		var s *interceptor
		h := newHost(t, func(c *oauth.Config) { s = &interceptor{Store: c.Store}; c.Store = s })
		last := h.login("web")
		left := tt.rotations
		var meet func(store.Record) error
		meet = func(store.Record) error {
			if left--; left >= 0 {
				s.swap = nil
				last = h.refresh("web", last.str("refresh_token")).want(t, 200, "")
				s.swap = meet
			}
			return nil
		}
		s.swap = meet
		r := h.post("web", "/revoke", url.Values{"token": {last.str("refresh_token")}})
		s.swap = nil
		if r.StatusCode != tt.status {
			t.Errorf("after %d rotations: %d %s, want %d", tt.rotations, r.StatusCode, r.body, tt.status)
		}
		if alive := h.active(last.str("access_token")); alive != (r.StatusCode != 200) {
			t.Errorf("after %d rotations the answer is %d, and the grant's token is active: %v", tt.rotations, r.StatusCode, alive)
		}
	}
}

// TestEndSubjectMeetsAnother loses the answer of a raise that another covers: both are done.
func TestEndSubjectMeetsAnother(t *testing.T) {
	var s *interceptor
	h := newHost(t, func(c *oauth.Config) { s = &interceptor{Store: c.Store}; c.Store = s })
	end := func() {
		t.Helper()
		if err := h.srv.EndSubject(t.Context(), "alice"); err != nil {
			t.Error(err)
		}
	}
	end()
	tok := h.login("web").str("access_token")
	s.swap = func(r store.Record) error {
		s.swap = nil
		if err := s.Store.Swap(t.Context(), r); err != nil {
			t.Error(err)
		}
		end()
		end()
		return errDown
	}
	end()
	if h.active(tok) {
		t.Error("a token is active after EndSubject")
	}
}

// TestSignerFails fails each signature: nothing is consumed, and the same request then succeeds.
func TestSignerFails(t *testing.T) {
	eachFlow(t, func(_ bool, f *flow) bool { return f.mints }, func(t *testing.T, r *rig, f *flow) {
		a := r.attempt(f.app)
		if f.begin != nil {
			f.begin(a)
		}
		a.unsigned = true
		r.faults.arm(nil)
		r.signer.fail.Store(true)
		if o := f.act(a); o != unknown {
			t.Errorf("got the outcome %v", o)
		}
		for _, call := range r.faults.disarm() {
			if !strings.HasPrefix(call, "Get") {
				t.Errorf("a request whose signature failed made the call %s", call)
			}
		}
		a.must(func() outcome { return f.act(a) })
		a.alive()
	})
}
