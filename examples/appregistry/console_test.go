package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// An app's life from its registration to the day a user disconnects it, by forms alone.
func TestConsoleLife(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	const redirect = "https://seats.example/back"
	petra, ada, olga := visit(t, address, partner), visit(t, address, admin), visit(t, address, organizer)

	id, secret := petra.registers("Seats & Co", redirect)
	petra.sees("The app is registered.", "This is the only time it is shown")
	for _, path := range []string{"/console/apps", "/console/apps/" + id} {
		petra.open(http.StatusOK, path)
		petra.misses(secret)
	}
	petra.sees("Draft", "Seats & Co", redirect, "See your events", "Create and change events")
	petra.send(http.StatusOK, "/submit")
	petra.sees("Submitted. Staff will read it", "In review")

	ada.open(http.StatusOK, "/console/review")
	ada.sees("To be read", "Seats & Co")
	ada.open(http.StatusOK, "/console/review?id="+id)
	ada.send(http.StatusOK, "/claim")
	ada.sees("You are reading this app")
	ada.send(http.StatusUnprocessableEntity, "/reject", "note", "")
	ada.sees("There is a problem", "What has to change: Missing")
	ada.send(http.StatusOK, "/reject", "note", "Say what it does with the seats.")
	ada.sees("Sent back to its developer", "Changes requested")

	petra.open(http.StatusOK, "/console/apps/"+id)
	petra.sees("The reviewer says", "Say what it does with the seats.", "Changes requested")
	petra.open(http.StatusOK, "/console/apps/"+id+"/edit")
	form := newAppForm("Seats & Co", redirect)
	form[3] = "Gives everyone a seat."
	petra.send(http.StatusOK, "/edit", form...)
	petra.publishes(id, ada)
	ada.sees("Published", "Live")

	olga.open(http.StatusOK, "/console/directory?q=everyone+seats")
	olga.sees("Seats & Co", "Gives everyone a seat.")
	olga.open(http.StatusOK, "/console/directory/"+id)
	olga.send(http.StatusOK, "/install", "scopes", "write:events")
	olga.sees("Installed. People let it in when they first use it.", "See your events", "Create and change events")
	olga.open(http.StatusOK, "/console/installations")
	olga.sees("Seats & Co", "Installed")

	verifier := pkce.NewVerifier()
	consent := get(t, olga.client, address+oauthPaths.Authorize+"?"+codeRequest(id, redirect, verifier, "read:events write:events").Encode())
	back := submit(t, olga.client, consent, url.Values{"decision": {"allow"}, "scope": {"write:events"}})
	to, err := back.Location()
	if err != nil || !to.Query().Has("code") {
		t.Fatalf("after allowing: status %d, %v; wanted a code", back.StatusCode, err)
	}
	nobody := &caller{t: t, address: address}
	r := url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {redirect}, "code": {to.Query().Get("code")}, "code_verifier": {verifier}}
	tokens := nobody.basic(id, secret, r)
	tok := &caller{t, address, tokens.body["access_token"].(string)}
	if a := tok.do("GET", "/api/me", nil); a.status != http.StatusOK || a.body["sub"] != organizer {
		t.Fatalf("the API answers %d, %v", a.status, a.body)
	}

	olga.open(http.StatusOK, "/console/connected")
	olga.sees("Seats & Co", "It may See your events Create and change events", "Since")
	olga.send(http.StatusOK, "/connected")
	olga.sees("The app is disconnected", "You have let no app act for you")
	if a := tok.do("GET", "/api/me", nil); a.status != http.StatusUnauthorized {
		t.Errorf("after it is disconnected the API answers %d, wanted 401", a.status)
	}
	r = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.body["refresh_token"].(string)}}
	if a := nobody.basic(id, secret, r); a.body["error"] != "invalid_grant" {
		t.Errorf("after it is disconnected a refresh is answered %d, %v; wanted invalid_grant", a.status, a.body["error"])
	}

	olga.open(http.StatusOK, "/console/installations/"+id)
	olga.send(http.StatusOK, "/uninstall")
	olga.sees("uninstalled", "no apps yet")
	petra.open(http.StatusOK, "/console/apps/"+id)
	petra.sees("Use in the last 30 days", "Requests served")
	petra.send(http.StatusOK, "/delete")
	petra.sees("The app is deleted.", "Register an app")
	petra.misses("Seats & Co")
}

