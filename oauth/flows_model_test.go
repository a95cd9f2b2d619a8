package oauth_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

// model plays random flows against two issuers that share a store, keys, a registry and users, and knows what
// must and what must not work. After a fault of the store it knows less of a family, and asks less of the
// server, but never that what has ended works, or what was never given.
type model struct {
	t     *testing.T
	in    *bytes.Reader
	now   time.Time
	store *flaky
	reg   *registry.Registry
	srv   [2]*oauth.Server

	shown []string // what the consent page offered
	kept  []string // what the user leaves of it

	apps      map[string]*appState
	installed map[place]*installation
	consents  map[bond]consent

	families []*family
	tokens   []accessToken
	last     int // epoch or number of a family
	log      []string
	heads    int // refresh tokens that were good at the end
}

// bond is who let which app act, and where: of an app that acts for itself, user is empty.
type bond struct {
	issuer            int
	app, tenant, user string
}

// place is where an app is installed: for a tenant, or for one user of it.
type place struct{ app, tenant, user string }

type appState struct {
	scopes            []string
	suspended, paused bool
	epoch             int
}

type installation struct {
	allowed           []string
	suspended, paused bool
	epoch             int
}

func (i *installation) rules() bool  { return len(i.allowed) > 0 || i.suspended }
func (i *installation) halted() bool { return i.suspended || i.paused }

// consent is what a user allowed and refused; there is none if nothing is allowed.
type consent struct{ allowed, refused []string }

// epochs are those of the app and of the installation that rules.
type epochs struct{ app, installation int }

// family is a grant and all that descends from it.
type family struct {
	bond
	number         int
	under          epochs
	scopes         []string
	code, verifier string
	codeEnds, ends time.Time

	refresh  []string // by generation
	rotated  time.Time
	idleEnds time.Time
	ended    bool // nothing of it may work
	vague    bool // a fault hid what became of it: it may have ended, or have a refresh token that nobody got
}

func (f *family) String() string {
	return fmt.Sprintf("grant %d (%s for %q at %q)", f.number, f.app, f.user, f.tenant)
}

type accessToken struct {
	f      *family
	text   string
	scopes []string
	ends   time.Time
	denied bool
}

var (
	flowApps    = []string{"web", "opaque", "spa"} // the last is public
	flowUsers   = []string{"alice", "bob"}
	flowTenants = []string{home, acme} // that of the apps, where they need no installation, and another
	flowScopes  = []string{"read", "write", "admin"}
)

