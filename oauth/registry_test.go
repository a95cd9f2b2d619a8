package oauth_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

const (
	home = "home" // the tenant of the app's developer
	acme = "acme"
)

var (
	developer = registry.Actor{Subject: "dev", Tenant: home}
	organizer = registry.Actor{Subject: "olga", Tenant: acme}
	staff     = registry.Actor{Subject: "staff", Staff: true}
)

// platform is a host whose apps are in a registry, on the store of the server.
type platform struct {
	*host
	*interceptor
	reg *registry.Registry
}

// newPlatform has one app, "app", with the scopes a, b, c and d, shared with other tenants, and one of the
// platform's own API, "rs".
func newPlatform(t testing.TB, change ...func(*registry.App)) *platform {
	t.Helper()
	p := &platform{interceptor: &interceptor{}}
	p.host = newHost(t, p.wrap, func(c *oauth.Config) {
		var err error
		if p.reg, err = registry.New(registry.Config{Store: c.Store, Now: c.Now}); err != nil {
			t.Fatal(err)
		}
		c.Apps = p.reg
	})
	app := &registry.App{ID: "app", Owner: developer.Subject, Tenant: home, Shared: true, Secrets: hashed(secret), Manifest: registry.Manifest{Name: "App",
		RedirectURIs: []string{callback}, Scopes: []string{"a", "b", "c", "d"}, GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}}}
	for _, f := range change {
		f(app)
	}
	must(t, p.reg.Create(t.Context(), app))
	must(t, p.reg.Create(t.Context(), &registry.App{ID: "rs", Secrets: hashed(secret), Policy: registry.Policy{MayIntrospect: true},
		Manifest: registry.Manifest{Name: "API", GrantTypes: []string{"client_credentials"}}}))
	return p
}

// install changes the installation of the app in acme.
func (p *platform) install(change func(*registry.App, *registry.Installation) error) {
	p.t.Helper()
	_, err := p.reg.Install(p.t.Context(), "app", acme, "", change)
	must(p.t, err)
}

func (p *platform) allow(scopes ...string) {
	p.t.Helper()
	p.install(func(a *registry.App, i *registry.Installation) error { return i.Allow(organizer, a, scopes) })
}

func (p *platform) update(change func(*registry.App) error) {
	p.t.Helper()
	_, err := p.reg.Update(p.t.Context(), "app", change)
	must(p.t, err)
}

// ask is an authorization request of the app for these scopes.
func (p *platform) ask(scopes ...string) url.Values {
	return p.request("app", "scope", strings.Join(scopes, " "), "redirect_uri", callback)
}

// enter gives a user of a tenant tokens for these scopes, by the whole flow.
func (p *platform) enter(tenant string, scopes ...string) reply {
	p.t.Helper()
	v := p.ask(scopes...)
	return p.exchange(v, p.signedInAs(oauth.Login{Subject: "alice", Tenant: tenant}).code(v)).want(p.t, 200, "")
}

