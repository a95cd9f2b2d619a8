package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

// model plays random flows against two issuers that share a store, keys, apps and users, and knows what must
// and what must not work. After a fault of the store it knows less, and asks less of the server, but never that
// what has ended works, or what was never given.
type model struct {
	t     *testing.T
	in    *bytes.Reader
	now   time.Time
	store *flaky
	srv   [2]*oauth.Server
	url   [2]string

	families []*family
	tokens   []accessToken
	log      []string
	heads    int // refresh tokens that were good at the end
}

// family is a grant and all that descends from it.
type family struct {
	issuer              int
	app, user, verifier string
	scopes              []string
	code                string
	codeEnds, idleEnds  time.Time
	ends                time.Time

	refresh []string  // by generation
	rotated time.Time // when the last came to be
	ended   bool      // nothing of it may work
	vague   bool      // a fault hid what became of it: it may have ended, or have a refresh token that nobody got
}

type accessToken struct {
	f      *family
	text   string
	ends   time.Time
	denied bool
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

func newModel(t *testing.T, keys *token.Keys, input []byte) *model {
	m := &model{t: t, in: bytes.NewReader(input), now: time.Unix(2_000_000_000, 0), store: &flaky{Store: memory.New()}}
	for i := range m.srv {
		m.url[i] = fmt.Sprintf("https://issuer%d.example.com", i)
		srv, err := oauth.New(oauth.Config{
			Issuer: m.url[i], Store: store.Namespace(m.store, fmt.Sprintf("i%d/", i)), Keys: keys, Apps: apps(), Secrets: [][]byte{[]byte(secret)},
			Resources: []string{api}, Limiter: patience{}, Now: func() time.Time { return m.now },
			SignedIn: func(r *http.Request) (*oauth.Login, error) {
				user := r.Header.Get("X-User")
				return &oauth.Login{Subject: user, Tenant: "of " + user, Session: user, Time: time.Unix(1, 0)}, nil
			},
			Interact: func(w http.ResponseWriter, r *http.Request, a *oauth.Authorization) {
				if r.Method == http.MethodPost {
					a.Approve(w, r, &oauth.Approval{})
					return
				}
				fmt.Fprint(w, a.URL)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		m.srv[i] = srv
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

func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nafter\n\t%s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n\t"))
}

func (m *model) note(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf(format, args...))
}

func (m *model) name(f *family) string {
	return fmt.Sprintf("grant %d (%s for %s)", slices.Index(m.families, f), f.app, f.user)
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

var (
	flowApps  = []string{"web", "opaque", "spa"}
	flowUsers = []string{"alice", "bob"}
)

// authorize begins a family.
func (m *model) authorize() {
	f := &family{issuer: m.pick(2), app: flowApps[m.pick(3)], user: flowUsers[m.pick(2)], verifier: pkce.NewVerifier()}
	f.scopes = [][]string{{"read"}, {"write"}, {"read", "write"}}[m.pick(3)]
	q := url.Values{"response_type": {"code"}, "client_id": {f.app}, "scope": {strings.Join(f.scopes, " ")}, "redirect_uri": {edit(apps(), f.app).Manifest.RedirectURIs[0]},
		"code_challenge": {pkce.Challenge(f.verifier)}, "code_challenge_method": {"S256"}}
	r := httptest.NewRequest("GET", "/authorize?"+q.Encode(), nil)
	r.Header.Set("X-User", f.user)
	w := m.serve(f.issuer, r)
	if w.Code == http.StatusOK {
		r = httptest.NewRequest("POST", w.Body.String(), nil)
		r.Header.Set("X-User", f.user)
		for _, c := range w.Result().Cookies() {
			r.AddCookie(c)
		}
		w = m.serve(f.issuer, r)
	}
	to, _ := url.Parse(w.Header().Get("Location"))
	if f.code = to.Query().Get("code"); f.code == "" {
		if !m.store.failed {
			m.fail("no code: %d %s %s", w.Code, to, w.Body)
		}
		return
	}
	f.codeEnds, f.ends = m.now.Add(time.Minute), m.now.Add(365*24*time.Hour)
	m.families = append(m.families, f)
	m.note("%s of issuer %d began with %v", m.name(f), f.issuer, f.scopes)
}

// someone picks whom a request comes from and where it goes: mostly the right ones.
func (m *model) someone(f *family) (issuer int, app string, right bool) {
	issuer, app = f.issuer, f.app
	switch m.pick(8) {
	case 0:
		issuer = 1 - issuer
	case 1:
		app = flowApps[m.pick(3)]
	}
	return issuer, app, issuer == f.issuer && app == f.app
}

// exchange redeems the code of a family, perhaps as another, with another verifier, or again.
func (m *model) exchange(f *family) {
	issuer, app, right := m.someone(f)
	verifier := f.verifier
	if m.pick(8) == 0 {
		verifier, right = pkce.NewVerifier(), false
	}
	status, answer := m.post(issuer, app, "/token", url.Values{"grant_type": {"authorization_code"}, "code": {f.code}, "code_verifier": {verifier},
		"redirect_uri": {edit(apps(), f.app).Manifest.RedirectURIs[0]}})
	m.note("exchange of %s at issuer %d by %s, all right: %t: %d", m.name(f), issuer, app, right, status)
	may := right && !f.ended && len(f.refresh) == 0 && m.now.Before(f.codeEnds)
	m.outcome(f, "exchange", status, answer, may, may && !f.vague)
	switch {
	case status == 200:
		m.got(f, answer, f.scopes)
	case status == 503:
		f.vague = f.vague || right
	case right && (len(f.refresh) > 0 || f.vague && m.now.Before(f.codeEnds)):
		f.ended = true // it came twice
	}
}

// refresh uses a refresh token of a family: mostly the last.
func (m *model) refresh(f *family) {
	if len(f.refresh) == 0 {
		return
	}
	last := len(f.refresh) - 1
	at := last
	switch m.pick(8) {
	case 0, 1:
		at = max(0, last-1)
	case 2:
		at = m.pick(len(f.refresh))
	}
	issuer, app, right := m.someone(f)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {f.refresh[at]}}
	scopes := f.scopes
	switch m.pick(6) {
	case 0:
		scopes = scopes[:1]
		form.Set("scope", scopes[0])
	case 1:
		form.Set("scope", "read write admin") // never granted
		right = false
	}
	status, answer := m.post(issuer, app, "/token", form)
	m.note("refresh of %s by its %d. of %d at issuer %d by %s, all right: %t: %d", m.name(f), at+1, last+1, issuer, app, right, status)
	lives := right && !f.ended && m.now.Before(f.ends) && m.now.Before(f.idleEnds)
	grace := m.now.Sub(f.rotated) <= 10*time.Second
	retry := at == last-1 && grace
	may := lives && (at == last || retry || f.vague && at == last-1)
	m.outcome(f, "refresh", status, answer, may, lives && !f.vague && (at == last || retry))
	switch {
	case status == 200:
		next, _ := answer["refresh_token"].(string)
		if retry && !f.vague && next != f.refresh[last] {
			m.fail("a retry got another successor than the first")
		}
		m.got(f, answer, scopes)
	case status == 503:
		f.vague = f.vague || right
	case lives && at < last && !retry && !f.vague:
		f.ended = true // it came back
	case lives:
		f.vague = true
	}
}

// outcome checks that what may not succeed did not, and that what must did, unless the store failed.
func (m *model) outcome(f *family, what string, status int, answer map[string]any, may, must bool) {
	m.t.Helper()
	switch {
	case status == 200 && !may:
		m.fail("the %s of %s succeeded, and must not", what, m.name(f))
	case status != 200 && must && !m.store.failed:
		m.fail("the %s of %s failed, and must not: %d %v", what, m.name(f), status, answer)
	}
}

// got keeps the tokens that a family got.
func (m *model) got(f *family, answer map[string]any, asked []string) {
	access, _ := answer["access_token"].(string)
	refresh, _ := answer["refresh_token"].(string)
	got, _ := answer["scope"].(string)
	if access == "" || refresh == "" || !scope.Subset(strings.Fields(got), asked) {
		m.fail("asked for %v, got %v", asked, answer)
	}
	if slices.Contains(f.refresh, refresh) {
		if refresh != f.refresh[len(f.refresh)-1] {
			m.fail("an earlier refresh token of %s was given again", m.name(f))
		}
	} else {
		f.refresh = append(f.refresh, refresh)
		f.rotated, f.idleEnds = m.now, m.now.Add(30*24*time.Hour)
	}
	ends := m.now.Add(15 * time.Minute)
	if ends.After(f.ends) {
		ends = f.ends
	}
	m.tokens = append(m.tokens, accessToken{f: f, text: access, ends: ends})
}

// revoke gives up a token of a family.
func (m *model) revoke(f *family) {
	issuer, app, right := m.someone(f)
	if len(f.refresh) > 0 && m.pick(2) == 0 {
		status, _ := m.post(issuer, app, "/revoke", url.Values{"token": {f.refresh[m.pick(len(f.refresh))]}})
		m.note("revocation of a refresh token of %s at issuer %d by %s: %d", m.name(f), issuer, app, status)
		m.stranger(f, issuer, app, status)
		f.ended = f.ended || right && status == 200
		f.vague = f.vague || right
		return
	}
	for i := range m.tokens {
		if a := &m.tokens[i]; a.f == f && !a.denied {
			status, _ := m.post(issuer, app, "/revoke", url.Values{"token": {a.text}})
			m.note("revocation of token %d, of %s, at issuer %d by %s: %d", i, m.name(f), issuer, app, status)
			if m.now.Before(a.ends) && !f.ended && !f.vague {
				m.stranger(f, issuer, app, status)
			}
			if right && m.store.failed {
				f.vague = true
			}
			a.denied = right && status == 200
			return
		}
	}
}

// stranger checks that an app which is told that it revoked a token is the one that has it. Another issuer does
// not know the token, and says that all is well.
func (m *model) stranger(f *family, issuer int, app string, status int) {
	if status == 200 && issuer == f.issuer && app != f.app {
		m.fail("%s revoked a token of %s", app, m.name(f))
	}
}

// end ends all grants of a user, or those of one app.
func (m *model) end() {
	issuer, user, app := m.pick(2), flowUsers[m.pick(2)], flowApps[m.pick(3)]
	var err error
	if everything := m.pick(2) == 0; everything {
		app = ""
		err = m.srv[issuer].EndSubject(m.t.Context(), user)
	} else {
		err = m.srv[issuer].Disconnect(m.t.Context(), oauth.Consent{App: app, Subject: user, Tenant: "of " + user})
	}
	m.note("the end of all grants of %s to %q at issuer %d: %v", user, app, issuer, err)
	if err != nil && !m.store.failed {
		m.fail("no end: %v", err)
	}
	for _, f := range m.families {
		if f.issuer == issuer && f.user == user && (app == "" || f.app == app) {
			f.ended = f.ended || err == nil
			f.vague = true
		}
	}
}

// look asks what one token is worth, at both issuers.
func (m *model) look(i int) {
	a := &m.tokens[i]
	f := a.f
	dead := f.ended || a.denied || !m.now.Before(a.ends)
	for issuer, srv := range m.srv {
		claims, err := srv.Introspect(m.t.Context(), a.text)
		switch {
		case err == nil && (dead || issuer != f.issuer):
			m.fail("token %d, of %s, works at issuer %d, and must not", i, m.name(f), issuer)
		case err == nil && (claims.Subject != f.user || claims.Tenant != "of "+f.user || claims.ClientID != f.app || !scope.Subset(claims.Scopes, f.scopes)):
			m.fail("token %d, of %s, says %+v", i, m.name(f), claims)
		case err != nil && !dead && !f.vague && issuer == f.issuer && !m.store.failed:
			m.fail("token %d, of %s, is worth nothing: %v", i, m.name(f), err)
		}
	}
}

// play does what the input says, and then what every end must show.
func (m *model) play() {
	faults := m.pick(2) == 1
	for range 40 {
		if m.in.Len() == 0 {
			break
		}
		m.store.failed, m.store.countdown = false, 0
		if faults && m.pick(3) == 0 {
			m.store.countdown, m.store.before = 1+m.pick(6), m.pick(2) == 0
			m.note("call %d of the store fails, before its effect: %t", m.store.countdown, m.store.before)
		}
		op := m.pick(16)
		if len(m.families) == 0 {
			op = 0
		}
		switch {
		case op < 3:
			m.authorize()
		case op < 6:
			m.exchange(m.families[m.pick(len(m.families))])
		case op < 11:
			m.refresh(m.families[m.pick(len(m.families))])
		case op < 12:
			m.revoke(m.families[m.pick(len(m.families))])
		case op < 13:
			m.end()
		case op < 15:
			m.now = m.now.Add([]time.Duration{time.Second, 5 * time.Second, 11 * time.Second, 61 * time.Second, 16 * time.Minute, 31 * 24 * time.Hour}[m.pick(6)])
			m.note("%v", m.now)
		default:
			if len(m.tokens) > 0 {
				m.look(m.pick(len(m.tokens)))
			}
		}
	}
	m.store.countdown, m.store.failed = 0, false
	for i := range m.tokens {
		m.look(i)
	}
	m.now = m.now.Add(11 * time.Second)
	for _, f := range m.families {
		m.oneHead(f)
	}
}

// oneHead checks that of all refresh tokens of a family at most one is good, and none of one that has ended. It
// asks about all of them before it uses any, for using a spent one ends the others.
func (m *model) oneHead(f *family) {
	heads := 0
	if f.app != "spa" { // a public app may not ask
		for _, tok := range f.refresh {
			if _, answer := m.post(f.issuer, f.app, "/introspect", url.Values{"token": {tok}}); answer["active"] == true {
				heads++
			}
		}
	}
	good := 0
	for _, tok := range slices.Backward(slices.Clone(f.refresh)) {
		if status, _ := m.post(f.issuer, f.app, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok}}); status == 200 {
			good++
		}
	}
	if max(heads, good) > 1 || max(heads, good) > 0 && f.ended {
		m.fail("%d refresh tokens of %s are said to be good, %d are; ended: %t", heads, m.name(f), good, f.ended)
	}
	m.heads += good
}

func FuzzFlows(f *testing.F) {
	keys := newKeys(f)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		seed := make([]byte, 400)
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input []byte) { newModel(t, keys, input).play() })
}

// TestFlowsEndInHeads holds that the model sees good refresh tokens at the end, so that counting them says something.
func TestFlowsEndInHeads(t *testing.T) {
	keys, heads := newKeys(t), 0
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		input := make([]byte, 400)
		for i := range input {
			input[i] = byte(r.Uint32())
		}
		m := newModel(t, keys, input)
		m.play()
		heads += m.heads
	}
	if heads < 20 {
		t.Errorf("%d refresh tokens were good at the end of 50 runs", heads)
	}
}
