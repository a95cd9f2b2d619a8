package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/pkce"
)

// step is something that an actor tries. It returns the answer's status, whether the rules allow it, and
// what it changes if it succeeds.
type step struct {
	name, group string
	try         func(w *world, by *actor, a *modelApp) (status int, allowed bool, apply func())
}

// on is a step that is a POST without a body below the app's path.
func on(name, group, path string, allowed func(by *actor, a *modelApp) bool, apply func(by *actor, a *modelApp)) step {
	return step{name, group, func(w *world, by *actor, a *modelApp) (int, bool, func()) {
		body := any(nil)
		if name == "reject" {
			body = map[string]string{"note": "No."}
		}
		got := by.do("POST", "/app-registry/v1"+fmt.Sprintf(path, a.id), body)
		return got.status, allowed(by, a), func() { apply(by, a) }
	}}
}

// installStep is a step on the installation of an app in the actor's tenant.
func installStep(name, method, path string, pick func(w *world, i *modelInstall) []string, allowed func(by *actor, a *modelApp, i *modelInstall, scopes []string) bool, apply func(by *actor, i *modelInstall, scopes []string)) step {
	return step{name, "installations", func(w *world, by *actor, a *modelApp) (int, bool, func()) {
		i := a.install(by.tenant)
		var scopes []string
		var body any
		if pick != nil {
			scopes = pick(w, i)
			body = map[string]any{"scopes": scopes}
		}
		target := "/app-registry/v1/installations"
		if path == "" {
			body = map[string]any{"client_id": a.id, "scopes": scopes}
		} else {
			target += strings.TrimSuffix("/"+a.id+path, "/")
		}
		got := by.do(method, target, body)
		return got.status, allowed(by, a, i, scopes), func() {
			i.known = true
			apply(by, i, scopes)
		}
	}}
}

func visible(by *actor, a *modelApp) bool { return !a.deleted && (by.email == a.owner || by.staff()) }

// judges reports whether an actor may judge the revision of the app.
func judges(by *actor, a *modelApp) bool {
	return !a.deleted && by.staff() && a.state == "submitted" && by.email != a.owner && by.email != a.author
}

// knows reports whether the app can be met in the tenant.
func knows(a *modelApp, i *modelInstall, tenant string) bool {
	return a.published && !a.deleted && (a.tenant == tenant || a.shared || i.known)
}