// A token never carries more than request ∩ manifest ∩ installation ∩ consent, at any time: random sets of
// each, changed between the steps.
func TestScopesNeverExceed(t *testing.T) {
	all := []string{"a", "b", "c", "d"}
	rounds := 150
	if testing.Short() {
		rounds = 20
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	some := func(of []string) []string {
		for {
			var s []string
			for _, scope := range of {
				if random.IntN(3) > 0 {
					s = append(s, scope)
				}
			}
			if len(s) > 0 {
				return s
			}
		}
	}
	both := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
	}
	p := newPlatform(t)
	setManifest := func(scopes []string) {
		p.update(func(a *registry.App) error { a.Manifest.Scopes = scopes; return nil })
	}
	counts := make(map[string]int)
	// checkToken compares what a token says, where it says anything, with what it may.
	checkToken := func(step, tok string, want []string) {
		t.Helper()
		r := p.introspect("rs", tok).want(t, 200, "")
		if len(want) == 0 {
			inactive(t, r)
		} else if r.json["active"] != true || !sameSet(strings.Fields(r.str("scope")), want) {
			t.Errorf("%s: introspection says %s, want %q", step, r.body, want)
		}
		counts[step]++
	}
	for i := range rounds {
		subject := fmt.Sprint("user", i)
		manifest, consent := some(all), some(all)
		request := some([][]string{all, manifest, manifest, manifest}[random.IntN(4)])
		setManifest(all)
		installed := some(all)
		p.allow(installed...)
		setManifest(manifest)

		// The authorization: the page offers request ∩ manifest ∩ installation, of which the user leaves some.
		v := p.ask(request...)
		b := p.signedInAs(oauth.Login{Subject: subject, Tenant: acme})
		a := b.authorize(v)
		offered := both(both(request, manifest), installed)
		if len(both(request, manifest)) < len(request) || len(offered) == 0 {
			if got := a.location(t).Get("error"); got != "invalid_scope" {
				t.Errorf("round %d: got %q, want invalid_scope", i, got)
			}
			counts["refused"]++
			continue
		}
		_, action := a.form(t)
		a = b.do("POST", action, url.Values{"allow": {"yes"}, "scope": {strings.Join(consent, " ")}})
		granted := both(offered, consent)
		code := a.location(t).Get("code")
		if (code != "") != (len(granted) > 0) {
			t.Fatalf("round %d: offered %q, consented to %q, got %v", i, offered, consent, a.location(t))
		}
		if code == "" {
			continue
		}

		// The exchange, after everything has changed once more.
		manifest, installed = some(all), some(all)
		setManifest(all)
		p.allow(installed...)
		setManifest(manifest)
		want := both(both(granted, manifest), installed)
		r := p.exchange(v, code)
		if len(want) == 0 {
			r.want(t, 400, "invalid_scope")
			continue
		}
		if r.want(t, 200, ""); !sameSet(strings.Fields(r.str("scope")), want) {
			t.Errorf("round %d: the exchange answered %q, want %q", i, r.str("scope"), want)
		}
		checkToken("exchange", r.str("access_token"), want)
		carries := want

		// A refresh that asks for some, and a token from before, once more.
		manifest, installed = some(all), some(all)
		setManifest(all)
		p.allow(installed...)
		setManifest(manifest)
		checkToken("introspection", r.str("access_token"), both(both(carries, manifest), installed))
		asked := some([][]string{all, granted}[random.IntN(2)])
		r2 := p.refresh("app", r.str("refresh_token"), "scope", strings.Join(asked, " "))
		want = both(both(asked, manifest), installed)
		switch {
		case len(both(asked, granted)) < len(asked) || len(want) == 0:
			r2.want(t, 400, "invalid_scope")
			counts["refresh refused"]++
		default:
			if r2.want(t, 200, ""); !sameSet(strings.Fields(r2.str("scope")), want) {
				t.Errorf("round %d: the refresh answered %q, want %q", i, r2.str("scope"), want)
			}
			checkToken("refresh", r2.str("access_token"), want)
		}
	}
	if !testing.Short() {
		for _, step := range []string{"refused", "exchange", "introspection", "refresh", "refresh refused"} {
			if counts[step] == 0 {
				t.Errorf("no round came to: %s", step)
			}
		}
	}
}