func newModel(t *testing.T, keys *token.Keys, input []byte) *model {
	m := &model{t: t, in: bytes.NewReader(input), now: time.Unix(2_000_000_000, 0), store: &flaky{Store: memory.New()},
		apps: make(map[string]*appState), installed: make(map[place]*installation), consents: make(map[bond]consent)}
	clock := func() time.Time { return m.now }
	var err error
	if m.reg, err = registry.New(registry.Config{Store: store.Namespace(m.store, "reg/"), Now: clock}); err != nil {
		t.Fatal(err)
	}
	for _, id := range flowApps {
		a := *edit(apps(), id)
		a.Owner, a.Tenant, a.Shared = developer.Subject, home, true
		if id != "spa" {
			a.Manifest.GrantTypes = []string{"authorization_code", "refresh_token", "client_credentials"}
		}
		must(t, m.reg.Create(t.Context(), &a))
		m.apps[id] = &appState{scopes: flowScopes}
		m.allow(place{id, acme, ""}, flowScopes)
	}
	for i := range m.srv {
		m.srv[i], err = oauth.New(oauth.Config{
			Issuer: fmt.Sprintf("https://issuer%d.example.com", i), Store: store.Namespace(m.store, fmt.Sprintf("i%d/", i)), Keys: keys, Apps: m.reg,
			Secrets: [][]byte{[]byte(secret)}, Resources: []string{api}, Limiter: patience{}, Now: clock,
			SignedIn: func(r *http.Request) (*oauth.Login, error) {
				user := r.Header.Get("X-User")
				return &oauth.Login{Subject: user, Tenant: r.Header.Get("X-Tenant"), Session: user, Time: time.Unix(1, 0)}, nil
			},
			Interact: func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
				if r.Method == http.MethodPost {
					a.Approve(w, r, &oauth.Approval{Scopes: m.kept})
					return
				}
				m.shown = a.Scopes
				fmt.Fprint(w, a.URL)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// pick takes the next choice of n from the input.
func (m *model) pick(n int) int {
	b, err := m.in.ReadByte()
	if err != nil {
		return 0
	}
	return int(b) % n
}

func pickOf[T any](m *model, list []T) T { return list[m.pick(len(list))] }

// some takes one or more scopes from the input.
func (m *model) some() []string {
	set := 1 + m.pick(1<<len(flowScopes)-1)
	var scopes []string
	for i, s := range flowScopes {
		if set>>i&1 == 1 {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

func (m *model) next() int {
	m.last++
	return m.last
}

func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nafter\n\t%s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n\t"))
}

func (m *model) note(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf(format, args...))
}

// ruling is the installation that decides: the tenant's if it is halted, else the user's own, else the
// tenant's. Where none is needed and there is none, that is one which allows all.
func (m *model) ruling(b bond) *installation {
	whole := cmp.Or(m.installed[place{b.app, b.tenant, ""}], &installation{})
	own := cmp.Or(m.installed[place{b.app, b.tenant, b.user}], &installation{})
	switch {
	case own.rules() && !(whole.rules() && whole.halted()):
		return own
	case whole.rules():
		return whole
	case b.tenant == home || b.tenant == "":
		return &installation{allowed: flowScopes}
	}
	return &installation{}
}

func (m *model) epochs(b bond) epochs { return epochs{m.apps[b.app].epoch, m.ruling(b).epoch} }

// offered is what of scopes the app may have there if the user lets it: nothing while anything is halted.
func (m *model) offered(b bond, scopes []string) []string {
	a, i := m.apps[b.app], m.ruling(b)
	if a.suspended || a.paused || i.halted() {
		return nil
	}
	return scope.Within(scope.Within(scopes, a.scopes), i.allowed)
}

// effective is what of scopes the app has there now.
func (m *model) effective(b bond, scopes []string) []string {
	scopes = m.offered(b, scopes)
	if b.user != "" {
		scopes = scope.Within(scopes, m.consents[b].allowed)
	}
	return scopes
}

// lives reports whether nothing has ended f.
func (m *model) lives(f *family) bool {
	return !f.ended && m.now.Before(f.ends) && f.under == m.epochs(f.bond)
}

// outcome checks that what may not succeed did not, and that what must did, unless the store failed.
func (m *model) outcome(what fmt.Stringer, did string, success, may, must bool) {
	m.t.Helper()
	switch {
	case success && !may:
		m.fail("the %s of %s succeeded, and must not", did, what)
	case !success && must && !m.store.failed:
		m.fail("the %s of %s failed, and must not", did, what)
	}
}

// settle holds the server's consent to next, or where next need not be, to what it was.
func (m *model) settle(b bond, next consent, must bool) {
	m.t.Helper()
	m.store.countdown = 0
	list, _, err := m.srv[b.issuer].Consents(m.t.Context(), b.user, "")
	if err != nil {
		m.fail("no consents: %v", err)
	}
	var got consent
	for _, c := range list {
		if c.App == b.app && c.Tenant == b.tenant {
			got = consent{c.Scopes, c.Refused}
		}
	}
	is := func(c consent) bool { return sameSet(got.allowed, c.allowed) && sameSet(got.refused, c.refused) }
	if !is(next) && (must || !is(m.consents[b])) {
		m.fail("the consent of %v is %v, want %v", b, got, next)
	}
	m.consents[b] = got
}

// serve asks one of the issuers. Only a fault of the store may be answered with 503.
func (m *model) serve(issuer int, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	m.srv[issuer].ServeHTTP(w, r)
	if w.Code >= 500 && (w.Code != 503 || !m.store.failed) {
		m.fail("%s %s is answered with %d %s", r.Method, r.URL.Path, w.Code, w.Body)
	}
	return w
}

// post sends a form as an app does.
func (m *model) post(issuer int, app, path string, form url.Values) (int, map[string]any) {
	form = url.Values(http.Header(form).Clone())
	if app == "spa" {
		form.Set("client_id", app)
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if app != "spa" {
		r.Header.Set("Authorization", basic(app, secret))
	}
	w := m.serve(issuer, r)
	var answer map[string]any
	json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

// keep keeps an access token that was given, which must have the scopes wanted.
func (m *model) keep(f *family, answer map[string]any, want []string) {
	m.t.Helper()
	text, _ := answer["access_token"].(string)
	got, _ := answer["scope"].(string)
	if text == "" || !sameSet(strings.Fields(got), want) {
		m.fail("%s got %v, want the scopes %v", f, answer, want)
	}
	ends := m.now.Add(15 * time.Minute)
	if ends.After(f.ends) {
		ends = f.ends
	}
	m.tokens = append(m.tokens, accessToken{f: f, text: text, scopes: want, ends: ends})
}

// got keeps the tokens that a family got.
func (m *model) got(f *family, answer map[string]any, want []string) {
	m.t.Helper()
	m.keep(f, answer, want)
	refresh, _ := answer["refresh_token"].(string)
	switch at := slices.Index(f.refresh, refresh); {
	case refresh == "" || at >= 0 && at < len(f.refresh)-1:
		m.fail("%s got no refresh token, or an earlier one again", f)
	case at < 0:
		f.refresh = append(f.refresh, refresh)
		f.rotated, f.idleEnds = m.now, m.now.Add(30*24*time.Hour)
	}
}

// flaky is a store that fails at one call.
type flaky struct {
	store.Store
	countdown int // to the call that fails; zero: none
	before    bool
	failed    bool
}

func (s *flaky) call(f func() error) error {
	if s.countdown == 0 {
		return f()
	}
	if s.countdown--; s.countdown > 0 {
		return f()
	}
	s.failed = true
	if !s.before {
		f()
	}
	return errDown
}

func (s *flaky) Get(ctx context.Context, keys ...string) (r []store.Record, err error) {
	err = s.call(func() (err error) { r, err = s.Store.Get(ctx, keys...); return err })
	return r, err
}

func (s *flaky) Create(ctx context.Context, r store.Record) error {
	return s.call(func() error { return s.Store.Create(ctx, r) })
}

func (s *flaky) Swap(ctx context.Context, r store.Record) error {
	return s.call(func() error { return s.Store.Swap(ctx, r) })
}

func (s *flaky) List(ctx context.Context, label, after string, limit int) (r []store.Record, next string, err error) {
	err = s.call(func() (err error) { r, next, err = s.Store.List(ctx, label, after, limit); return err })
	return r, next, err
}
