package oauthtest

import (
	"net/url"
	"slices"
)

var endRules = []rule{
	{
		name: "Revoke/EndsGrant",
		text: "Revoking a refresh token, current or spent, ends its grant and every token of it, and no other grant.",
		check: func(c *tester) {
			h := c.newHost(registered, "web")
			for _, which := range []func(*attempt) string{(*attempt).last, func(a *attempt) string { return a.refresh[0] }} {
				a, bystander := h.attempt("web"), h.attempt("web")
				beginRefresh(a)
				beginRefresh(bystander)
				a.must(func() outcome { return a.revoke(which(a)) })
				a.process = 1
				a.dead()
				a.must(func() outcome { return a.revoke(which(a)) }) // once more is no error
				bystander.alive()
			}
		},
	},
	{
		name: "Revoke/AccessTokenAlone",
		text: "Revoking an access token ends that one alone.",
		check: func(c *tester) {
			h := c.newHost(static)
			for _, app := range []string{"web", "opaque"} {
				a := h.attempt(app)
				beginRefresh(a)
				a.must(func() outcome { return revokeAccess(a) })
				a.process = 1
				afterRevokeAccess(a)
			}
		},
	},
	{
		name: "Revoke/BoundToClient",
		text: "A client revokes its own tokens only; of garbage it is told nothing.",
		check: func(c *tester) {
			a := c.newHost(static).attempt("web")
			beginRefresh(a)
			for _, tok := range slices.Concat(a.refresh, a.access) {
				if r := a.post(1, "other", "/revoke", url.Values{"token": {tok}}); r.StatusCode != 400 {
					a.fatalf("another client's revocation was answered %v, want a refusal", r)
				}
			}
			if r := a.post(1, "other", "/revoke", url.Values{"token": {a.last()[:24]}}); !r.is(200, "") {
				a.fatalf("a revocation of garbage was answered %v, want 200", r)
			}
			a.alive()
		},
	},
	{
		name:  "End/Subject",
		text:  "EndSubject ends every grant of a user, at every app, and no other user's.",
		check: func(c *tester) { c.ends(endings[0]) },
	},
	{
		name:  "End/Consent",
		text:  "Disconnect ends every grant of a user at one app, those of the host's grants too, and no other.",
		check: func(c *tester) { c.ends(endings[1]) },
	},
	{
		name:  "End/App",
		text:  "The end of an app's grants ends all of them, whoever's, those of the app itself too, and no other app's.",
		check: func(c *tester) { c.ends(endings[2]) },
	},
	{
		name:  "End/Installation",
		text:  "Removing an installation ends every grant under it, for ever: installed again, the app begins anew.",
		check: func(c *tester) { c.ends(endings[3]) },
	},
}

// ends begins grants of two users at two apps, ends some by e, and sees that these are over and the others
// are not. What begins afterwards is alive.
func (c *tester) ends(e ending) {
	c.Helper()
	h := c.newHost(registered, "web", "opaque", "machine")
	all := func() (list []*attempt) {
		for _, app := range []string{"web", "opaque", "machine"} {
			login, issued := h.attempt(app), h.attempt(app)
			beginLogin(login)
			issued.user = login.user
			beginRefresh(issued)
			list = append(list, login, issued)
		}
		for _, app := range []string{"opaque", "machine"} { // tokens of no user
			own := h.attempt(app)
			own.user = ""
			own.must(own.forItself)
			list = append(list, own)
		}
		sameUser := h.attempt("opaque")
		sameUser.user = list[0].user
		beginRefresh(sameUser)
		return append(list, sameUser)
	}
	before := all()
	target := before[0]
	target.must(func() outcome { return e.do(target) })
	h.install(target.app) // again, if that is what was ended
	after := h.attempt(target.app)
	after.user = target.user
	beginRefresh(after)
	for _, a := range before {
		a.process = 1
		a.label = "a grant of " + a.user + " at " + a.app + " after " + e.name + " for " + target.user + " at " + target.app
		if (a.user == target.user || !e.ofUser) && (a.app == target.app || !e.ofApp) {
			a.dead()
		} else {
			a.alive()
		}
	}
	after.label = "a grant that began after " + e.name
	after.alive()
}
