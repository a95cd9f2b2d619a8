package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

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
		olga.sees("Installed.", "Uninstall", "May See your events Create and change events")
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