// basic asks for a token as an app that authenticates in the header.
func (c *caller) basic(id, secret string, form url.Values) got {
	c.t.Helper()
	r := &http.Request{Header: make(http.Header)}
	r.SetBasicAuth(id, secret)
	return c.do("POST", oauthPaths.Token, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Authorization", r.Header.Get("Authorization"))
}

// Every page lets in the roles of the table and nobody else; who is not signed in signs in first.
func TestConsoleRoles(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	for _, role := range []string{"user", "super_admin"} {
		conf.Users = append(conf.Users, user{Email: role + "@eventzr.com", Password: "Password123!", Tenant: tenantOne, Roles: []string{role}})
	}
	address := demo(t, conf)
	pages := map[string]string{ // to the group of the role table
		"/console/apps/new":               "apps",
		"/console/apps":                   "developer",
		"/console/profile":                "developer",
		"/console/review":                 "admin",
		"/console/directory":              "search",
		"/console/directory/seat-planner": "search",
		"/console/installations":          "installations",
		"/console/":                       "",
		"/console/connected":              "",
	}
	for _, role := range []string{"user", "developer", "organizer", "admin", "super_admin"} {
		email := role + "@eventzr.com"
		if role == "developer" {
			email = dev
		}
		v := visit(t, address, email)
		home := text(v.page.body)
		for path, group := range pages {
			want := http.StatusForbidden
			if group == "" || slices.Contains(allowed[group], role) {
				want = http.StatusOK
			}
			v.open(want, path)
			if named := strings.Contains(home, "Review"); path == "/console/review" && named != (want == http.StatusOK) {
				t.Errorf("%s: the first page of %s names it: %t", path, role, named)
			}
		}
	}
	nobody := visit(t, address, "")
	for path := range pages {
		nobody.open(http.StatusOK, path)
		if at := nobody.page.Request.URL; at.Path != "/console/sign-in" || at.Query().Get("next") != path {
			t.Errorf("%s leads a stranger to %s, wanted the sign-in page that leads back", path, at)
		}
	}
}

// What belongs to one organisation is not there for another, and what belongs to one developer not for the
// next, by a page or by a form.
func TestConsoleForeign(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	conf.Users = append(conf.Users, user{Email: "other@eventzr.com", Password: "Password123!", Tenant: tenantTwo, Roles: []string{"organizer"}})
	address := demo(t, conf)
	devika, petra, ada := visit(t, address, dev), visit(t, address, partner), visit(t, address, admin)
	id, _ := petra.registers("Petra's own", "https://petra.example/back")
	petra.open(http.StatusOK, "/console/apps/"+id)
	version := url.Values{"version": {petra.page.version()}}

	for _, path := range []string{"/apps/" + id, "/apps/" + id + "/edit", "/review/" + id, "/directory/" + id} {
		devika.open(http.StatusNotFound, "/console"+path)
		devika.misses("Petra")
	}
	for _, action := range []string{"submit", "withdraw", "pause", "resume", "complete", "cancel", "delete", "edit", "nonsense"} {
		status := http.StatusNotFound
		devika.post(status, address+"/console/apps/"+id+"/"+action, version)
	}
	for _, action := range []string{"claim", "approve", "reject", "publish", "suspend", "reinstate"} {
		form := url.Values{"version": version["version"], "note": {"no"}}
		devika.post(http.StatusForbidden, address+"/console/review/"+id+"/"+action, form)
		petra.post(http.StatusForbidden, address+"/console/review/"+id+"/"+action, form)
	}
	for _, action := range []string{"allow", "refuse", "pause", "resume", "uninstall"} {
		devika.post(http.StatusForbidden, address+"/console/installations/seat-planner/"+action, version)
	}
	devika.post(http.StatusForbidden, address+"/console/directory/seat-planner/install", url.Values{"version": {"0"}})
	petra.open(http.StatusOK, "/console/apps/"+id)
	petra.sees("Draft")

	// What one organisation has installed is not there for another.
	olga, other := visit(t, address, organizer), visit(t, address, "other@eventzr.com")
	olga.open(http.StatusOK, "/console/directory/seat-planner")
	olga.send(http.StatusOK, "/install")
	olga.open(http.StatusOK, "/console/installations/seat-planner")
	uninstall, seen := olga.form("/uninstall")
	other.open(http.StatusOK, "/console/installations")
	other.sees("no apps yet")
	other.open(http.StatusNotFound, "/console/installations/seat-planner")
	other.post(http.StatusNotFound, uninstall, seen)
	olga.open(http.StatusOK, "/console/installations/seat-planner")

	// Staff read what others wrote, and nobody judges their own.
	ada.open(http.StatusOK, "/console/apps/"+id)
	if at := ada.page.Request.URL.Path; at != "/console/review/"+id {
		t.Errorf("staff are led to %s", at)
	}
	own, _ := ada.registers("Ada's own", "https://ada.example/back")
	ada.open(http.StatusOK, "/console/apps/"+own)
	ada.send(http.StatusOK, "/submit")
	ada.open(http.StatusOK, "/console/review/"+own)
	ada.sees("Nobody reviews their own")
	ada.post(http.StatusForbidden, address+"/console/review/"+own+"/approve", url.Values{"version": {versionOf(t, ada, own)}})
}

// versionOf reads the version of an own app from its page.
func versionOf(t *testing.T, v *visitor, id string) string {
	t.Helper()
	v.open(http.StatusOK, "/console/apps/"+id)
	return v.page.version()
}

// version is the first that the page's forms carry.
func (a answered) version() string {
	for _, m := range hiddenPattern.FindAllStringSubmatch(a.body, -1) {
		if m[1] == "version" {
			return m[2]
		}
	}
	return ""
}

// A form that was made from an earlier version changes nothing and comes back as things are now, with what
// was typed in it.
func TestConsoleStaleForm(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	petra, ada := visit(t, address, partner), visit(t, address, admin)
	id, _ := petra.registers("Stale", "https://stale.example/back")

	petra.open(http.StatusOK, "/console/apps/"+id)
	submit, early := petra.form("/submit")
	petra.open(http.StatusOK, "/console/apps/"+id+"/edit")
	edit, old := petra.form("/edit", newAppForm("Typed late", "https://late.example/back")...)
	petra.send(http.StatusOK, "/edit", newAppForm("Saved first", "https://stale.example/back")...)
	petra.post(http.StatusConflict, edit, old)
	petra.sees("This has changed since you opened the page", "https://late.example/back")
	if !strings.Contains(petra.page.body, `value="Typed late"`) {
		t.Error("what was typed is gone")
	}
	petra.send(http.StatusOK, "/edit", newAppForm("Typed late", "https://late.example/back")...)
	petra.sees("Typed late")
	petra.post(http.StatusConflict, submit, early)
	petra.sees("This has changed since you opened the page", "Draft")
	for _, version := range []string{"", "x", "-5"} {
		petra.post(http.StatusConflict, submit, url.Values{"version": {version}})
	}
	petra.send(http.StatusOK, "/submit")

	ada.open(http.StatusOK, "/console/review/"+id)
	approve, seen := ada.form("/approve")
	petra.send(http.StatusOK, "/withdraw")
	ada.post(http.StatusConflict, approve, seen)
	ada.misses("Decide", "approved")
}

// A form that is sent twice does its work once, and says the same.
func TestConsoleDoubleSubmit(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	petra, ada, olga := visit(t, address, partner), visit(t, address, admin), visit(t, address, organizer)

	petra.open(http.StatusOK, "/console/apps/new")
	to, form := petra.form("/apps/new", newAppForm("Twice", "https://twice.example/back")...)
	const times = 8
	bodies := make(chan string, times)
	start := make(chan struct{})
	for range times {
		go func() {
			<-start
			resp, err := petra.client.PostForm(to, form)
			bodies <- read(t, resp, err).body
		}()
	}
	close(start)
	seen := make(map[string]bool)
	for range times {
		m := secretPattern.FindStringSubmatch(<-bodies)
		if m == nil {
			t.Fatal("one of the answers has no secret")
		}
		seen[m[1]] = true
	}
	petra.post(http.StatusCreated, to, form)
	id, secret := petra.shownSecret()
	if seen[secret] = true; len(seen) != 1 {
		t.Errorf("%d secrets were shown, wanted one", len(seen))
	}
	petra.open(http.StatusOK, "/console/apps")
	if n := strings.Count(text(petra.page.body), "Twice"); n != 1 {
		t.Errorf("there are %d apps, wanted 1", n)
	}
	form.Set("client_name", "Another")
	petra.post(http.StatusConflict, to, form)
	petra.sees("This form was sent before with something else in it")
	form.Del("once")
	petra.post(http.StatusConflict, to, form)

	petra.open(http.StatusOK, "/console/apps/"+id)
	to, form = petra.form("/secret")
	petra.post(http.StatusCreated, to, form)
	_, second := petra.shownSecret()
	petra.post(http.StatusCreated, to, form)
	if _, again := petra.shownSecret(); again != second || second == secret {
		t.Error("a new secret that is asked for twice is not the same one")
	}
	petra.open(http.StatusOK, "/console/apps/"+id)
	petra.send(http.StatusOK, "/complete")
	petra.sees("The new secret is now the only one.")

	petra.publishes(id, ada)
	olga.open(http.StatusOK, "/console/directory/"+id)
	to, form = olga.form("/install", "scopes", "write:events")
	for range 2 {
		olga.post(http.StatusOK, to, form)
		olga.sees("Uninstall", "May See your events Create and change events")
		form.Del("scopes") // the form is spent, whatever it says
	}
}

// unsure is a store that does not say whether an app was created, until it is asked to.
type unsure struct {
	store.Store
	broken atomic.Bool
}

func (u *unsure) Create(ctx context.Context, r store.Record) error {
	err := u.Store.Create(ctx, r)
	if u.broken.Load() && strings.HasPrefix(r.Key, "oauth/a/") {
		return errors.New("the connection is gone")
	}
	return err
}

func (u *unsure) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if u.broken.Load() && strings.HasPrefix(keys[0], "oauth/a/") {
		return nil, errors.New("the connection is gone")
	}
	return u.Store.Get(ctx, keys...)
}

