package oauthtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/token"
)

// outcome is what a client learns of one try.
type outcome string

const (
	done    outcome = "done"
	unknown outcome = "unknown" // 503, or temporarily_unavailable: it may have happened
	refused outcome = "refused"
)

// attempt is one run of a flow: a user of its own, and every credential that was handed out.
type attempt struct {
	*host
	ctx       context.Context
	process   int // that is asked
	user, app string
	browser   *browser
	form      string // where the consent form posts
	code      string
	exchanges int // that succeeded
	access    []string
	refresh   []string
	spent     []spentRequest

	lenient  bool // a good credential may be refused: the store breaks its word on reads, or all is being ended
	blind    bool // the store broke its word, and may have hidden from a request what it had to end
	unminted bool // no token can be made, which is answered with 500
	label    string
}

// spentRequest is one with an assertion of its client, that was answered with success.
type spentRequest struct {
	path string
	form url.Values
}

func (h *host) attempt(app string) *attempt {
	return &attempt{host: h, ctx: h.Context(), app: app, user: fmt.Sprintf("user%d", h.users.Add(1))}
}

func (a *attempt) fatalf(format string, args ...any) {
	a.Helper()
	a.Fatalf("%s\n%s", fmt.Sprintf(format, args...), a.label)
}

// hand notes what a token answer gave.
func (a *attempt) hand(access, refresh string) {
	a.access = append(a.access, access)
	if refresh != "" && !slices.Contains(a.refresh, refresh) {
		a.refresh = append(a.refresh, refresh)
	}
}

// last is the newest refresh token.
func (a *attempt) last() string {
	a.Helper()
	if len(a.refresh) == 0 {
		a.fatalf("no refresh token was handed out")
	}
	return a.refresh[len(a.refresh)-1]
}

// send posts a form as the app, with an assertion of its own each time if it signs, and holds the answer
// to what a fault may come to.
func (a *attempt) send(path string, form url.Values) (reply, outcome) {
	a.Helper()
	var r reply
	if a.app == "machine" {
		form = a.asserted(form, a.app, a.keys)
		r = a.raw(a.process, path, "", "", form)
	} else {
		r = a.post(a.process, a.app, path, form)
	}
	switch code := r.str("error"); {
	case r.is(200, ""):
		if form.Has("client_assertion") {
			a.spent = append(a.spent, spentRequest{path, form})
		}
		if tok := r.str("access_token"); tok != "" {
			a.hand(tok, r.str("refresh_token"))
		}
		return r, done
	case r.is(503, "temporarily_unavailable"), a.unminted && r.is(500, "server_error"):
		return r, unknown
	case r.StatusCode == 400 && (code == "invalid_grant" || a.lenient && code == "invalid_scope"):
		return r, refused
	}
	a.fatalf("%s answered %v", path, r)
	return r, refused
}

func (a *attempt) token(set ...string) outcome {
	a.Helper()
	_, o := a.send("/token", with(url.Values{}, set...))
	return o
}

// redemption is the request that redeems the code.
func (a *attempt) redemption(set ...string) url.Values {
	return with(url.Values{"grant_type": {"authorization_code"}, "code": {a.code}, "code_verifier": {verifier}, "redirect_uri": {callback}}, set...)
}

// rotation is the request that uses a refresh token.
func rotation(tok string, set ...string) url.Values {
	return with(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok}}, set...)
}

func (a *attempt) redeem() outcome {
	a.Helper()
	_, o := a.send("/token", a.redemption())
	if o == done {
		a.exchanges++
	}
	return o
}

func (a *attempt) rotate() outcome {
	a.Helper()
	_, o := a.send("/token", rotation(a.last()))
	return o
}

func (a *attempt) forItself() outcome {
	a.Helper()
	return a.token("grant_type", "client_credentials", "tenant", a.tenant)
}

func (a *attempt) issue() outcome {
	a.Helper()
	t, err := a.calls().Issue(a.ctx, a.app, oauth.Approval{Login: a.login(a.user)})
	if err == nil {
		a.hand(t.AccessToken, t.RefreshToken)
	}
	return a.outcome(err)
}

func (a *attempt) calls() calls { return a.processes[a.process].calls }

// outcome is that of a call in process.
func (a *attempt) outcome(err error) outcome {
	a.Helper()
	var e *oauth.Error
	switch {
	case err == nil:
		return done
	case errors.As(err, &e) && e.Code == "temporarily_unavailable", a.unminted && errors.As(err, &e) && e.Code == "server_error":
		return unknown
	case errors.As(err, &e) && e.Code == "invalid_grant" && a.lenient:
		return refused
	}
	a.fatalf("got the error %v", err)
	return refused
}

// registryOutcome is that of a call of the registry, any error of which may mean that it happened.
func registryOutcome(err error) outcome {
	if err != nil {
		return unknown
	}
	return done
}

func (a *attempt) introspects(tok string) (active bool, o outcome) {
	a.Helper()
	r, o := a.send("/introspect", url.Values{"token": {tok}})
	return r.json["active"] == true, o
}

func (a *attempt) revoke(tok string) outcome {
	a.Helper()
	_, o := a.send("/revoke", url.Values{"token": {tok}})
	return o
}

func (a *attempt) disconnect() outcome {
	a.Helper()
	return a.outcome(a.calls().Disconnect(a.ctx, oauth.Consent{Subject: a.user, Tenant: a.tenant, App: a.app}))
}

