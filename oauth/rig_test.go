package oauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

// outcome is what a client learns of one try.
type outcome int

const (
	done    outcome = iota
	unknown         // 503, or temporarily_unavailable: it may have happened
	refused
)

// rig is a host with an app of each kind on a store and a signer that fail on demand.
type rig struct {
	*host
	faults *faultStore
	reg    *registry.Registry // nil: the apps are Static
	signer *weakSigner
	keys   *token.Keys // of the app "machine"
	verify *token.Verifier
	tenant string
	strict bool
	runs   int
	t      testing.TB
}

// weakSigner fails once if told so.
type weakSigner struct {
	crypto.Signer
	fail atomic.Bool
}

var errSigner = errors.New("the key is out of reach")

func (s *weakSigner) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.fail.Swap(false) {
		return nil, errSigner
	}
	return s.Signer.Sign(r, digest, opts)
}

func newSigner(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

const rigGrant = "urn:example:grant:badge"

// newRig starts a rig whose apps are a registry.Static, or a registry.Registry that shares its store.
func newRig(t testing.TB, registered, strict bool) *rig {
	t.Helper()
	r := &rig{t: t, strict: strict, keys: newKeys(t), signer: &weakSigner{Signer: newSigner(t)}}
	r.host = newHost(t, func(c *oauth.Config) {
		r.faults = newFaultStore(c.Store)
		c.Store = r.faults
		var err error
		if c.Keys, err = token.NewKeys(token.Key{Signer: r.signer}); err != nil {
			t.Fatal(err)
		}
		if strict {
			c.RefreshGrace = -1
		}
		c.Observe = nil
		c.GrantTypes = map[string]oauth.GrantHandler{rigGrant: func(_ context.Context, q *oauth.TokenRequest) (*oauth.Approval, error) {
			return &oauth.Approval{Login: r.login(q.Params.Get("user"))}, nil
		}}
		scopes := []string{"read", "write"}
		all := apps(func(s registry.Static) {
			edit(s, "web").Manifest.GrantTypes = []string{"authorization_code", "refresh_token", rigGrant}
		})
		all = append(all,
			registry.App{ID: "bot", Secrets: hashed(secret), Policy: registry.Policy{InsecureRefreshForClientCredentials: true},
				Manifest: registry.Manifest{Name: "Bot", Scopes: scopes, GrantTypes: []string{"client_credentials", "refresh_token"}}},
			registry.App{ID: "machine", Manifest: registry.Manifest{Name: "Machine", AuthMethod: "private_key_jwt", JWKS: r.keys.JWKS(time.Now()), Scopes: scopes,
				RedirectURIs: []string{callback}, GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}}})
		c.Apps = all
		if registered {
			r.tenant = "org"
			r.register(t, c, all)
		}
	})
	var err error
	r.verify, err = token.NewVerifier(token.VerifierConfig{Issuer: r.url, Audience: api, Keys: r.config.Keys, Now: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// register moves the apps to a registry and installs each in the rig's tenant.
func (r *rig) register(t testing.TB, c *oauth.Config, all registry.Static) {
	t.Helper()
	var err error
	if r.reg, err = registry.New(registry.Config{Store: c.Store}); err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		a.Owner, a.Tenant, a.Shared = "dana", "startup", true
		if err := r.reg.Create(t.Context(), &a); err != nil {
			t.Fatal(err)
		}
		if len(a.Manifest.Scopes) == 0 {
			continue
		}
		r.install(a.ID)
	}
	c.Apps = r.reg
	clear(r.faults.old) // the apps and installations never change here
}

// install lets an app have its scopes in the rig's tenant.
func (r *rig) install(app string) {
	r.t.Helper()
	if _, err := r.reg.Install(r.t.Context(), app, r.tenant, "", func(a *registry.App, i *registry.Installation) error {
		return i.Allow(olga(r.tenant), a, a.Manifest.Scopes)
	}); err != nil {
		r.t.Fatal(err)
	}
}

// olga installs apps for her organisation.
func olga(tenant string) registry.Actor { return registry.Actor{Subject: "olga", Tenant: tenant} }

// maybe is the outcome of a call of the registry: any error may mean that it happened.
func maybe(err error) outcome {
	if err != nil {
		return unknown
	}
	return done
}

func (r *rig) login(user string) *oauth.Login {
	return &oauth.Login{Subject: user, Tenant: r.tenant, Time: r.clock()}
}

// attempt is one run of a flow: a user of its own, and every token that was handed out.
type attempt struct {
	*rig
	ctx       context.Context
	user, app string
	browser   *browser
	request   url.Values
	form      string // where the consent form posts
	code      string
	exchanges int // that succeeded
	access    []string
	refresh   []string
	spent     []signedRequest // that were answered with success
	stale     bool            // the store breaks its word on reads
	unsigned  bool            // the signer fails, which is answered with 500
	label     string
}

// signedRequest is a request with an assertion of its client.
type signedRequest struct{ path, body string }

func (r *rig) attempt(app string) *attempt {
	r.runs++
	a := &attempt{rig: r, ctx: r.t.Context(), app: app, user: fmt.Sprintf("user%d", r.runs)}
	a.request = r.host.request("web", "client_id", app, "redirect_uri", callback)
	return a
}

func (a *attempt) fatalf(format string, args ...any) {
	a.rig.t.Helper()
	a.rig.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), a.label)
}