// A form whose end nobody knows is sent again, and what it made is found.
func TestConsoleUnknownOutcome(t *testing.T) {
	t.Parallel()
	st := &unsure{Store: memory.New()}
	_, address := serveOn(t, demonstration(), st, "")
	petra := visit(t, address, partner)
	petra.open(http.StatusOK, "/console/apps/new")
	to, form := petra.form("/apps/new", newAppForm("Unsure", "https://unsure.example/back")...)
	st.broken.Store(true)
	petra.post(http.StatusServiceUnavailable, to, form)
	petra.sees("Not available", "Try again in a moment.")
	st.broken.Store(false)
	petra.post(http.StatusCreated, to, form)
	id, secret := petra.shownSecret()
	petra.open(http.StatusOK, "/console/apps")
	if n := strings.Count(text(petra.page.body), "Unsure"); n != 1 {
		t.Errorf("there are %d apps, wanted 1", n)
	}
	petra.publishes(id, visit(t, address, admin))
	a := (&caller{t: t, address: address}).basic(id, secret, url.Values{"grant_type": {"client_credentials"}})
	if a.body["error"] != "unauthorized_client" { // it acts for people; its secret was right
		t.Errorf("with the secret: status %d, %v; wanted unauthorized_client", a.status, a.body)
	}
}