// endSubject signs the user out everywhere: first at the host, then at the server.
func (a *attempt) endSubject() outcome {
	a.Helper()
	a.endSessions(a.user)
	return a.outcome(a.calls().EndSubject(a.ctx, a.user))
}

// page is an answer of the authorization endpoint as an outcome.
func (a *attempt) page(r reply) outcome {
	a.Helper()
	switch r.StatusCode {
	case http.StatusOK:
		if form := r.form(); form != "" {
			a.form = form
			return done
		}
		if a.lenient && r.body == signInPage {
			return refused
		}
	case http.StatusSeeOther:
		u, err := r.Location()
		if err != nil {
			break
		}
		q := u.Query()
		switch code := q.Get("code"); {
		case code != "" && a.code != "" && a.code != code:
			a.fatalf("one form gave two codes")
		case code != "":
			a.code = code
			return done
		case q.Get("error") == "temporarily_unavailable":
			return unknown
		case q.Get("error") == "access_denied" && a.lenient, u.Path == "/authorize" && a.lenient:
			return refused
		}
	case http.StatusServiceUnavailable:
		return unknown
	case http.StatusBadRequest:
		return refused
	}
	a.fatalf("the authorization endpoint answered %v", r)
	return refused
}

// ask follows the app's link, allow posts the consent form.
func (a *attempt) ask() outcome {
	a.Helper()
	a.browser.process = a.process
	return a.page(a.browser.authorize(a.app))
}

func (a *attempt) allow() outcome {
	a.Helper()
	a.browser.process = a.process
	return a.page(a.browser.visit("POST", a.form, url.Values{}))
}

func (a *attempt) startBrowser() { a.browser = a.signIn(a.user) }

// must makes a request that meets no fault.
func (a *attempt) must(f func() outcome) {
	a.Helper()
	if o := f(); o != done {
		a.fatalf("the outcome of a request without faults is %q", o)
	}
}

// mustNot makes a request that has to be refused.
func (a *attempt) mustNot(what string, f func() outcome) {
	a.Helper()
	if o := f(); o != refused {
		a.fatalf("%s: the outcome is %q, want it refused", what, o)
	}
}

// active reports whether an access token is good, in process and at the endpoint, which have to agree.
func (a *attempt) active(tok string) bool {
	a.Helper()
	claims, err := a.calls().Introspect(a.ctx, tok)
	if err == nil && claims.Subject != a.user && claims.Subject != a.app {
		a.fatalf("an access token is for %q", claims.Subject)
	}
	active, o := a.introspects(tok)
	if o != done || active != (err == nil) {
		a.fatalf("introspection of an access token: active is %v and the outcome %q, in process the error is %v", active, o, err)
	}
	return active
}

// says returns what an access token tells an API: a JWT by itself, any other when it is introspected.
func (a *attempt) says(tok string) (*token.Claims, error) {
	if strings.Count(tok, ".") == 2 {
		return a.verify.Verify(a.ctx, tok)
	}
	return a.calls().Introspect(a.ctx, tok)
}

// alive sees that every access token that was handed out is good, that of the refresh tokens the newest
// is, alone, and that it can be used.
func (a *attempt) alive() {
	a.Helper()
	for _, tok := range a.access {
		if !a.active(tok) {
			a.fatalf("an access token that was handed out is inactive")
		}
		if _, err := a.says(tok); err != nil {
			a.fatalf("an access token does not verify: %v", err)
		}
	}
	a.heads(1)
	if len(a.refresh) > 0 {
		a.must(a.rotate)
		a.heads(1)
	}
}

// settled sees that all is alive, and that what was used up stays so: the assertions, and the code, whose
// second use ends the rest.
func (a *attempt) settled() {
	a.Helper()
	a.alive()
	for _, q := range a.spent {
		// Who replays a whole request, used credential and all, has not proved to be the client.
		if r := a.raw(a.process, q.path, "", "", q.form); !r.is(401, "invalid_client") {
			a.fatalf("a repeated assertion was answered %v", r)
		}
	}
	if a.exchanges > 1 {
		a.fatalf("one code was exchanged %d times", a.exchanges)
	}
	if a.exchanges == 1 {
		a.mustNot("a used code", a.redeem)
		a.dead()
	}
}

// heads sees how many of the refresh tokens are current: the newest if one is.
func (a *attempt) heads(want int) {
	a.Helper()
	for i, tok := range a.refresh {
		active, o := a.introspects(tok)
		if current := want == 1 && i == len(a.refresh)-1; o != done || active != current {
			a.fatalf("refresh token %d of %d: active is %v, want %v, and the outcome is %q", i+1, len(a.refresh), active, current, o)
		}
	}
}

// dead sees that nothing that was handed out is worth anything.
func (a *attempt) dead() {
	a.Helper()
	for _, tok := range a.access {
		if a.active(tok) {
			a.fatalf("an access token is active after the end")
		}
	}
	a.heads(0)
	for _, tok := range a.refresh {
		a.mustNot("a refresh token after the end", func() outcome { return a.token("grant_type", "refresh_token", "refresh_token", tok) })
	}
	if len(a.refresh) == 0 && a.code != "" {
		a.mustNot("a code after the end", a.redeem)
	}
}