// What ends or halts a grant takes effect at the next refresh and introspection, in one write.
func TestPlatformEnds(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		name   string
		end    func(*platform) error
		status int // of the next refresh
		code   string
		revive func(*platform) error // nil: it is over
	}{
		{"suspending the app", func(p *platform) error {
			_, err := p.reg.Update(ctx, "app", func(a *registry.App) error { return a.Halt(staff, true) })
			return err
		}, 401, "invalid_client", func(p *platform) error {
			_, err := p.reg.Update(ctx, "app", func(a *registry.App) error { return a.Halt(staff, false) })
			return err
		}},
		{"pausing the app", func(p *platform) error {
			_, err := p.reg.Update(ctx, "app", func(a *registry.App) error { return a.Halt(developer, true) })
			return err
		}, 401, "invalid_client", func(p *platform) error {
			_, err := p.reg.Update(ctx, "app", func(a *registry.App) error { return a.Halt(developer, false) })
			return err
		}},
		{"deleting the app", func(p *platform) error {
			_, err := p.reg.Update(ctx, "app", func(a *registry.App) error { return a.Delete(developer) })
			return err
		}, 401, "invalid_client", nil},
		{"ending the app's grants", func(p *platform) error {
			_, err := p.reg.Update(ctx, "app", func(a *registry.App) error { return a.EndGrants(developer) })
			return err
		}, 400, "invalid_grant", nil},
		{"suspending the installation", func(p *platform) error {
			_, err := p.reg.Install(ctx, "app", acme, "", func(_ *registry.App, i *registry.Installation) error { return i.Halt(staff, true) })
			return err
		}, 400, "invalid_grant", func(p *platform) error {
			_, err := p.reg.Install(ctx, "app", acme, "", func(_ *registry.App, i *registry.Installation) error { return i.Halt(staff, false) })
			return err
		}},
		{"pausing the installation", func(p *platform) error {
			_, err := p.reg.Install(ctx, "app", acme, "", func(_ *registry.App, i *registry.Installation) error { return i.Halt(organizer, true) })
			return err
		}, 400, "invalid_grant", func(p *platform) error {
			_, err := p.reg.Install(ctx, "app", acme, "", func(_ *registry.App, i *registry.Installation) error { return i.Halt(organizer, false) })
			return err
		}},
		{"removing the installation", func(p *platform) error {
			_, err := p.reg.Install(ctx, "app", acme, "", func(_ *registry.App, i *registry.Installation) error { return i.Remove(organizer) })
			return err
		}, 400, "invalid_grant", nil},
		{"an installation of the user's own in its place", func(p *platform) error {
			_, err := p.reg.Install(ctx, "app", acme, "alice", func(a *registry.App, i *registry.Installation) error {
				return i.Allow(registry.Actor{Subject: "alice", Tenant: acme}, a, []string{"a", "b", "c"})
			})
			return err
		}, 400, "invalid_grant", nil},
		{"withdrawing the consent", func(p *platform) error {
			return p.srv.Disconnect(ctx, oauth.Consent{Subject: "alice", Tenant: acme, App: "app"})
		}, 400, "invalid_grant", nil},
		{"ending the subject", func(p *platform) error { return p.srv.EndSubject(ctx, "alice") }, 400, "invalid_grant", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlatform(t)
			p.allow("a", "b", "c")
			r := p.enter(acme, "a", "b")
			if !p.active(r.str("access_token")) {
				t.Fatal("inactive from the start")
			}
			before := p.writes.Load()
			must(t, tt.end(p))
			if n := p.writes.Load() - before; n != 1 {
				t.Errorf("%d writes, want 1", n)
			}
			gone := func() {
				t.Helper()
				p.refresh("app", r.str("refresh_token")).want(t, tt.status, tt.code)
				inactive(t, p.introspect("rs", r.str("access_token")))
				if p.active(r.str("access_token")) {
					t.Error("active in process")
				}
			}
			gone()
			if tt.revive != nil {
				must(t, tt.revive(p))
				if !p.active(r.str("access_token")) {
					t.Error("the access token did not come back")
				}
				p.refresh("app", r.str("refresh_token")).want(t, 200, "")
				return
			}
			if tt.code == "invalid_grant" {
				// Whatever is allowed anew, the old grant stays over; a new one is a new one.
				p.allow("a", "b", "c")
				gone()
				r2 := p.enter(acme, "a", "b")
				gone()
				p.refresh("app", r2.str("refresh_token")).want(t, 200, "")
			}
		})
	}
	t.Run("cutting a secret short", func(t *testing.T) {
		p := newPlatform(t)
		p.allow("a", "b")
		r := p.enter(acme, "a")
		var next string
		p.update(func(a *registry.App) error {
			var s registry.Secret
			next, s = registry.NewSecret(p.clock())
			return a.AddSecret(developer, s, 0)
		})
		r = p.refresh("app", r.str("refresh_token")).want(t, 200, "") // the old one, in the overlap
		before := p.writes.Load()
		p.update(func(a *registry.App) error { return a.RemoveSecret(developer, "1", p.clock()) })
		if n := p.writes.Load() - before; n != 1 {
			t.Errorf("%d writes, want 1", n)
		}
		p.refresh("app", r.str("refresh_token")).want(t, 401, "invalid_client")
		p.introspect("app", r.str("access_token")).want(t, 401, "invalid_client")
		if !p.active(r.str("access_token")) {
			t.Error("the access token ended with the secret that it was not made of")
		}
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.str("refresh_token")}}
		p.raw("/token", map[string][]string{"Authorization": {basic("app", next)}}, form.Encode()).want(t, 200, "")
	})
	t.Run("narrowing the installation", func(t *testing.T) {
		p := newPlatform(t)
		p.allow("a", "b")
		r := p.enter(acme, "a", "b")
		before := p.writes.Load()
		p.allow("b", "c")
		if n := p.writes.Load() - before; n != 1 {
			t.Errorf("%d writes, want 1", n)
		}
		if got := p.introspect("rs", r.str("access_token")).str("scope"); got != "b" {
			t.Errorf("introspection says %q, want b", got)
		}
		r2 := p.refresh("app", r.str("refresh_token")).want(t, 200, "")
		if r2.str("scope") != "b" {
			t.Errorf("the refresh answered %q, want b", r2.str("scope"))
		}
		p.allow("a", "b", "c", "d")
		if r3 := p.refresh("app", r2.str("refresh_token")).want(t, 200, ""); r3.str("scope") != "a b" {
			t.Errorf("widened again, the refresh answered %q, want what was granted", r3.str("scope"))
		}
	})
}