// What is live goes on while something else is proposed, and each who may halts it.
func TestConsoleChanges(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	petra, ada, olga := visit(t, address, partner), visit(t, address, admin), visit(t, address, organizer)
	id, _ := petra.registers("Before", "https://before.example/back")
	petra.publishes(id, ada)
	olga.open(http.StatusOK, "/console/directory/"+id)
	olga.send(http.StatusOK, "/install", "scopes", "write:events")

	petra.open(http.StatusOK, "/console/apps/"+id+"/edit")
	petra.send(http.StatusOK, "/edit", newAppForm("After", "https://after.example/back")...)
	petra.sees("Live", "Draft")
	petra.send(http.StatusOK, "/submit")
	petra.open(http.StatusConflict, "/console/apps/"+id+"/edit")
	ada.open(http.StatusOK, "/console/review/"+id)
	ada.sees("Name (changed) After Live now: Before", "https://after.example/back Live now: https://before.example/back")
	petra.open(http.StatusOK, "/console/apps/"+id)
	petra.send(http.StatusOK, "/withdraw")
	petra.sees("What is live", "Before")
	petra.misses("After")

	petra.send(http.StatusOK, "/pause")
	petra.sees("Paused")
	olga.open(http.StatusOK, "/console/installations/"+id)
	olga.sees("has halted this app everywhere")
	petra.send(http.StatusOK, "/resume")
	ada.open(http.StatusOK, "/console/review/"+id)
	ada.send(http.StatusOK, "/suspend")
	petra.open(http.StatusOK, "/console/apps/"+id)
	petra.sees("Suspended by staff")
	ada.send(http.StatusOK, "/reinstate")
	ada.sees("The app is reinstated.")

	petra.open(http.StatusOK, "/console/apps/"+id)
	petra.send(http.StatusCreated, "/secret")
	petra.open(http.StatusOK, "/console/apps/"+id)
	petra.sees("works until")
	petra.send(http.StatusOK, "/cancel")
	petra.misses("works until")

	// What the app comes to need is the organizer's to allow.
	olga.open(http.StatusOK, "/console/installations/"+id)
	olga.send(http.StatusOK, "/change")
	petra.open(http.StatusOK, "/console/apps/"+id+"/edit")
	form := newAppForm("Before", "https://before.example/back")
	form[13] = "must" // of write:events
	petra.send(http.StatusOK, "/edit", form...)
	petra.publishes(id, ada)
	olga.open(http.StatusOK, "/console/installations/"+id)
	olga.send(http.StatusOK, "/change")
	olga.sees("May See your events Create and change events")

	// A draft that is withdrawn before anything was published leaves nothing.
	bare, _ := petra.registers("Bare", "https://bare.example/back")
	petra.open(http.StatusOK, "/console/apps/"+bare)
	petra.send(http.StatusOK, "/withdraw")
	petra.sees("Nothing is proposed")
	petra.post(http.StatusConflict, address+"/console/apps/"+bare+"/withdraw", url.Values{"version": {petra.page.version()}})
}

