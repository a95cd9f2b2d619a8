package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/store/memory"
)

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

// A form allows what its page said: not what the app has come to need since.
func TestConsoleFormOfBefore(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	petra, ada, olga := visit(t, address, partner), visit(t, address, admin), visit(t, address, organizer)
	olga.open(http.StatusOK, "/console/directory/badge-printer")
	olga.misses("Create and change events")
	to, form := olga.form("/install")
	petra.open(http.StatusOK, "/console/apps/badge-printer/edit")
	petra.send(http.StatusOK, "/edit", append(newAppForm("Badge Printer", "https://badge-printer.example/callback")[:12:12], "need read:events", "must", "need write:events", "must")...)
	petra.publishes("badge-printer", ada)
	olga.post(http.StatusUnprocessableEntity, to, form)
	olga.sees("The app cannot work without", "Create and change events")
	if a := s.as(t, address, organizer).do("GET", "/app-registry/v1/installations/badge-printer", nil); a.status != http.StatusNotFound {
		t.Errorf("the form of before installed %v", a.body)
	}
}

// What was installed, or asked for, of an app that was deleted since is seen and taken away.
func TestConsoleInstallationOfDeleted(t *testing.T) {
	t.Parallel()
	s, address := serveOn(t, demonstration(), memory.New(), "")
	petra, olga := visit(t, address, partner), visit(t, address, organizer)
	olga.open(http.StatusOK, "/console/directory/seat-planner")
	olga.send(http.StatusOK, "/install")
	s.as(t, address, organizer).reg(http.StatusCreated, "POST", "/installations", map[string]any{"client_id": "gate-keeper"})
	for _, id := range []string{"seat-planner", "gate-keeper"} {
		petra.open(http.StatusOK, "/console/apps/"+id)
		petra.send(http.StatusOK, "/delete")
		olga.open(http.StatusOK, "/console/directory/"+id)
		olga.misses("Cancel")
		olga.open(http.StatusOK, "/console/installations/"+id)
		olga.sees("This app was deleted")
		olga.misses("Allow", "Save", "Pause", "Choose what it may do")
		olga.send(http.StatusOK, "/uninstall")
		olga.open(http.StatusNotFound, "/console/installations/"+id)
	}
	olga.open(http.StatusOK, "/console/installations")
	olga.sees("no apps yet")
}

// Of two organizers who are shown that an app is not installed the second learns of the first.
func TestConsoleFirstForms(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	olga, ada := visit(t, address, organizer), visit(t, address, admin)
	olga.open(http.StatusOK, "/console/directory/seat-planner")
	ada.open(http.StatusOK, "/console/directory/seat-planner")
	olga.send(http.StatusOK, "/install", "scopes", "write:events")
	ada.send(http.StatusConflict, "/install")
	ada.sees("This has changed since you opened the page, and nothing was done.", "Your organisation has installed this app.")
	olga.open(http.StatusOK, "/console/installations/seat-planner")
	olga.sees("May See your events Create and change events")

	petra, again := visit(t, address, partner), visit(t, address, partner)
	petra.open(http.StatusOK, "/console/profile")
	again.open(http.StatusOK, "/console/profile")
	petra.send(http.StatusOK, "/profile", "name", "First")
	again.send(http.StatusConflict, "/profile", "name", "Second")
	again.sees("This has changed since you opened the page, and nothing was done.")
	again.send(http.StatusOK, "/profile", "name", "Third")
}