// hand notes what a token answer gave.
func (a *attempt) hand(access, refresh string) {
	a.access = append(a.access, access)
	if refresh != "" && !slices.Contains(a.refresh, refresh) {
		a.refresh = append(a.refresh, refresh)
	}
}

func (a *attempt) last() string { return a.refresh[len(a.refresh)-1] }

// send posts a form as the app, with an assertion of its own each time if it signs, and holds the answer
// to what a fault may come to.
func (a *attempt) send(path string, form url.Values) (reply, outcome) {
	a.rig.t.Helper()
	var rep reply
	var assertion string
	if a.app == "machine" {
		assertion = signed(a.t, a.keys, "", map[string]any{"iss": a.app, "sub": a.app, "aud": a.url, "jti": rand.Text(), "exp": a.clock().Unix() + 60})
		form = with(url.Values(http.Header(form).Clone()), "client_assertion", assertion, "client_assertion_type", assertionType)
		rep = a.raw(path, http.Header{}, form.Encode())
	} else {
		rep = a.post(a.app, path, form)
	}
	switch code := rep.str("error"); {
	case rep.StatusCode == 200 && code == "":
		if assertion != "" {
			a.spent = append(a.spent, signedRequest{path, form.Encode()})
		}
		if tok := rep.str("access_token"); tok != "" {
			a.hand(tok, rep.str("refresh_token"))
		}
		return rep, done
	case rep.StatusCode == 503 && code == "temporarily_unavailable",
		a.unsigned && rep.StatusCode == 500 && code == "server_error":
		return rep, unknown
	case rep.StatusCode == 400 && (code == "invalid_grant" || a.stale && code == "invalid_scope"):
		return rep, refused
	}
	a.fatalf("%s answered %d %s", path, rep.StatusCode, rep.body)
	return rep, refused
}

func (a *attempt) token(set ...string) outcome {
	a.rig.t.Helper()
	_, o := a.send("/token", with(url.Values{}, set...))
	return o
}

func (a *attempt) redeem() outcome {
	a.rig.t.Helper()
	o := a.token("grant_type", "authorization_code", "code", a.code, "code_verifier", verifier, "redirect_uri", callback)
	if o == done {
		a.exchanges++
	}
	return o
}

func (a *attempt) rotate() outcome {
	a.rig.t.Helper()
	return a.token("grant_type", "refresh_token", "refresh_token", a.last())
}

func (a *attempt) issue() outcome {
	t, err := a.srv.Issue(a.ctx, a.app, oauth.Approval{Login: a.rig.login(a.user)})
	if err == nil {
		a.hand(t.AccessToken, t.RefreshToken)
	}
	return a.outcome(err)
}

// outcome is that of a call in process.
func (a *attempt) outcome(err error) outcome {
	a.rig.t.Helper()
	var e *oauth.Error
	switch {
	case err == nil:
		return done
	case a.unsigned && errors.Is(err, errSigner):
	case !errors.As(err, &e) || e.Code != "temporarily_unavailable":
		a.fatalf("got the error %v", err)
	}
	return unknown
}

func (a *attempt) introspects(tok string) (active bool, o outcome) {
	a.rig.t.Helper()
	rep, o := a.send("/introspect", url.Values{"token": {tok}})
	return rep.json["active"] == true, o
}

