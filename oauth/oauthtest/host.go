package oauthtest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

// host is a service that embeds the server under test, in two processes on one store: users, sessions, a
// consent page, apps, and a clock that cases set.
type host struct {
	testing.TB
	setting
	config    oauth.Config
	processes [2]*process
	faults    *faultStore        // nil: the store is met as it is
	reg       *registry.Registry // nil: the apps are Static
	signer    *weakSigner
	claimless atomic.Bool // the claims hook fails, once
	keys      *token.Keys // that the app "machine" signs with
	strange   *token.Keys // that the app "robot" signs with
	verify    *token.Verifier
	tenant    string
	users     atomic.Int64

	transport http.RoundTripper // of clients

	mu       sync.Mutex
	now      time.Time
	sessions map[string]*oauth.Login
}

// process is one of a host.
type process struct {
	url     string
	handler http.Handler
	calls
}

// calls is what a host calls in process.
type calls interface {
	Issue(ctx context.Context, app string, a oauth.Approval) (*oauth.TokenResponse, error)
	Introspect(ctx context.Context, tok string) (*token.Claims, error)
	Consents(ctx context.Context, subject, after string) ([]oauth.Consent, string, error)
	Disconnect(ctx context.Context, c oauth.Consent) error
	EndSubject(ctx context.Context, subject string) error
}

var _ calls = (*oauth.Server)(nil)

const (
	secret    = "0123456789abcdef0123456789abcdef" // of every app, and of the server
	api       = "https://api.example.com"
	callback  = "https://web.example.com/cb"
	callback2 = "https://web.example.com/cb2"
	hostGrant = "urn:example:grant:badge"
	grace     = 20 * time.Second
)

// weakSigner fails once if told so.
type weakSigner struct {
	crypto.Signer
	fail atomic.Bool
}

var (
	errSigner = errors.New("the key is out of reach")
	errClaims = errors.New("the directory is out of reach")
)

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

func newKeys(t testing.TB, s crypto.Signer) *token.Keys {
	t.Helper()
	keys, err := token.NewKeys(token.Key{Signer: s})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// apps is one of each kind. robot and other are strangers to the rest.
func (h *host) apps() registry.Static {
	scopes := []string{"read", "write", "admin"}
	code := []string{"authorization_code", "refresh_token"}
	own := []string{"client_credentials"}
	sum := sha256.Sum256([]byte(secret))
	secrets := []registry.Secret{{ID: "1", Hash: sum[:]}}
	manifest := func(name string, grants []string) registry.Manifest {
		m := registry.Manifest{Name: name, Scopes: scopes, GrantTypes: grants}
		if slices.Contains(grants, "authorization_code") {
			m.RedirectURIs = []string{callback, callback2}
		}
		return m
	}
	signs := func(name string, keys *token.Keys) registry.Manifest {
		m := manifest(name, slices.Concat(code, own))
		m.AuthMethod, m.JWKS = "private_key_jwt", keys.JWKS(h.now)
		return m
	}
	return registry.Static{
		{ID: "web", Secrets: secrets, Manifest: manifest("Web", append(slices.Clone(code), hostGrant))},
		{ID: "other", Secrets: secrets, Manifest: manifest("Other", code)},
		{ID: "opaque", Secrets: secrets, Policy: registry.Policy{Opaque: true}, Manifest: manifest("Opaque", slices.Concat(code, own))},
		{ID: "service", Secrets: secrets, Manifest: manifest("Service", own)},
		{ID: "bot", Secrets: secrets, Policy: registry.Policy{InsecureRefreshForClientCredentials: true},
			Manifest: manifest("Bot", []string{"client_credentials", "refresh_token"})},
		{ID: "machine", Manifest: signs("Machine", h.keys)},
		{ID: "robot", Manifest: signs("Robot", h.strange)},
	}
}

// newHost starts a service in a space of its own, with these of the apps if they are registered.
func (c *tester) newHost(set setting, apps ...string) *host {
	c.Helper()
	return c.startHost(set, nil, c.space(), apps)
}

// faultyHost starts one with a store that can be told to fail.
func (c *tester) faultyHost(set setting, apps ...string) *host {
	c.Helper()
	s := newFaultStore(c.TB, c.space())
	return c.startHost(set, s, s, apps)
}

func (c *tester) startHost(set setting, faults *faultStore, s store.Store, apps []string) *host {
	c.Helper()
	h := &host{TB: c.TB, setting: set, faults: faults, now: time.Now().Truncate(time.Second), sessions: make(map[string]*oauth.Login),
		signer: &weakSigner{Signer: newSigner(c)}, keys: newKeys(c, newSigner(c)), strange: newKeys(c, newSigner(c))}
	network := &http.Transport{MaxIdleConnsPerHost: c.contenders}
	h.transport = network
	for i := range h.processes {
		p := new(process)
		ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }))
		c.Cleanup(ts.Close)
		p.url, h.processes[i] = ts.URL, p
	}
	c.Cleanup(network.CloseIdleConnections)
	h.config = oauth.Config{
		Issuer: h.processes[0].url, Store: s, Keys: newKeys(c, h.signer), Apps: h.apps(), Secrets: [][]byte{[]byte(secret)},
		Resources: []string{api}, RefreshGrace: grace, Now: h.clock,
		SignedIn: h.signedIn, Interact: h.page, Claims: h.claims,
		GrantTypes: map[string]oauth.GrantHandler{hostGrant: func(_ context.Context, q *oauth.TokenRequest) (*oauth.Approval, error) {
			return &oauth.Approval{Login: h.login(q.Params.Get("user"))}, nil
		}},
	}
	if set.strict {
		h.config.RefreshGrace = -1
	}
	if set.registered {
		h.tenant = "org"
		h.register(apps)
	}
	for _, p := range h.processes {
		h.serve(c, p)
	}
	var err error
	if h.verify, err = token.NewVerifier(token.VerifierConfig{Issuer: h.config.Issuer, Audience: api, Keys: h.config.Keys, Now: h.clock}); err != nil {
		c.Fatal(err)
	}
	return h
}

