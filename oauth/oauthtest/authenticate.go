package oauthtest

import (
	"net/url"
)

var clientRules = []rule{
	{
		name: "Client/Secret",
		text: "A request with a wrong secret, without one, or by another method than the app's, is nobody's: it is refused and changes nothing.",
		check: func(c *tester) {
			a := c.newHost(strict).attempt("web")
			beginCode(a)
			send := map[string]func(path string, form url.Values) reply{
				"a wrong secret": func(path string, form url.Values) reply { return a.raw(1, path, "web", "x"+secret, form) },
				"no secret": func(path string, form url.Values) reply {
					return a.raw(1, path, "", "", with(form, "client_id", "web"))
				},
				"the secret in the body": func(path string, form url.Values) reply {
					return a.raw(1, path, "", "", with(form, "client_id", "web", "client_secret", secret))
				},
				"a secret of no app": func(path string, form url.Values) reply { return a.raw(1, path, "nobody", secret, form) },
			}
			a.strangers(send)
		},
	},
	{
		name: "Client/Key",
		text: "A refresh token of an app that signs is no use to who has not its key: the key of another app, or its assertion, does not do.",
		check: func(c *tester) {
			a := c.newHost(strict).attempt("machine")
			beginCode(a)
			form := func(form url.Values) url.Values { return a.asserted(form, "machine", a.strange) }
			send := map[string]func(path string, f url.Values) reply{
				"another app's key":       func(path string, f url.Values) reply { return a.raw(1, path, "", "", form(f)) },
				"no assertion":            func(path string, f url.Values) reply { return a.raw(1, path, "", "", with(f, "client_id", "machine")) },
				"a secret it has not got": func(path string, f url.Values) reply { return a.raw(1, path, "machine", secret, f) },
				"another app's assertion": func(path string, f url.Values) reply {
					return a.raw(1, path, "", "", with(a.asserted(f, "robot", a.strange), "client_id", "machine"))
				},
			}
			a.strangers(send)
		},
	},
	{
		name: "Client/AssertionOnce",
		text: "An assertion is good for one request that succeeds, at whichever process and of whichever kind; one that is refused does not spend it.",
		check: func(c *tester) {
			a := c.newHost(static).attempt("machine")
			beginRefresh(a)
			credentials := a.asserted(url.Values{}, "machine", a.keys)
			request := func(form url.Values) url.Values {
				return with(form, "client_assertion", credentials.Get("client_assertion"), "client_assertion_type", assertionType)
			}
			a.refuses(a.raw(0, "/token", "", "", request(rotation("nothing"))))
			r := a.raw(0, "/token", "", "", request(rotation(a.last())))
			if !r.is(200, "") {
				a.fatalf("the first good request of an assertion was answered %v", r)
			}
			a.hand(r.str("access_token"), r.str("refresh_token"))
			for path, form := range map[string]url.Values{
				"/token":      rotation(a.last()),
				"/introspect": {"token": {a.last()}},
				"/revoke":     {"token": {a.last()}},
			} {
				if r := a.raw(1, path, "", "", request(form)); !r.is(401, "invalid_client") {
					a.fatalf("%s answered an assertion that was used before %v, want 401 invalid_client", path, r)
				}
			}
			a.alive()
		},
	},
}

// strangers sends all that a client sends, in ways that do not prove to be the client, and sees that
// nothing comes of it.
func (a *attempt) strangers(send map[string]func(path string, form url.Values) reply) {
	a.Helper()
	try := func(path string, form url.Values) {
		a.Helper()
		for what, send := range send {
			if r := send(path, form); !r.is(401, "invalid_client") {
				a.fatalf("%s at %s was answered %v, want 401 invalid_client", what, path, r)
			}
		}
	}
	try("/token", a.redemption())
	a.must(a.redeem)
	try("/token", a.redemption())
	try("/token", rotation(a.last()))
	spent := a.last()
	a.must(a.rotate)
	try("/token", rotation(spent))
	try("/revoke", url.Values{"token": {a.last()}})
	try("/introspect", url.Values{"token": {a.last()}})
	a.alive()
}
