package oauthtest

import (
	"net/url"
	"sync/atomic"
	"time"
)

var codeRules = []rule{
	{
		name: "Code/OneWinner",
		text: "A code is redeemed once: of many requests at once, at two processes, one is answered, and the others end the grant.",
		check: func(c *tester) {
			h := c.newHost(static)
			c.races(func(n int) {
				a := h.attempt("web")
				beginCode(a)
				won := a.together(n, a.redemption())
				if len(won) != 1 {
					a.fatalf("%d of %d requests with one code were answered, want 1", len(won), n)
				}
				a.hand(won[0].str("access_token"), won[0].str("refresh_token"))
				a.dead()
			})
		},
	},
	{
		name: "Code/ReplayEndsGrant",
		text: "A code that is used again ends its grant, and with it every token.",
		check: func(c *tester) {
			a := c.newHost(static).attempt("web")
			beginLogin(a)
			a.must(a.rotate)
			a.mustNot("a used code", a.redeem)
			a.dead()
		},
	},
	{
		name: "Code/Expires",
		text: "A code is good for its lifetime, 60 seconds, and no longer.",
		check: func(c *tester) {
			a := c.newHost(static).attempt("web")
			beginCode(a)
			a.pass(59 * time.Second)
			a.must(a.redeem)
			a.code, a.access, a.refresh = "", nil, nil
			beginCode(a)
			a.pass(60 * time.Second)
			a.mustNot("an expired code", a.redeem)
		},
	},
	{
		name: "Code/BoundToClient",
		text: "A code is no use to another client, and its trying changes nothing.",
		check: func(c *tester) {
			a := c.newHost(static).attempt("web")
			beginCode(a)
			a.refuses(a.post(1, "other", "/token", a.redemption()))
			a.must(a.redeem)
			a.refuses(a.post(1, "other", "/token", a.redemption()))
			a.alive()
		},
	},
	{
		name: "Code/BoundToRedirectURI",
		text: "A code is redeemed with the redirect URI that it was sent to, and no other attempt changes anything.",
		check: func(c *tester) {
			c.binds(map[string]string{"another of the app's": callback2, "a stranger's": "https://evil.example.com/cb", "none": ""}, "redirect_uri")
		},
	},
	{
		name: "Code/BoundToVerifier",
		text: "A code is redeemed with the verifier of its challenge, and no other attempt changes anything.",
		check: func(c *tester) {
			c.binds(map[string]string{"another": verifier[1:] + "A", "the challenge": "plain-" + verifier, "none": ""}, "code_verifier")
		},
	},
	{
		name: "Code/FormWorksOnce",
		text: "A consent form gives one code, however often and at how many processes at once it is posted.",
		check: func(c *tester) {
			h := c.newHost(static)
			c.races(func(n int) {
				a := h.attempt("web")
				a.startBrowser()
				a.must(a.ask)
				var codes atomic.Int64
				race(min(n, 50), func(i int) {
					b := *a.browser
					b.process = i % 2
					r := b.visit("POST", a.form, url.Values{})
					u, err := r.Location()
					switch {
					case err == nil && u.Query().Has("code"):
						codes.Add(1)
					case err == nil && u.Query().Get("error") == "temporarily_unavailable", r.StatusCode == 400:
					default:
						a.Errorf("a form that was posted %d times at once was answered %v", n, r)
					}
				})
				if codes.Load() != 1 {
					a.fatalf("one form gave %d codes", codes.Load())
				}
			})
		},
	},
}

// binds sees that a code is refused, and stays good, if the parameter has one of the wrong values.
func (c *tester) binds(wrong map[string]string, param string) {
	c.Helper()
	h := c.newHost(static)
	for what, value := range wrong {
		a := h.attempt("web")
		a.label = what + " as " + param
		beginCode(a)
		a.refuses(a.post(1, "web", "/token", a.redemption(param, value)))
		a.must(a.redeem)
		a.refuses(a.post(1, "web", "/token", a.redemption(param, value))) // a used code is reused only by who may use it
		a.alive()
	}
}

// refuses sees that a token request was refused, as a grant or client that is not good.
func (a *attempt) refuses(r reply) {
	a.Helper()
	if !r.is(400, "invalid_grant") {
		a.fatalf("it was answered %v, want 400 invalid_grant", r)
	}
}

// together sends a token request n times at once, to two processes, and returns the answers with tokens.
func (a *attempt) together(n int, form url.Values) (won []reply) {
	a.Helper()
	replies := make([]reply, n)
	race(n, func(i int) { replies[i] = a.post(i%2, a.app, "/token", form) })
	for _, r := range replies {
		switch {
		case r.is(200, ""):
			won = append(won, r)
		case !r.is(400, "invalid_grant") && !r.is(503, "temporarily_unavailable"):
			a.fatalf("one of %d requests at once was answered %v", n, r)
		}
	}
	return won
}
