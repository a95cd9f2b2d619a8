package oauth_test

import (
	"cmp"
	"errors"
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
	"github.com/oauthcore/oauthcore/registry"
)

// operations are what a run is made of, and how often each comes.
var operations = []struct {
	weight int
	do     func(*model)
}{
	{12, (*model).authorize},
	{4, ofFamily((*model).exchange)},
	{20, ofFamily((*model).refresh)},
	{2, ofFamily((*model).revoke)},
	{4, (*model).alone},
	{4, (*model).look},
	{5, (*model).wait},
	{1, (*model).disconnect},
	{1, (*model).endSubject},
	{1, (*model).endApp},
	{2, (*model).haltApp},
	{2, (*model).revise},
	{4, (*model).install},
	{2, (*model).haltInstallation},
	{1, (*model).uninstall},
}

func ofFamily(do func(*model, *family)) func(*model) {
	return func(m *model) {
		if len(m.families) > 0 {
			do(m, pickOf(m, m.families))
		}
	}
}

// play does what the input says, and then what every end must show.
func (m *model) play() {
	faults := m.pick(2) == 1
	total := 0
	for _, op := range operations {
		total += op.weight
	}
	for range 60 {
		if m.in.Len() == 0 {
			break
		}
		m.store.failed, m.store.countdown = false, 0
		if faults && m.pick(3) == 0 {
			m.store.countdown, m.store.before = 1+m.pick(8), m.pick(2) == 0
			m.note("call %d of the store fails, before its effect: %t", m.store.countdown, m.store.before)
		}
		n := m.pick(total)
		for _, op := range operations {
			if n -= op.weight; n < 0 {
				op.do(m)
				break
			}
		}
	}
	m.store.countdown, m.store.failed = 0, false
	for i := range m.tokens {
		m.inspect(i)
	}
	m.now = m.now.Add(11 * time.Second)
	for _, f := range m.families {
		m.oneHead(f)
	}
}

// authorize begins a family: by a page, of which the user leaves some, or by what was consented to before.
func (m *model) authorize() {
	b := bond{m.pick(2), pickOf(m, flowApps), pickOf(m, flowTenants), pickOf(m, flowUsers)}
	if len(m.families) > 0 && m.pick(2) == 0 {
		b = pickOf(m, m.families).bond // which may have a consent
	}
	f := &family{bond: b, number: m.next(), verifier: pkce.NewVerifier()}
	f.under, f.codeEnds, f.ends = m.epochs(f.bond), m.now.Add(time.Minute), m.now.Add(366*24*time.Hour)
	asked, before := m.some(), m.consents[f.bond]
	var offered []string
	if scope.Subset(asked, m.apps[f.app].scopes) {
		offered = m.offered(f.bond, asked)
	}
	q := url.Values{"response_type": {"code"}, "client_id": {f.app}, "scope": {strings.Join(asked, " ")}, "redirect_uri": {redirectOf(f.app)},
		"code_challenge": {pkce.Challenge(f.verifier)}, "code_challenge_method": {"S256"}}
	f.scopes = scope.Within(offered, before.allowed)
	known := len(f.scopes) > 0 && scope.Subset(scope.Without(offered, before.allowed), before.refused)
	if m.pick(2) == 0 {
		q.Set("prompt", "consent")
		known = false
	}

	after := before
	w := m.browse(f, "GET", "/authorize?"+q.Encode(), nil)
	if page := w.Code == http.StatusOK; page {
		if known || len(offered) == 0 || !sameSet(m.shown, offered) {
			m.fail("a page asks %v for %v; it was to ask for %v, known: %t", f.bond, m.shown, offered, known)
		}
		m.kept = m.some()
		if f.scopes = scope.Within(offered, m.kept); len(f.scopes) > 0 {
			after.allowed = append(scope.Without(before.allowed, offered), f.scopes...)
			after.refused = append(scope.Without(before.refused, offered), scope.Without(offered, f.scopes)...)
		}
		w = m.browse(f, "POST", w.Body.String(), w.Result().Cookies())
	} else if !known {
		m.outcome(f, "page", false, false, len(offered) > 0)
		f.scopes = nil
	}
	to, _ := url.Parse(w.Header().Get("Location"))
	f.code = to.Query().Get("code")
	m.note("%s of issuer %d, asked for %v, offered %v, given %v: %d", f, f.issuer, asked, offered, f.scopes, w.Code)
	m.outcome(f, "authorization", f.code != "", len(f.scopes) > 0, len(f.scopes) > 0)
	m.settle(f.bond, after, !m.store.failed || f.code != "")
	if f.code == "" {
		return
	}
	m.families = append(m.families, f)
	if m.pick(4) > 0 {
		m.exchange(f)
	}
}

