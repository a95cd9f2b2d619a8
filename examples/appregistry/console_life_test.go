package main

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
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