var steps = []step{
	{"create", "apps", func(w *world, by *actor, _ *modelApp) (int, bool, func()) {
		n := &modelApp{owner: by.email, tenant: by.tenant, state: "draft", author: by.email, draft: w.manifest(),
			installs: make(map[string]*modelInstall), consents: make(map[string][]string), ended: make(map[string]int)}
		got := by.do("POST", "/app-registry/v1/apps", map[string]any{"client_name": "App", "redirect_uris": []string{appRedirect}, "scopes": n.draft.scopes,
			"token_endpoint_auth_method": "client_secret_post", "grant_types": n.draft.grants})
		return got.status, true, func() {
			data := got.body["data"].(map[string]any)
			n.id, n.secrets = data["client_id"].(string), []string{data["client_secret"].(string)}
			w.apps = append(w.apps, n)
		}
	}},
	{"edit", "apps", func(w *world, by *actor, a *modelApp) (int, bool, func()) {
		m := w.manifest()
		got := by.do("PATCH", "/app-registry/v1/apps/"+a.id, map[string]any{"scopes": m.scopes, "grant_types": m.grants})
		return got.status, visible(by, a) && a.state != "submitted" && a.state != "approved", func() {
			a.draft, a.state, a.author, a.reviewer = m, "draft", by.email, ""
		}
	}},
	on("submit", "apps", "/apps/%s/submit", func(by *actor, a *modelApp) bool { return visible(by, a) && a.state == "draft" },
		func(by *actor, a *modelApp) { a.state, a.reviewer = "submitted", "" }),
	on("withdraw", "apps", "/apps/%s/withdraw", func(by *actor, a *modelApp) bool { return visible(by, a) && a.state != "" },
		func(by *actor, a *modelApp) { a.state = "" }),
	on("pause", "apps", "/apps/%s/pause", func(by *actor, a *modelApp) bool { return !a.deleted && by.email == a.owner },
		func(by *actor, a *modelApp) { a.paused = true }),
	on("resume", "apps", "/apps/%s/resume", func(by *actor, a *modelApp) bool { return !a.deleted && by.email == a.owner },
		func(by *actor, a *modelApp) { a.paused = false }),
	on("claim", "admin", "/admin/apps/%s/claim", judges, func(by *actor, a *modelApp) { a.reviewer = by.email }),
	on("approve", "admin", "/admin/apps/%s/approve",
		func(by *actor, a *modelApp) bool {
			return judges(by, a) && (a.reviewer == "" || a.reviewer == by.email)
		},
		func(by *actor, a *modelApp) { a.state = "approved" }),
	on("reject", "admin", "/admin/apps/%s/reject",
		func(by *actor, a *modelApp) bool {
			return judges(by, a) && (a.reviewer == "" || a.reviewer == by.email)
		},
		func(by *actor, a *modelApp) { a.state = "rejected" }),
	on("publish", "admin", "/admin/apps/%s/publish", func(by *actor, a *modelApp) bool { return visible(by, a) && a.state == "approved" },
		func(by *actor, a *modelApp) {
			a.shared = a.shared || !a.published // as it was, once it is published
			a.live, a.published, a.state = a.draft, true, ""
		}),
	on("suspend", "admin", "/admin/apps/%s/suspend", func(by *actor, a *modelApp) bool { return visible(by, a) && by.email != a.owner },
		func(by *actor, a *modelApp) { a.suspended = true }),
	on("reinstate", "admin", "/admin/apps/%s/reinstate", func(by *actor, a *modelApp) bool { return visible(by, a) && by.email != a.owner },
		func(by *actor, a *modelApp) { a.suspended = false }),
	{"delete", "apps", func(w *world, by *actor, a *modelApp) (int, bool, func()) {
		got := by.do("DELETE", "/app-registry/v1/apps/"+a.id, nil)
		return got.status, visible(by, a), func() { a.deleted, a.state = true, "" }
	}},

	{"rotate", "developer", func(w *world, by *actor, a *modelApp) (int, bool, func()) {
		overlap := w.r.IntN(3) * 3600
		got := by.do("POST", "/app-registry/v1/developer/apps/"+a.id+"/secret-rotation", map[string]int{"overlap_seconds": overlap})
		return got.status, visible(by, a) && by.email == a.owner && (overlap == 0 || len(a.secrets) == 1), func() {
			secret := got.body["data"].(map[string]any)["client_secret"].(string)
			if overlap == 0 {
				a.keep(0, 0, secret)
			} else {
				a.keep(0, 1, secret)
			}
		}
	}},
	on("complete", "developer", "/developer/apps/%s/secret-rotation/complete",
		func(by *actor, a *modelApp) bool { return visible(by, a) && by.email == a.owner && len(a.secrets) == 2 }, func(by *actor, a *modelApp) { a.keep(1, 2) }),
	on("cancel", "developer", "/developer/apps/%s/secret-rotation/cancel",
		func(by *actor, a *modelApp) bool { return visible(by, a) && by.email == a.owner && len(a.secrets) == 2 }, func(by *actor, a *modelApp) { a.keep(0, 1) }),

	installStep("request", "POST", "", func(w *world, i *modelInstall) []string { return w.some(everyScope) },
		func(by *actor, a *modelApp, i *modelInstall, scopes []string) bool {
			return knows(a, i, by.tenant) && len(scopes) > 0 && subset(scopes, a.live.scopes)
		},
		func(by *actor, i *modelInstall, scopes []string) { i.requested = true }),
	installStep("request more", "PATCH", "/", func(w *world, i *modelInstall) []string { return w.some(everyScope) },
		func(by *actor, a *modelApp, i *modelInstall, scopes []string) bool {
			return i.known && len(scopes) > 0 && subset(scopes, a.live.scopes)
		},
		func(by *actor, i *modelInstall, scopes []string) { i.requested = true }),
	installStep("refuse", "POST", "/refuse", nil,
		func(by *actor, a *modelApp, i *modelInstall, _ []string) bool { return i.requested },
		func(by *actor, i *modelInstall, _ []string) { i.requested = false }),
	installStep("allow", "POST", "/approve", func(w *world, i *modelInstall) []string { return w.some(everyScope) },
		func(by *actor, a *modelApp, i *modelInstall, scopes []string) bool {
			return knows(a, i, by.tenant) && len(scopes) > 0 && subset(scopes, a.live.scopes)
		},
		func(by *actor, i *modelInstall, scopes []string) { i.allowed, i.requested = scopes, false }),
	installStep("narrow", "POST", "/narrow", func(w *world, i *modelInstall) []string { return w.some(i.allowed) },
		func(by *actor, a *modelApp, i *modelInstall, scopes []string) bool {
			return len(scopes) > 0 && subset(scopes, i.allowed) && subset(scopes, a.live.scopes)
		},
		func(by *actor, i *modelInstall, scopes []string) { i.allowed, i.requested = scopes, false }),
	installStep("halt", "POST", "/suspend", nil,
		func(by *actor, a *modelApp, i *modelInstall, _ []string) bool { return i.known },
		func(by *actor, i *modelInstall, _ []string) {
			if by.staff() {
				i.suspended = true
			} else {
				i.paused = true
			}
		}),
	installStep("proceed", "POST", "/resume", nil,
		func(by *actor, a *modelApp, i *modelInstall, _ []string) bool { return i.known },
		func(by *actor, i *modelInstall, _ []string) {
			if by.staff() {
				i.suspended = false
			} else {
				i.paused = false
			}
		}),
	installStep("uninstall", "DELETE", "/", nil,
		func(by *actor, a *modelApp, i *modelInstall, _ []string) bool { return i.known },
		func(by *actor, i *modelInstall, _ []string) {
			i.allowed, i.paused, i.requested = nil, false, false
			i.ended++
		}),

	{"let in", "installations", letIn}, // the roles of the consent page are the same
	{"deny", "installations", func(w *world, by *actor, a *modelApp) (int, bool, func()) {
		request := codeRequest(a.id, appRedirect, pkce.NewVerifier(), "s1 s2")
		request.Set("prompt", "consent")
		denied := false
		_, to := w.authorize(by, request, func([]string) url.Values {
			denied = true
			return url.Values{"decision": {"deny"}, "scope": {"s1", "s2"}}
		})
		switch {
		case to.Has("code"):
			w.t.Fatalf("%s denied %s, which was given a code\n%s", by.email, a.id, strings.Join(w.trace, "\n"))
		case !denied || to.Get("error") != "access_denied":
			return http.StatusTeapot, false, nil
		}
		return http.StatusOK, true, func() {}
	}},
	{"disconnect", "", func(w *world, by *actor, a *modelApp) (int, bool, func()) {
		if err := w.s.oauth.Disconnect(w.t.Context(), oauth.Consent{Subject: by.email, Tenant: by.tenant, App: a.id}); err != nil {
			w.t.Fatal(err)
		}
		return http.StatusOK, true, func() {
			delete(a.consents, by.email)
			a.ended[by.email]++
		}
	}},
	{"act for itself", "", func(w *world, by *actor, a *modelApp) (int, bool, func()) {
		tenant, asked := pick(w, []string{"", "t1", "t2"}), w.some(everyScope)
		secret, good := a.secret(w)
		got := (&caller{t: w.t, address: by.address}).do("POST", oauthPaths.Token, map[string]string{
			"grant_type": "client_credentials", "client_id": a.id, "client_secret": secret, "tenant": tenant, "scope": strings.Join(asked, " ")})
		if len(asked) == 0 {
			asked = everyScope
		}
		may := good && a.bound(tenant, "") != nil && slices.Contains(a.live.grants, "client_credentials")
		return got.status, may, func() { w.hold(&issued{app: a, tenant: tenant, asked: asked, under: a.under(tenant, "")}, got) }
	}},
	{"refresh", "", func(w *world, by *actor, a *modelApp) (int, bool, func()) {
		held := slices.DeleteFunc(slices.Clone(w.tokens), func(i *issued) bool { return i.refresh == "" || i.app != a })
		if len(held) == 0 {
			return http.StatusTeapot, false, nil
		}
		last := pick(w, held)
		secret, good := a.secret(w)
		got := (&caller{t: w.t, address: by.address}).do("POST", oauthPaths.Token, map[string]string{
			"grant_type": "refresh_token", "client_id": a.id, "client_secret": secret, "refresh_token": last.refresh})
		may := good && !last.over() && a.bound(last.tenant, last.subject) != nil && slices.Contains(a.live.grants, "refresh_token")
		return got.status, may, func() {
			next := *last
			last.refresh = ""
			w.hold(&next, got)
		}
	}},
}

