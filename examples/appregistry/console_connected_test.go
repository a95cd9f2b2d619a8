package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// letsIn lets an app act for the visitor on the consent page, with all that it asks for.
func (v *visitor) letsIn(id, redirect string) {
	v.t.Helper()
	consent := get(v.t, v.client, v.address+oauthPaths.Authorize+"?"+codeRequest(id, redirect, pkce.NewVerifier(), "read:events write:events").Encode())
	back := submit(v.t, v.client, consent, url.Values{"decision": {"allow"}, "scope": {"write:events"}})
	if to, err := back.Location(); err != nil || !to.Query().Has("code") {
		v.t.Fatalf("after allowing: status %d, %v; wanted a code", back.StatusCode, err)
	}
}

// Each connected app is shown with what it may do now: what the user let it, within what the organisation
// still does.
func TestConsoleConnectedNow(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	const redirect = "https://seats.example/back"
	petra, ada, olga := visit(t, address, partner), visit(t, address, admin), visit(t, address, organizer)
	id, _ := petra.registers("Seats", redirect)
	petra.publishes(id, ada)
	installs := func(scopes ...string) {
		olga.open(http.StatusOK, "/console/directory/"+id)
		olga.send(http.StatusOK, "/install", scopes...)
	}
	// acts has one visitor press a button of a page.
	acts := func(v *visitor, path, button string, fields ...string) {
		v.open(http.StatusOK, "/console/"+path+"/"+id)
		v.send(http.StatusOK, "/"+button, fields...)
	}
	installs("scopes", "write:events")
	olga.letsIn(id, redirect)
	const all = "It may See your events Create and change events Since"
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"installed", func() {}, all},
		{"narrowed", func() { acts(olga, "installations", "change") },
			"It may See your events You allowed, but it may not Create and change events The organisation does not allow it"},
		{"widened again", func() { acts(olga, "installations", "change", "scopes", "write:events") }, all},
		{"paused in the organisation", func() { acts(olga, "installations", "pause") },
			"It may Do nothing now You allowed, but it may not See your events Create and change events The app is halted in the organisation."},
		{"resumed", func() { acts(olga, "installations", "resume") }, all},
		{"suspended everywhere", func() { acts(ada, "review", "suspend") }, "It may Do nothing now"},
		{"reinstated", func() { acts(ada, "review", "reinstate") }, all},
		{"uninstalled", func() { acts(olga, "installations", "uninstall") }, "The organisation has not installed the app."},
		{"installed anew", func() { installs("scopes", "write:events") }, all},
		{"deleted", func() { acts(petra, "apps", "delete") }, "The app is no longer there."},
	} {
		step.do()
		olga.open(http.StatusOK, "/console/connected")
		olga.sees(step.want)
		if t.Failed() {
			t.Fatalf("once it is %s", step.name)
		}
	}
	olga.send(http.StatusOK, "/connected")
	olga.sees("You have let no app act for you")
}

// A user disconnects an app that the service has no longer, as one that they could not let in any more.
func TestConsoleConnectedGone(t *testing.T) {
	t.Parallel()
	st := memory.New()
	s, address := serveOn(t, demonstration(), st, "")
	olga := visit(t, address, organizer)
	olga.letsIn("demo-cli", address+"/callback")
	conf := demonstration()
	conf.Users[2].Roles = []string{"user"}
	_, demoted := serveOn(t, conf, st, "")
	olga = visit(t, demoted, organizer)
	olga.open(http.StatusOK, "/console/connected")
	olga.sees("Demo CLI It may Do nothing now", "Your role no longer allows you to let apps in.")
	conf = demonstration()
	conf.Apps = []registry.App{conf.Apps[1]} // demo-cli is another one's now
	conf.Demonstration, conf.Registered = false, nil
	for _, known := range demonstration().Registered {
		s.as(t, address, known.Owner).reg(http.StatusOK, "DELETE", "/apps/"+known.ID, nil)
	}
	_, later := serveOn(t, conf, st, "")
	olga = visit(t, later, organizer)
	olga.open(http.StatusOK, "/console/connected")
	olga.sees("demo-cli", "It may Do nothing now", "The app is no longer there.")
	to, form := olga.form("/connected")
	for range 2 {
		olga.post(http.StatusOK, to, form)
		olga.sees("The app is disconnected", "You have let no app act for you")
	}
}

// writes counts what is written for the library.
type writes struct {
	store.Store
	n atomic.Int64
}

func (w *writes) Create(ctx context.Context, r store.Record) error {
	if strings.HasPrefix(r.Key, "oauth/") {
		w.n.Add(1)
	}
	return w.Store.Create(ctx, r)
}

// A form that names what its sender has not let in writes nothing.
func TestConsoleDisconnectForeign(t *testing.T) {
	t.Parallel()
	st := &writes{Store: memory.New()}
	_, address := serveOn(t, demonstration(), st, "")
	olga := visit(t, address, organizer)
	before := st.n.Load()
	for _, form := range []url.Values{
		{"app": {"demo-cli"}, "tenant": {tenantTwo}},
		{"app": {"demo-cli"}, "tenant": {"made up"}},
		{"app": {"made up"}, "tenant": {tenantOne}},
		{},
	} {
		olga.post(http.StatusOK, address+"/console/connected", form)
	}
	if n := st.n.Load() - before; n != 0 {
		t.Errorf("%d records were created, wanted none", n)
	}
}