func TestPlatformWhereInstalled(t *testing.T) {
	p := newPlatform(t)
	authorize := func(tenant string) answer {
		return p.signedInAs(oauth.Login{Subject: "alice", Tenant: tenant}).authorize(p.ask("a"))
	}
	t.Run("nowhere but at home, and where there is no tenant", func(t *testing.T) {
		if got := authorize(acme).location(t).Get("error"); got != "access_denied" {
			t.Errorf("in another tenant: got %q, want access_denied", got)
		}
		for _, tenant := range []string{home, ""} {
			if r := p.enter(tenant, "a"); p.claims(r.str("access_token")).Tenant != tenant {
				t.Errorf("the token is for the tenant %q, want %q", p.claims(r.str("access_token")).Tenant, tenant)
			}
		}
		_, err := p.srv.Issue(t.Context(), "app", oauth.Approval{Login: &oauth.Login{Subject: "alice", Tenant: acme, Time: p.clock()}})
		if err == nil {
			t.Error("Issue started a grant in a tenant without the app")
		}
	})
	t.Run("everywhere, if it is first party", func(t *testing.T) {
		p := newPlatform(t, func(a *registry.App) { a.Policy.FirstParty = true })
		r := p.enter(acme, "a", "b", "c", "d")
		if r.str("scope") != "a b c d" {
			t.Errorf("got %q", r.str("scope"))
		}
		p.allow("a") // an installation rules all the same
		if r := p.refresh("app", r.str("refresh_token")); r.StatusCode == 200 {
			t.Errorf("a grant from before the installation goes on: %s", r.body)
		}
		if r := p.enter(acme, "a", "b"); r.str("scope") != "a" {
			t.Errorf("got %q, want a", r.str("scope"))
		}
	})
	t.Run("at home within an installation, if there is one", func(t *testing.T) {
		p := newPlatform(t)
		_, err := p.reg.Install(t.Context(), "app", home, "", func(a *registry.App, i *registry.Installation) error {
			return i.Allow(registry.Actor{Subject: "boss", Tenant: home}, a, []string{"b"})
		})
		must(t, err)
		if r := p.enter(home, "a", "b"); r.str("scope") != "b" {
			t.Errorf("got %q, want b", r.str("scope"))
		}
	})
}