// authorize asks for a code. If a page is shown it posts what decide says to the scopes on it, which it returns.
// Answer is what the app is told; nil: nothing.
func (w *world) authorize(by *actor, request url.Values, decide func(shown []string) url.Values) (shown []string, answer url.Values) {
	send := func(method, target string, form url.Values, cookies []*http.Cookie) *http.Response {
		r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
		r.Header.Set("Authorization", "Bearer "+by.token)
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for _, c := range cookies {
			r.AddCookie(c)
		}
		rec := httptest.NewRecorder()
		w.s.ServeHTTP(rec, r)
		return rec.Result()
	}
	page := read(w.t, send("GET", oauthPaths.Authorize+"?"+request.Encode(), nil, nil), nil)
	if page.StatusCode == http.StatusOK {
		for _, s := range everyScope {
			if strings.Contains(page.body, `value="`+s+`"`) {
				shown = append(shown, s)
			}
		}
		action := formAction.FindStringSubmatch(page.body)
		if action == nil {
			w.t.Fatalf("the page has no form:\n%s", page.body)
		}
		page = read(w.t, send("POST", strings.ReplaceAll(action[1], "&amp;", "&"), decide(shown), page.Cookies()), nil)
	}
	to, err := page.Location()
	if err != nil {
		return shown, nil
	}
	return shown, to.Query()
}

