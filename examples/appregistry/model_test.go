package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/store/memory"
)

// world is what random actors have done so far, told by the rules of the service and not by its records.
type world struct {
	t       *testing.T
	r       *rand.Rand
	s       *server
	actors  []*actor
	apps    []*modelApp
	tokens  []*issued
	trace   []string       // the last steps, for the log of a failure
	success map[string]int // of each step
}

type actor struct {
	*caller
	email, tenant, role string
}

func (a *actor) staff() bool { return a.role == "admin" || a.role == "super_admin" }

type modelApp struct {
	id, owner, tenant          string
	secrets, spent             []string // that are good, the oldest first; and those that were
	live, draft                modelManifest
	published                  bool
	state, author, reviewer    string // of the revision; state "" is none
	shared                     bool
	paused, suspended, deleted bool
	installs                   map[string]*modelInstall // by tenant
	consents                   map[string][]string      // by subject
	ended                      map[string]int           // how often a subject disconnected it
}

// String names the app in the log of a failure.
func (a *modelApp) String() string {
	if a == nil {
		return "no app"
	}
	return a.id
}

type modelManifest struct{ scopes, grants []string }

type modelInstall struct {
	allowed           []string
	paused, suspended bool
	known             bool // it was written
	requested         bool // scopes that nobody has decided on
	ended             int  // how often it was uninstalled
}

// issued is a token that somebody holds.
type issued struct {
	app             *modelApp
	tenant, subject string // subject "": the app itself
	asked           []string
	access, refresh string
	under           under
}

// under is what a token is given under: which of the app's installations, and which of a subject's consents.
type under struct{ installation, consent int }

// under is that of a token given now. An app in its own organisation needs no installation, but obeys one.
func (a *modelApp) under(tenant, subject string) under {
	u := under{-1, a.ended[subject]}
	if i := a.install(tenant); len(i.allowed) > 0 || i.suspended {
		u.installation = i.ended
	}
	return u
}

// over reports whether what the token was given under has ended since, whatever has begun anew.
func (i *issued) over() bool { return i.app.deleted || i.app.under(i.tenant, i.subject) != i.under }

var (
	everyScope = []string{"s1", "s2", "s3", "s4"}
	everyGrant = []string{"refresh_token", "client_credentials"} // beside authorization_code
)

const appRedirect = "https://app.example/cb"

func newWorld(t *testing.T, seed uint64) *world {
	conf := demonstration()
	conf.Keys = []string{"ES256"} // which signs faster
	conf.Scopes = map[string]string{"read:events": "x", "write:events": "x"}
	for _, s := range everyScope {
		conf.Scopes[s] = "words of " + s
	}
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), success: make(map[string]int)}
	for _, tenant := range []string{"t1", "t2"} {
		for _, role := range []string{"user", "developer", "organizer", "admin", "super_admin"} {
			u := user{Email: role + "@" + tenant, Password: "x", Tenant: tenant, Roles: []string{role}}
			conf.Users = append(conf.Users, u)
			w.actors = append(w.actors, &actor{email: u.Email, tenant: tenant, role: role})
		}
	}
	s, address := serveOn(t, conf, memory.New(), "")
	w.s = s
	for _, a := range w.actors {
		a.caller = s.as(t, address, a.email)
	}
	return w
}

// some returns a random part of all.
func (w *world) some(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(string) bool { return w.r.IntN(3) == 0 })
}

func pick[T any](w *world, all []T) T { return all[w.r.IntN(len(all))] }

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

func (a *modelApp) install(tenant string) *modelInstall {
	if a.installs[tenant] == nil {
		a.installs[tenant] = new(modelInstall)
	}
	return a.installs[tenant]
}

// bound is all that a token of the app may have in a tenant for a subject, nil if it may have none.
func (a *modelApp) bound(tenant, subject string) []string {
	if !a.published || a.deleted || a.paused || a.suspended {
		return nil
	}
	bound := a.live.scopes
	i := a.install(tenant)
	switch {
	case tenant == "":
	case i.suspended || i.paused:
		return nil
	case len(i.allowed) > 0:
		bound = without(bound, without(bound, i.allowed))
	case tenant != a.tenant:
		return nil
	}
	if subject != "" {
		bound = without(bound, without(bound, a.consents[subject]))
	}
	return bound
}

// secret is one of the app's, and now and then one that is good no more.
func (a *modelApp) secret(w *world) (secret string, good bool) {
	if n := len(a.spent); n > 0 && w.r.IntN(4) == 0 {
		return pick(w, a.spent[max(0, n-2):]), false
	}
	return pick(w, a.secrets), true
}

// keep leaves the app the secrets from one to another, and one more.
func (a *modelApp) keep(from, to int, more ...string) {
	kept := append(slices.Clone(a.secrets[from:to]), more...)
	a.spent = append(a.spent, without(a.secrets, kept)...)
	a.secrets = kept
}

// manifest draws what a developer may ask for: scopes, some at least, for an app of none gets tokens of none.
func (w *world) manifest() modelManifest {
	scopes := w.some(everyScope)
	if len(scopes) == 0 {
		scopes = everyScope[:1]
	}
	return modelManifest{scopes, append([]string{"authorization_code"}, w.some(everyGrant)...)}
}

// hold keeps a new token.
func (w *world) hold(i *issued, got got) {
	i.access, _ = got.body["access_token"].(string)
	i.refresh, _ = got.body["refresh_token"].(string)
	w.tokens = append(w.tokens, i)
	w.check(i, strings.Fields(got.body["scope"].(string)), "is given")
	w.tokens = w.tokens[max(0, len(w.tokens)-40):]
}

// check holds the scopes of a token to what was asked, the live manifest, the installation and the consent.
func (w *world) check(i *issued, scopes []string, how string) {
	w.t.Helper()
	if i.over() {
		w.t.Fatalf("a token of %s in %q for %q %s %q, after what it was given under has ended\n%s", i.app.id, i.tenant, i.subject, how, scopes,
			strings.Join(w.trace, "\n"))
	}
	if !subset(scopes, i.asked) || !subset(scopes, i.app.bound(i.tenant, i.subject)) {
		w.t.Fatalf("a token of %s in %q for %q %s %q; asked %q, bound %q\n%s", i.app.id, i.tenant, i.subject, how, scopes,
			i.asked, i.app.bound(i.tenant, i.subject), strings.Join(w.trace, "\n"))
	}
}