func TestPlatformClientCredentials(t *testing.T) {
	p := newPlatform(t)
	ask := func(set ...string) reply { return p.post("app", "/token", with(url.Values(cloneForm(ccForm)), set...)) }

	r := ask().want(t, 200, "")
	if r.str("scope") != "a b c d" || p.claims(r.str("access_token")).Tenant != "" {
		t.Errorf("without tenant: %s", r.body)
	}
	r = ask("tenant", home).want(t, 200, "")
	if p.claims(r.str("access_token")).Tenant != home {
		t.Errorf("at home: %+v", p.claims(r.str("access_token")))
	}
	ask("tenant", acme).want(t, 400, "invalid_grant")
	p.allow("a", "b")
	r = ask("tenant", acme).want(t, 200, "")
	if r.str("scope") != "a b" || p.claims(r.str("access_token")).Tenant != acme {
		t.Errorf("where it is installed: %s", r.body)
	}
	if r := ask("tenant", acme, "scope", "b c").want(t, 200, ""); r.str("scope") != "b" {
		t.Errorf("got %q, want b", r.str("scope"))
	}
	ask("tenant", acme, "scope", "c d").want(t, 400, "invalid_scope")
	ask("tenant", acme, "scope", "a e").want(t, 400, "invalid_scope")

	tok := r.str("access_token")
	p.allow("b")
	if got := p.introspect("rs", tok); got.str("scope") != "b" || got.str("tenant") != acme {
		t.Errorf("narrowed, introspection says %s", got.body)
	}
	p.install(func(_ *registry.App, i *registry.Installation) error { return i.Halt(organizer, true) })
	inactive(t, p.introspect("rs", tok))
	ask("tenant", acme).want(t, 400, "invalid_grant")
	p.install(func(_ *registry.App, i *registry.Installation) error { return i.Halt(organizer, false) })
	if !p.active(tok) {
		t.Error("resuming did not revive the token")
	}
	p.install(func(_ *registry.App, i *registry.Installation) error { return i.Remove(organizer) })
	inactive(t, p.introspect("rs", tok))
	p.allow("a", "b")
	inactive(t, p.introspect("rs", tok))
}

func cloneForm(v url.Values) map[string][]string {
	c := make(map[string][]string)
	for name, values := range v {
		c[name] = slices.Clone(values)
	}
	return c
}

// A tenant sent with a code or a refresh token must be the grant's.
func TestPlatformTenantParameter(t *testing.T) {
	p := newPlatform(t)
	p.allow("a")
	v := p.ask("a")
	code := p.signedInAs(oauth.Login{Subject: "alice", Tenant: acme}).code(v)
	p.exchange(v, code, "tenant", home).want(t, 400, "invalid_grant")
	r := p.exchange(v, code, "tenant", acme).want(t, 200, "")
	p.refresh("app", r.str("refresh_token"), "tenant", home).want(t, 400, "invalid_grant")
	p.refresh("app", r.str("refresh_token"), "tenant", acme).want(t, 200, "")
}

// TestCallsOfTheStore counts what a request costs where an installation applies.
func TestCallsOfTheStore(t *testing.T) {
	p := newPlatform(t)
	p.allow("a")
	v := p.ask("a")
	code := p.signedInAs(oauth.Login{Subject: "alice", Tenant: acme}).code(v)
	var r reply
	cost := func(name string, reads, writes int64, f func()) {
		t.Helper()
		before, beforeWrites := p.reads.Load(), p.writes.Load()
		f()
		if got, gotWrites := p.reads.Load()-before, p.writes.Load()-beforeWrites; got != reads || gotWrites != writes {
			t.Errorf("%s cost %d reads and %d writes, want %d and %d", name, got, gotWrites, reads, writes)
		}
	}
	cost("a code exchange", 4, 1, func() { r = p.exchange(v, code).want(t, 200, "") })
	cost("a refresh", 4, 1, func() { p.refresh("app", r.str("refresh_token")).want(t, 200, "") })
	cost("a retry", 4, 0, func() { p.refresh("app", r.str("refresh_token")).want(t, 200, "") })
	cost("introspection in process", 4, 0, func() { p.active(r.str("access_token")) })
}