func redirectOf(app string) string { return edit(apps(), app).Manifest.RedirectURIs[0] }

// browse sends a request of the user's browser.
func (m *model) browse(f *family, method, target string, cookies []*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("X-User", f.user)
	r.Header.Set("X-Tenant", f.tenant)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return m.serve(f.issuer, r)
}

// someone picks whom a request comes from, where it goes and which tenant it names: mostly the right ones.
func (m *model) someone(f *family, form url.Values) (issuer int, app string, right bool) {
	issuer, app = f.issuer, f.app
	tenant := f.tenant
	switch m.pick(10) {
	case 0:
		issuer = 1 - issuer
	case 1:
		app = pickOf(m, flowApps)
	case 2:
		tenant = pickOf(m, flowTenants)
		form.Set("tenant", tenant)
	}
	return issuer, app, issuer == f.issuer && app == f.app && tenant == f.tenant
}

// exchange redeems the code of a family, perhaps as another, with another verifier, or again.
func (m *model) exchange(f *family) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {f.code}, "code_verifier": {f.verifier}, "redirect_uri": {redirectOf(f.app)}}
	issuer, app, right := m.someone(f, form)
	if m.pick(8) == 0 {
		form.Set("code_verifier", pkce.NewVerifier())
		right = false
	}
	want := m.effective(f.bond, f.scopes)
	status, answer := m.post(issuer, app, "/token", form)
	m.note("exchange of %s at issuer %d by %s, all right: %t: %d", f, issuer, app, right, status)
	fit := right && m.lives(f) && len(want) > 0
	may := fit && len(f.refresh) == 0 && m.now.Before(f.codeEnds)
	m.outcome(f, "exchange", status == 200, may, may && !f.vague)
	switch {
	case status == 200:
		m.got(f, answer, want)
	case status == 503:
		f.vague = f.vague || right
	case fit && (len(f.refresh) > 0 || f.vague && m.now.Before(f.codeEnds)):
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
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {f.refresh[at]}}
	issuer, app, right := m.someone(f, form)
	asked := f.scopes
	if m.pick(3) == 0 {
		asked = m.some()
		form.Set("scope", strings.Join(asked, " "))
		right = right && scope.Subset(asked, f.scopes)
	}
	want := m.effective(f.bond, asked)
	status, answer := m.post(issuer, app, "/token", form)
	m.note("refresh of %s by its %d. of %d for %v at issuer %d by %s, all right: %t: %d", f, at+1, last+1, asked, issuer, app, right, status)
	fit := right && m.lives(f) && len(want) > 0 && m.now.Before(f.idleEnds)
	retry := at == last-1 && m.now.Sub(f.rotated) <= 10*time.Second
	may := fit && (at == last || retry || f.vague && at == last-1)
	m.outcome(f, "refresh", status == 200, may, fit && !f.vague && (at == last || retry))
	switch {
	case status == 200:
		next, _ := answer["refresh_token"].(string)
		if retry && !f.vague && next != f.refresh[last] {
			m.fail("a retry got another successor than the first")
		}
		m.got(f, answer, want)
	case status == 503:
		f.vague = f.vague || right
	case fit && at < last && !retry && !f.vague:
		f.ended = true // it came back
	case fit:
		f.vague = true
	}
}

// alone gives a token to an app that acts for itself, for a tenant or for none.
func (m *model) alone() {
	f := &family{bond: bond{issuer: m.pick(2), app: pickOf(m, flowApps[:2]), tenant: pickOf(m, append(flowTenants, ""))}, number: m.next()}
	f.under, f.ends = m.epochs(f.bond), m.now.Add(366*24*time.Hour)
	asked := m.some()
	var want []string
	if scope.Subset(asked, m.apps[f.app].scopes) {
		want = m.effective(f.bond, asked)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(asked, " ")}}
	if f.tenant != "" {
		form.Set("tenant", f.tenant)
	}
	status, answer := m.post(f.issuer, f.app, "/token", form)
	m.note("%s acts for itself with %v of %v: %d", f, want, asked, status)
	m.outcome(f, "token", status == 200, len(want) > 0, len(want) > 0)
	if status == 200 {
		m.keep(f, answer, want)
	}
}