// An organizer answers what an app asks for.
func TestConsoleRequests(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	olga := visit(t, address, organizer)
	ask := s.as(t, address, organizer)
	for _, id := range []string{"seat-planner", "gate-keeper"} {
		ask.reg(http.StatusCreated, "POST", "/installations", map[string]any{"client_id": id})
	}
	olga.open(http.StatusOK, "/console/installations")
	olga.sees("Seat Planner", "Asked for")
	olga.open(http.StatusOK, "/console/installations/seat-planner")
	olga.sees("It asks to", "Create and change events")
	olga.send(http.StatusOK, "/allow")
	olga.sees("What was asked for is allowed.", "Installed")
	olga.open(http.StatusOK, "/console/installations/gate-keeper")
	olga.send(http.StatusOK, "/refuse")
	olga.sees("Refused", "Choose what it may do")
	olga.open(http.StatusOK, "/console/directory/gate-keeper")
	olga.send(http.StatusOK, "/install")
	olga.sees("Installed")

	// Asked for less than the app needs, they choose anew.
	olga.send(http.StatusOK, "/uninstall")
	ask.reg(http.StatusCreated, "POST", "/installations", map[string]any{"client_id": "demo-web", "scopes": []string{"read:events"}})
	partial := visit(t, address, dev)
	partial.open(http.StatusOK, "/console/apps/demo-web/edit")
	partial.send(http.StatusOK, "/edit", append(newAppForm("Demo Web", "https://web.example/back")[:12:12], "need write:events", "must")...)
	ada := visit(t, address, admin)
	partial.publishes("demo-web", ada)
	olga.open(http.StatusOK, "/console/installations/demo-web")
	olga.send(http.StatusUnprocessableEntity, "/allow")
	olga.sees("The app cannot work without", "Choose what it may do")
	ada.open(http.StatusOK, "/console/review/demo-web")
	to, _ := ada.form("/suspend")
	ada.post(http.StatusUnprocessableEntity, strings.Replace(to, "/suspend", "/reject", 1), url.Values{"version": {ada.page.version()}})
	ada.sees("What has to change: Missing")
}