// claims is the host's claims hook, which every mint asks. It has nothing to say.
func (h *host) claims(context.Context, *oauth.Grant, *token.Claims) error {
	if h.claimless.Swap(false) {
		return errClaims
	}
	return nil
}

// serve starts the server under test as p.
func (h *host) serve(c *tester, p *process) {
	h.Helper()
	var err error
	if p.handler, err = c.serve(h.config); err != nil {
		h.Fatal(err)
	}
	if in, ok := p.handler.(calls); ok {
		p.calls = in
	} else if p.calls, err = oauth.New(h.config); err != nil {
		h.Fatal(err)
	}
}

// register moves apps to a registry on the host's store, shared with all tenants, and installs them.
func (h *host) register(apps []string) {
	h.Helper()
	var err error
	if h.reg, err = registry.New(registry.Config{Store: h.config.Store}); err != nil {
		h.Fatal(err)
	}
	for _, a := range h.apps() {
		if !slices.Contains(apps, a.ID) {
			continue
		}
		a.Owner, a.Tenant, a.Shared = "dana", "startup", true
		if err := h.reg.Create(h.Context(), &a); err != nil {
			h.Fatal(err)
		}
		h.install(a.ID)
	}
	h.config.Apps = h.reg
	if h.faults != nil {
		h.faults.settled()
	}
}

// install lets an app have its scopes in the host's tenant.
func (h *host) install(app string) {
	h.Helper()
	if _, err := h.reg.Install(h.Context(), app, h.tenant, "", func(a *registry.App, i *registry.Installation) error {
		return i.Allow(h.admin(), a, a.Manifest.Scopes)
	}); err != nil {
		h.Fatal(err)
	}
}

// uninstall ends that.
func (h *host) uninstall(ctx context.Context, app string) error {
	_, err := h.reg.Install(ctx, app, h.tenant, "", func(_ *registry.App, i *registry.Installation) error { return i.Remove(h.admin()) })
	if errors.Is(err, registry.ErrState) {
		return nil // it is removed
	}
	return err
}

// admin installs apps for the tenant.
func (h *host) admin() registry.Actor { return registry.Actor{Subject: "olga", Tenant: h.tenant} }

// endGrants ends every grant of an app, as its owner.
func (h *host) endGrants(ctx context.Context, app string) error {
	_, err := h.reg.Update(ctx, app, func(a *registry.App) error {
		return a.EndGrants(registry.Actor{Subject: "dana", Tenant: "startup"})
	})
	return err
}

func (h *host) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *host) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *host) login(user string) *oauth.Login {
	return &oauth.Login{Subject: user, Tenant: h.tenant, Time: h.clock()}
}

// startSession signs a user in and returns the cookie.
func (h *host) startSession(user string) *http.Cookie {
	l := h.login(user)
	l.Session = rand.Text()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[l.Session] = l
	return &http.Cookie{Name: "session", Value: l.Session, Path: "/"}
}

// endSessions signs a user out everywhere, at the host.
func (h *host) endSessions(user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, l := range h.sessions {
		if l.Subject == user {
			delete(h.sessions, id)
		}
	}
}

func (h *host) signedIn(r *http.Request) (*oauth.Login, error) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[cookie.Value], nil
}

// page is the host's Interact: a consent form. Nobody signs in here.
func (h *host) page(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
	switch {
	case a.Login == nil:
		fmt.Fprint(w, signInPage)
	case r.Method != http.MethodPost:
		fmt.Fprintf(w, `<form method=post action="%s">`, html.EscapeString(a.URL))
	default:
		ap := &oauth.Approval{}
		if r.PostForm.Has("scope") {
			ap.Scopes = strings.Fields(r.PostFormValue("scope"))
		}
		a.Approve(w, r, ap)
	}
}

const signInPage = "<p>Sign in"