// revoke gives up a token of a family.
func (m *model) revoke(f *family) {
	var given []string
	var access *accessToken
	for i := range m.tokens {
		if a := &m.tokens[i]; a.f == f && !a.denied {
			given, access = []string{a.text}, a
		}
	}
	if len(f.refresh) > 0 && m.pick(2) == 0 {
		given, access = f.refresh, nil
	}
	if len(given) == 0 {
		return
	}
	form := url.Values{"token": {pickOf(m, given)}}
	issuer, app, _ := m.someone(f, form)
	right := issuer == f.issuer && app == f.app
	status, _ := m.post(issuer, app, "/revoke", form)
	m.note("revocation of a token of %s at issuer %d by %s, an access token: %t: %d", f, issuer, app, access != nil, status)
	if right {
		active := !m.apps[app].suspended && !m.apps[app].paused
		m.outcome(f, "revocation", status == 200, active, active)
		f.vague = f.vague || m.store.failed
		if access == nil {
			f.ended = f.ended || status == 200
		} else {
			access.denied = status == 200
		}
		return
	}
	// Another issuer does not know the token, and says that all is well; so does its own once it expired.
	if status == 200 && issuer == f.issuer && (access == nil || m.now.Before(access.ends)) && !f.ended && !f.vague {
		m.fail("%s revoked a token of %s", app, f)
	}
}

// look asks what one token is worth.
func (m *model) look() {
	if len(m.tokens) > 0 {
		m.inspect(m.pick(len(m.tokens)))
	}
}

// inspect asks what a token is worth, at both issuers, and as another app.
func (m *model) inspect(i int) {
	a := &m.tokens[i]
	f := a.f
	want := m.effective(f.bond, a.scopes)
	good := m.lives(f) && !a.denied && m.now.Before(a.ends) && len(want) > 0
	for issuer, srv := range m.srv {
		claims, err := srv.Introspect(m.t.Context(), a.text)
		here := good && issuer == f.issuer
		m.outcome(f, "introspection", err == nil, here, here && !f.vague)
		if err == nil && (claims.Subject != cmp.Or(f.user, f.app) || claims.Tenant != f.tenant || claims.ClientID != f.app || !sameSet(claims.Scopes, want)) {
			m.fail("token %d, of %s, says %+v, want the scopes %v", i, f, claims, want)
		}
	}
	for _, app := range flowApps {
		if app == f.app {
			continue
		}
		if _, answer := m.post(f.issuer, app, "/introspect", url.Values{"token": {a.text}}); answer["active"] == true {
			m.fail("%s may introspect token %d, of %s", app, i, f)
		}
	}
}

func (m *model) wait() {
	m.now = m.now.Add(pickOf(m, []time.Duration{time.Second, 5 * time.Second, 11 * time.Second, 61 * time.Second, 16 * time.Minute, 31 * 24 * time.Hour}))
	m.note("%v", m.now)
}

// disconnect ends all grants of a user to an app, in one tenant.
func (m *model) disconnect() {
	b := bond{m.pick(2), pickOf(m, flowApps), pickOf(m, flowTenants), pickOf(m, flowUsers)}
	err := m.srv[b.issuer].Disconnect(m.t.Context(), oauth.Consent{App: b.app, Subject: b.user, Tenant: b.tenant})
	m.note("disconnection of %v: %v", b, err)
	m.end(err, func(f *family) bool { return f.bond == b })
	m.settle(b, consent{}, err == nil)
}

// endSubject ends all grants of a user, in all tenants.
func (m *model) endSubject() {
	issuer, user := m.pick(2), pickOf(m, flowUsers)
	err := m.srv[issuer].EndSubject(m.t.Context(), user)
	m.note("the end of %s at issuer %d: %v", user, issuer, err)
	m.end(err, func(f *family) bool { return f.issuer == issuer && f.user == user })
}

// end marks the families that came to an end, or perhaps, if there is an error.
func (m *model) end(err error, these func(*family) bool) {
	if err != nil && !m.store.failed {
		m.fail("no end: %v", err)
	}
	for _, f := range m.families {
		if these(f) {
			f.ended, f.vague = f.ended || err == nil, f.vague || err != nil
		}
	}
}

// update changes an app.
func (m *model) update(id string, change func(*registry.App) error) {
	m.repeat(func() error {
		_, err := m.reg.Update(m.t.Context(), id, change)
		return err
	})
}

// at changes an installation, and returns what the model has of it.
func (m *model) at(p place, change func(registry.Actor, *registry.App, *registry.Installation) error) *installation {
	by := registry.Actor{Subject: cmp.Or(p.user, organizer.Subject), Tenant: p.tenant}
	m.repeat(func() error {
		_, err := m.reg.Install(m.t.Context(), p.app, p.tenant, p.user, func(a *registry.App, i *registry.Installation) error { return change(by, a, i) })
		return err
	})
	if m.installed[p] == nil {
		m.installed[p] = &installation{epoch: m.next()}
	}
	return m.installed[p]
}

// repeat makes a change of the registry, once more if the store failed: an error may mean that it happened.
func (m *model) repeat(change func() error) {
	m.t.Helper()
	err := change()
	if m.store.failed && err != nil {
		err = change()
	}
	if err != nil {
		m.fail("no change: %v", err)
	}
}