// What is wrong is said at its field, and what was typed stays.
func TestConsoleFaults(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	petra := visit(t, address, partner)
	for _, test := range []struct {
		name, field, value, fault string
	}{
		{"no name", "client_name", "", "client_name-fault"},
		{"a redirect over http", "redirect_uris", "http://a.example/back", "redirect_uris-fault"},
		{"a website that is none", "client_uri", "javascript:alert(1)", "client_uri-fault"},
		{"a contact that is none", "contacts", "nobody", "contacts-fault"},
		{"acting for nobody", "grant_types", "", "grant_types-fault"},
		{"a machine on a device", "token_endpoint_auth_method", "none", "grant_types-fault"},
		{"a way to authenticate that is none", "token_endpoint_auth_method", "nonsense", "token_endpoint_auth_method-fault"},
		{"too many categories", "categories", strings.Repeat("x,", 20), "categories-fault"},
	} {
		t.Run(test.name, func(t *testing.T) {
			petra.t = t
			petra.open(http.StatusOK, "/console/apps/new")
			to, form := petra.form("/apps/new", newAppForm("Faulty <app>", "https://faulty.example/back")...)
			if test.value == "none" {
				form.Set("grant_types", "machine")
			}
			form.Set(test.field, test.value)
			petra.post(http.StatusUnprocessableEntity, to, form)
			petra.sees("There is a problem")
			body := petra.page.body
			if !strings.Contains(body, `id="`+test.fault+`"`) || !strings.Contains(body, `aria-invalid="true"`) || !strings.Contains(body, `href="#`+test.field) && test.field != "token_endpoint_auth_method" {
				t.Errorf("no fault at the field:\n%s", body)
			}
			if test.field != "client_name" && !strings.Contains(body, "Faulty &lt;app&gt;") {
				t.Error("what was typed is gone")
			}
		})
	}
	petra.t = t
	petra.open(http.StatusOK, "/console/profile")
	petra.send(http.StatusUnprocessableEntity, "/profile", "name", "Petra", "website", "http://x", "email", "nobody", "about", "Me")
	petra.sees("Website: Wanted an https URL", "E-mail: Wanted an e-mail address")
	petra.send(http.StatusOK, "/profile", "name", "Petra & Partners", "website", "https://petra.example")
	petra.sees("Saved.")

	ada, olga := visit(t, address, admin), visit(t, address, organizer)
	petra.open(http.StatusOK, "/console/apps/new")
	form := newAppForm("Modest", "https://modest.example/back")
	form[11] = "may" // of read:events: nothing is required
	petra.send(http.StatusCreated, "/apps/new", form...)
	id, _ := petra.shownSecret()
	petra.publishes(id, ada)
	atScopes := func() {
		t.Helper()
		olga.sees("Permissions: Got none")
		if !strings.Contains(olga.page.body, `aria-describedby="scopes-fault"`) || strings.Contains(olga.page.body, " checked") {
			t.Errorf("no fault at the permissions, or one that was not chosen is ticked:\n%s", olga.page.body)
		}
	}
	olga.open(http.StatusOK, "/console/directory/"+id)
	olga.send(http.StatusUnprocessableEntity, "/install")
	atScopes()
	olga.send(http.StatusOK, "/install", "scopes", "read:events")
	olga.send(http.StatusUnprocessableEntity, "/change")
	atScopes()
	olga.open(http.StatusOK, "/console/directory/seat-planner")
	olga.sees("Petra & Partners")
	olga.send(http.StatusOK, "/install", "scopes", "write:events")
	olga.send(http.StatusOK, "/change")
	olga.sees("What the app may do is changed", "May See your events Changed on")
	olga.send(http.StatusOK, "/pause")
	olga.sees("Paused")
	olga.send(http.StatusOK, "/resume")
	olga.open(http.StatusUnprocessableEntity, "/console/directory?q="+strings.Repeat("x", 300))
	olga.open(http.StatusUnprocessableEntity, "/console/directory?after=nonsense")
	olga.open(http.StatusNotFound, "/console/connected?after=%20")
}