// letIn goes through the consent page and spends the code.
func letIn(w *world, by *actor, a *modelApp) (int, bool, func()) {
	asked, verifier := w.some(everyScope), pkce.NewVerifier()
	var ticked []string
	shown, to := w.authorize(by, codeRequest(a.id, appRedirect, verifier, strings.Join(asked, " ")), func(shown []string) url.Values {
		ticked = w.some(shown)
		return url.Values{"decision": {"allow"}, "scope": ticked}
	})
	if !to.Has("code") {
		return http.StatusBadRequest, false, nil
	}
	a.consents[by.email] = append(without(a.consents[by.email], shown), ticked...)
	secret, good := a.secret(w)
	got := (&caller{t: w.t, address: by.address}).do("POST", oauthPaths.Token, map[string]string{
		"grant_type": "authorization_code", "client_id": a.id, "client_secret": secret,
		"redirect_uri": appRedirect, "code": to.Get("code"), "code_verifier": verifier})
	return got.status, good && len(asked) > 0 && a.bound(by.tenant, by.email) != nil, func() {
		w.hold(&issued{app: a, tenant: by.tenant, subject: by.email, asked: asked, under: a.under(by.tenant, by.email)}, got)
	}
}

// often is how many times as often as others a step is tried, so that apps get far and are not always halted.
var often = map[string]int{"edit": 2, "submit": 6, "claim": 2, "approve": 8, "publish": 8, "resume": 4, "reinstate": 4, "proceed": 4,
	"allow": 6, "narrow": 3, "let in": 20, "act for itself": 8, "refresh": 20, "request": 4, "request more": 8, "refuse": 4, "deny": 2,
	"reject": 2, "halt": 2, "uninstall": 2, "rotate": 2, "complete": 3, "cancel": 2}