// endApp ends all grants to an app, at both issuers.
func (m *model) endApp() {
	id := pickOf(m, flowApps)
	m.note("the end of all grants to %s", id)
	m.update(id, func(a *registry.App) error { return a.EndGrants(staff) })
	m.apps[id].epoch = m.next()
}

// haltApp suspends or pauses an app, or ends that.
func (m *model) haltApp() {
	id, halt := pickOf(m, flowApps), m.pick(2) == 0
	by, flag := staff, &m.apps[id].suspended
	if m.pick(2) == 0 {
		by, flag = developer, &m.apps[id].paused
	}
	m.note("%s halts %s: %t", by.Subject, id, halt)
	m.update(id, func(a *registry.App) error { return a.Halt(by, halt) })
	*flag = halt
}

// revise publishes a manifest with other scopes.
func (m *model) revise() {
	id, scopes := pickOf(m, flowApps), m.some()
	m.note("the manifest of %s has %v", id, scopes)
	m.update(id, func(a *registry.App) error {
		next := a.Manifest
		next.Scopes = scopes
		return cmp.Or(a.Propose(developer, next), a.Submit(developer), a.Review(staff, true, ""), a.Publish(developer))
	})
	m.apps[id].scopes = scopes
}

// where picks an installation: mostly a tenant's.
func (m *model) where() place {
	return place{pickOf(m, flowApps), pickOf(m, flowTenants), pickOf(m, append(flowUsers, "", "", ""))}
}

// install allows an app some of what it asks for.
func (m *model) install() {
	p := m.where()
	if scopes := scope.Within(m.some(), m.apps[p.app].scopes); len(scopes) > 0 {
		m.note("%v is allowed %v", p, scopes)
		m.allow(p, scopes)
	}
}

func (m *model) allow(p place, scopes []string) {
	m.at(p, func(by registry.Actor, a *registry.App, i *registry.Installation) error {
		return i.Allow(by, a, scopes)
	}).allowed = scopes
}

// haltInstallation suspends or pauses an installation, or ends that.
func (m *model) haltInstallation() {
	p, halt, platform := m.where(), m.pick(2) == 0, m.pick(2) == 0
	m.note("%v is halted: %t, by the platform: %t", p, halt, platform)
	i := m.at(p, func(by registry.Actor, _ *registry.App, i *registry.Installation) error {
		if platform {
			by = staff
		}
		return i.Halt(by, halt)
	})
	if platform {
		i.suspended = halt
	} else {
		i.paused = halt
	}
}

// uninstall removes an installation, and with it every grant under it.
func (m *model) uninstall() {
	p := m.where()
	m.note("%v is removed", p)
	i := m.at(p, func(by registry.Actor, _ *registry.App, i *registry.Installation) error {
		if err := i.Remove(by); !errors.Is(err, registry.ErrState) {
			return err
		}
		return nil // it was removed before
	})
	i.allowed, i.paused, i.epoch = nil, false, m.next()
}

// oneHead checks that of all refresh tokens of a family one is good, and none of one that has ended or is
// halted. It asks about all of them before it uses any, for using a spent one ends the others.
func (m *model) oneHead(f *family) {
	heads, good := 0, 0
	if f.app != "spa" { // a public app may not ask
		for _, tok := range f.refresh {
			if _, answer := m.post(f.issuer, f.app, "/introspect", url.Values{"token": {tok}}); answer["active"] == true {
				heads++
			}
		}
	}
	for _, tok := range slices.Backward(slices.Clone(f.refresh)) {
		if status, _ := m.post(f.issuer, f.app, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok}}); status == 200 {
			good++
		}
	}
	most := 0
	if len(f.refresh) > 0 && m.lives(f) && m.now.Before(f.idleEnds) && len(m.effective(f.bond, f.scopes)) > 0 {
		most = 1
	}
	if max(heads, good) > most || good < most && !f.vague {
		m.fail("%d refresh tokens of %s are said to be good, %d are, want %d", heads, f, good, most)
	}
	m.heads += good
}

func FuzzFlows(f *testing.F) {
	keys := newKeys(f)
	for _, seed := range flowSeeds(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input []byte) { newModel(t, keys, input).play() })
}

// TestFlowsEndInHeads holds that the model sees good refresh tokens at the end, so that counting them says something.
func TestFlowsEndInHeads(t *testing.T) {
	keys, heads := newKeys(t), 0
	for _, input := range flowSeeds(50) {
		m := newModel(t, keys, input)
		m.play()
		heads += m.heads
	}
	if heads < 20 {
		t.Errorf("%d refresh tokens were good at the end of 50 runs", heads)
	}
}

func flowSeeds(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	seeds := make([][]byte, n)
	for i := range seeds {
		seeds[i] = make([]byte, 400)
		for j := range seeds[i] {
			seeds[i][j] = byte(r.Uint32())
		}
	}
	return seeds
}