func TestConsoleSignIn(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	v := visit(t, address, "")
	v.open(http.StatusOK, "/console/apps/new")
	v.send(http.StatusUnauthorized, "/sign-in", "email", dev, "password", "wrong")
	v.sees("The e-mail address or the password is wrong.")
	if !strings.Contains(v.page.body, `value="`+dev+`"`) || strings.Contains(v.page.body, `value="wrong"`) {
		t.Error("the address is not kept, or the password is")
	}
	v.send(http.StatusOK, "/sign-in", "email", dev, "password", "Password123!")
	if at := v.page.Request.URL.Path; at != "/console/apps/new" {
		t.Errorf("after signing in the visitor is at %s, wanted where they were going", at)
	}

	// Signed out in another window, the visitor sends the form.
	to, form := v.form("/apps/new", newAppForm("Late", "https://late.example/back")...)
	v.send(http.StatusOK, "/sign-out")
	v.post(http.StatusUnauthorized, to, form)
	v.sees("You are no longer signed in, and nothing was done.")

	for _, next := range []string{"https://evil.example/console/", "//evil.example/console/", `/\evil.example/console/`, `/\evil.example/%2e%2e/console/apps`, "/console/../sign-out", "/console/%2e%2e/", "/api/me", "javascript:alert(1)", "/consolex", "\n/console/"} {
		resp, err := newBrowser(t).PostForm(address+"/console/sign-in", url.Values{"email": {dev}, "password": {"Password123!"}, "next": {next}})
		if a := read(t, resp, err); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/console/" {
			t.Errorf("next %q leads to %q, wanted the first page", next, a.Header.Get("Location"))
		}
	}
}

// A form of another site does nothing.
func TestConsoleOrigin(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	olga := visit(t, address, organizer)
	for _, path := range []string{"sign-in", "apps/new", "apps/x/edit", "apps/x/secret", "apps/x/delete", "profile", "review/x/approve", "directory/seat-planner/install", "installations/x/uninstall", "connected", "nothing"} {
		for name, header := range map[string][2]string{"Sec-Fetch-Site": {"Sec-Fetch-Site", "cross-site"}, "Origin": {"Origin", "https://evil.example"}} {
			r, err := http.NewRequestWithContext(t.Context(), "POST", address+"/console/"+path, strings.NewReader("version=0"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header[0], header[1])
			resp, err := olga.client.Do(r)
			a := read(t, resp, err)
			if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "sent by another site") {
				t.Errorf("%s with %s of another site: status %d, wanted 403", path, name, a.StatusCode)
			}
			lookOver(t, a)
		}
	}
	olga.open(http.StatusNotFound, "/console/installations/seat-planner")
}

// What a developer writes is text on every page, whatever it holds.
func TestConsoleEscapes(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	const evil = `"><script>alert(1)</script>`
	conf.Users[0].Name = evil
	address := demo(t, conf)
	petra, ada, olga := visit(t, address, partner), visit(t, address, admin), visit(t, address, organizer)
	visit(t, address, dev)
	petra.open(http.StatusOK, "/console/apps/new")
	form := newAppForm(evil, "https://evil.example/back")
	form[3] = evil
	petra.send(http.StatusCreated, "/apps/new", append(form, "client_uri", "https://evil.example/?a=%22%3E")...)
	id, _ := petra.shownSecret()
	petra.publishes(id, ada)
	olga.open(http.StatusOK, "/console/directory")
	olga.sees(evil)
	olga.open(http.StatusOK, "/console/directory/"+id)
	olga.send(http.StatusOK, "/install")
	olga.open(http.StatusOK, "/console/directory?q=%22%3E%3Cscript%3E")
	if strings.Contains(olga.page.body, "<script>") {
		t.Error("what was searched for is a script")
	}
}

// The stylesheet and the script are files, and the script is no more than a help.
func TestConsoleFiles(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	for path, kind := range map[string]string{"/style.css": "text/css", "/console/script.js": "text/javascript"} {
		if a := get(t, http.DefaultClient, address+path); a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: status %d, %q", path, a.StatusCode, a.Header.Get("Content-Type"))
		}
	}
}

// Below an issuer with a path every address is too.
func TestConsoleBelowAPath(t *testing.T) {
	t.Parallel()
	s := serve(t, demonstration(), "/tenants/one")
	v := visit(t, s.issuer, partner)
	id, _ := v.registers("Deep", "https://deep.example/back")
	v.publishes(id, visit(t, s.issuer, admin))
	for _, path := range []string{"/console/", "/console/apps", "/console/apps/" + id, "/console/directory", "/console/profile"} {
		v.open(http.StatusOK, path)
		for _, m := range regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`).FindAllStringSubmatch(v.page.body, -1) {
			if !strings.HasPrefix(m[1], "/tenants/one/") {
				t.Errorf("%s has the address %q", path, m[1])
			}
		}
	}
}