func (a *attempt) revoke(tok string) outcome {
	a.rig.t.Helper()
	_, o := a.send("/revoke", url.Values{"token": {tok}})
	return o
}

func (a *attempt) disconnect() outcome {
	return a.outcome(a.srv.Disconnect(a.ctx, oauth.Consent{Subject: a.user, Tenant: a.tenant, App: a.app}))
}

func (a *attempt) endSubject() outcome {
	return a.outcome(a.srv.EndSubject(a.ctx, a.user))
}

// page is an answer of the authorization endpoint as an outcome.
func (a *attempt) page(got answer) outcome {
	a.rig.t.Helper()
	switch got.StatusCode {
	case http.StatusOK:
		_, a.form = got.form(a.rig.t)
		return done
	case http.StatusSeeOther:
		q := got.location(a.rig.t)
		if q.Get("code") != "" {
			if a.code != "" && a.code != q.Get("code") {
				a.fatalf("one form gave two codes")
			}
			a.code = q.Get("code")
			return done
		}
		if q.Get("error") == "temporarily_unavailable" {
			return unknown
		}
	case http.StatusServiceUnavailable:
		return unknown
	case http.StatusBadRequest:
		if strings.Contains(got.body, "this form was sent before") {
			return refused
		}
	}
	a.fatalf("the authorization endpoint answered %d %s %s", got.StatusCode, got.Header.Get("Location"), got.body)
	return refused
}

func (a *attempt) ask() outcome {
	a.rig.t.Helper()
	return a.page(a.browser.authorize(a.request))
}

func (a *attempt) allow() outcome {
	a.rig.t.Helper()
	return a.page(a.browser.do("POST", a.form, url.Values{"allow": {"yes"}}))
}

func (a *attempt) signIn() {
	a.browser = a.signedInAs(oauth.Login{Subject: a.user, Tenant: a.tenant})
}

// alive sees that every access token that was handed out is good, that of the refresh tokens the newest
// is, alone, and that it can be used.
func (a *attempt) alive() {
	a.rig.t.Helper()
	for _, tok := range a.access {
		claims, err := a.srv.Introspect(a.ctx, tok)
		if err != nil {
			a.fatalf("an access token that was handed out is inactive: %v", err)
		}
		if strings.Count(tok, ".") == 2 {
			if _, err := a.verify.Verify(a.rig.t.Context(), tok); err != nil {
				a.fatalf("an access token does not verify: %v", err)
			}
		}
		if claims.Subject != a.user && claims.Subject != a.app {
			a.fatalf("an access token is for %q", claims.Subject)
		}
	}
	for _, q := range a.spent {
		// Who replays a whole request, used credential and all, has not proved to be the client.
		a.raw(q.path, http.Header{}, q.body).want(a.rig.t, 401, "invalid_client")
	}
	a.heads(1)
	if len(a.refresh) > 0 {
		a.must(a.rotate)
		a.heads(1)
	}
	if a.exchanges > 1 {
		a.fatalf("one code was exchanged %d times", a.exchanges)
	}
	if a.exchanges == 1 {
		if o := a.redeem(); o != refused {
			a.fatalf("a used code was answered: %v", o)
		}
		a.dead()
	}
}

// heads sees how many of the refresh tokens are current: the newest if one is.
func (a *attempt) heads(want int) {
	a.rig.t.Helper()
	for i, tok := range a.refresh {
		active, o := a.introspects(tok)
		if current := want == 1 && i == len(a.refresh)-1; o != done || active != current {
			a.fatalf("refresh token %d of %d: active is %v, want %v (%v)", i, len(a.refresh), active, current, o)
		}
	}
}

// dead sees that nothing that was handed out is worth anything.
func (a *attempt) dead() {
	a.rig.t.Helper()
	for _, tok := range a.access {
		if a.active(tok) {
			a.fatalf("an access token is active after the end")
		}
	}
	a.heads(0)
	for _, tok := range a.refresh {
		if o := a.token("grant_type", "refresh_token", "refresh_token", tok); o != refused {
			a.fatalf("a refresh token was answered after the end: %v", o)
		}
	}
	if len(a.refresh) == 0 && a.code != "" {
		if o := a.redeem(); o != refused {
			a.fatalf("a code was answered after the end: %v", o)
		}
	}
}