// next picks a step, an app that it mostly fits, and an actor who mostly has the role for it.
func (w *world) next() (step, *actor, *modelApp) {
	var weighted []step
	for _, st := range steps {
		rare := st.name == "delete" && w.r.IntN(4) > 0 || st.name == "create" && len(w.apps) >= 3 && w.r.IntN(10) > 0
		for range max(1, often[st.name]) {
			if !rare {
				weighted = append(weighted, st)
			}
		}
	}
	st := pick(w, weighted)
	if len(w.apps) == 0 {
		return steps[0], pick(w, w.actors), nil
	}
	a := pick(w, w.apps[max(0, len(w.apps)-3):])
	for range 4 {
		if (st.group == "installations" || st.group == "") && a.bound("", "") == nil {
			a = pick(w, w.apps) // one that may act, as a rule
		}
	}
	by := pick(w, w.actors)
	for range 3 {
		if st.group != "" && !slices.Contains(allowed[st.group], by.role) || st.group == "apps" && by.email != a.owner {
			by = pick(w, w.actors)
		}
	}
	if (st.group == "apps" || st.group == "developer") && w.r.IntN(2) == 0 {
		by = w.actors[slices.IndexFunc(w.actors, func(x *actor) bool { return x.email == a.owner })]
	}
	return st, by, a
}

// Whatever random people do in whatever order, nobody does what the role table or a relation forbids, and no
// token, new or old, is good for more than request ∩ manifest ∩ installation ∩ consent. A step that is refused
// though it is allowed is no fault here, as long as it succeeds now and then: TestLifeOfAnApp has what must.
func TestRandomActors(t *testing.T) {
	t.Parallel()
	total := make(map[string]int)
	unseen := func() (names []string) { // of these the test has proved nothing yet
		for _, name := range append(stepNames(), "still good", "over", "over, and installed again") {
			if total[name] == 0 {
				names = append(names, name)
			}
		}
		return names
	}
	least, most := 3, 30
	if os.Getenv("OAUTHCORE_LONG") != "" {
		least = most
	}
	for n := 0; n < least || n < most && len(unseen()) > 0; n++ {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		w := newWorld(t, seed)
		for range 3000 {
			st, by, a := w.next()
			status, may, apply := st.try(w, by, a)
			mayRole := st.group == "" || slices.Contains(allowed[st.group], by.role)
			w.trace = append(w.trace, fmt.Sprintf("%s of %s by %s: %d", st.name, a, by.email, status))
			w.trace = w.trace[max(0, len(w.trace)-60):]
			ok := status/100 == 2
			switch {
			case ok && !mayRole:
				t.Fatalf("%s by %s succeeds, which the role table forbids", st.name, by.email)
			case ok && !may:
				t.Fatalf("%s of %s by %s succeeds, which the rules forbid\n%s", st.name, a, by.email, strings.Join(w.trace, "\n"))
			case status >= 500:
				t.Fatalf("%s by %s: status %d", st.name, by.email, status)
			case ok:
				w.success[st.name]++
				apply()
			}
			if len(w.tokens) > 0 {
				held := pick(w, w.tokens)
				switch claims, err := w.s.oauth.Introspect(t.Context(), held.access); {
				case err == nil:
					w.check(held, claims.Scopes, "is now good for")
					w.success["still good"]++
				case held.over() && len(held.app.bound(held.tenant, held.subject)) > 0:
					w.success["over"]++ // though a new one would be good
					if of := held.under.installation; of >= 0 && of < held.app.install(held.tenant).ended {
						w.success["over, and installed again"]++
					}
				}
			}
		}
		for name, n := range w.success {
			total[name] += n
		}
	}
	t.Logf("successes: %v", total)
	if names := unseen(); len(names) > 0 {
		t.Errorf("never seen, so that the test proves nothing about it: %q", names)
	}
}

func stepNames() (names []string) {
	for _, st := range steps {
		names = append(names, st.name)
	}
	return names
}
