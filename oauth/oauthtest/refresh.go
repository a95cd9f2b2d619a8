package oauthtest

import (
	"slices"
	"strings"
	"time"
)

var refreshRules = []rule{
	{
		name: "Refresh/Rotates",
		text: "Every use of a refresh token gives another, which alone is then current.",
		check: func(c *tester) {
			a := c.newHost(registered, "web").attempt("web")
			beginLogin(a)
			for range 5 {
				a.must(a.rotate)
			}
			if len(a.refresh) != 6 {
				a.fatalf("five uses gave %d different tokens", len(a.refresh)-1)
			}
			a.alive()
		},
	},
	{
		name: "Refresh/RetryGetsSameSuccessor",
		text: "Who lost the answer and asks again within the grace gets the same successor, from any process, however often.",
		check: func(c *tester) {
			a := c.newHost(static).attempt("web")
			beginRefresh(a)
			spent := a.last()
			a.must(a.rotate)
			successor := a.last()
			for i := range 4 {
				a.process = i % 2
				a.pass(grace / 4)
				if r, o := a.send("/token", rotation(spent)); o != done || r.str("refresh_token") != successor {
					a.fatalf("try %d: the outcome is %q, and the successor the same: %v", i+2, o, r.str("refresh_token") == successor)
				}
			}
			a.alive()
		},
	},
	{
		name: "Refresh/OneSuccessor",
		text: "Of many uses of one refresh token at once, at two processes, all that are answered within the grace get the same successor.",
		check: func(c *tester) {
			h := c.newHost(static)
			c.races(func(n int) {
				a := h.attempt("web")
				beginRefresh(a)
				for _, r := range a.together(n, rotation(a.last())) {
					a.hand(r.str("access_token"), r.str("refresh_token"))
				}
				if len(a.refresh) != 3 {
					a.fatalf("one refresh token has %d successors", len(a.refresh)-2)
				}
				a.access = a.access[:min(len(a.access), 10)]
				a.alive()
			})
		},
	},
	{
		name: "Refresh/StrictOneWinner",
		text: "Without a grace at most one of many uses at once is answered, and the grant ends.",
		check: func(c *tester) {
			h := c.newHost(strict)
			c.races(func(n int) {
				a := h.attempt("web")
				beginRefresh(a)
				won := a.together(n, rotation(a.last()))
				if len(won) > 1 {
					a.fatalf("%d of %d uses of one refresh token were answered, want at most 1", len(won), n)
				}
				for _, r := range won {
					a.hand(r.str("access_token"), r.str("refresh_token"))
				}
				a.dead()
			})
		},
	},
	{
		name:  "Refresh/StrictReuseEndsGrant",
		text:  "Without a grace a second use of a refresh token ends the grant.",
		check: func(c *tester) { c.reuse(strict, 0, 1) },
	},
	{
		name:  "Refresh/LateRetryEndsGrant",
		text:  "A second use after the grace ends the grant.",
		check: func(c *tester) { c.reuse(static, grace+time.Second, 1) },
	},
	{
		name:  "Refresh/OldTokenEndsGrant",
		text:  "A token of the family that is two or more behind ends the grant, at once.",
		check: func(c *tester) { c.reuse(static, 0, 2) },
	},
	{
		name: "Refresh/GarbageEndsNothing",
		text: "Who knows no more than a grant's name, or has a token with a letter changed, ends nothing.",
		check: func(c *tester) {
			a := c.newHost(strict).attempt("web")
			beginRefresh(a)
			good := a.last()
			for _, at := range []int{len(good) - 4, len(good) / 2, len(good) / 3} {
				digit := "1"
				if good[at] == '1' {
					digit = "2"
				}
				a.refuses(a.post(1, "web", "/token", rotation(good[:at]+digit+good[at+1:])))
			}
			name := good[:len(good)*18/69] // the first bytes of a token name its grant, in base64url or in hex
			a.refuses(a.post(1, "web", "/token", rotation(name+strings.Repeat("1", len(good)-len(name)))))
			a.refuses(a.post(1, "web", "/token", rotation(name)))
			a.alive()
		},
	},
	{
		name: "Refresh/BoundToClient",
		text: "A refresh token is no use to another client, current or spent, and its trying changes nothing.",
		check: func(c *tester) {
			a := c.newHost(strict).attempt("web")
			beginRefresh(a)
			for _, tok := range a.refresh {
				a.refuses(a.post(1, "other", "/token", rotation(tok)))
			}
			if r := a.post(1, "other", "/introspect", map[string][]string{"token": {a.last()}}); r.json["active"] != false {
				a.fatalf("another client's introspection was answered %v, active %v", r, r.json["active"])
			}
			a.alive()
		},
	},
	{
		name: "Refresh/BoundToTenant",
		text: "A code or refresh token is no use in another tenant than it was given for, and trying changes nothing.",
		check: func(c *tester) {
			a := c.newHost(registered, "web").attempt("web")
			beginCode(a)
			a.refuses(a.post(1, "web", "/token", a.redemption("tenant", "acme")))
			a.must(func() outcome {
				return a.token("grant_type", "authorization_code", "code", a.code, "code_verifier", verifier, "redirect_uri", callback, "tenant", a.tenant)
			})
			a.refuses(a.post(1, "web", "/token", rotation(a.last(), "tenant", "acme")))
			a.must(func() outcome {
				return a.token("grant_type", "refresh_token", "refresh_token", a.last(), "tenant", a.tenant)
			})
			a.alive()
		},
	},
	{
		name: "Refresh/NarrowsScope",
		text: "A refresh may ask for less, and the access token has that and no more; the next may ask for all again.",
		check: func(c *tester) {
			h := c.newHost(static)
			for _, app := range []string{"web", "opaque"} {
				a := h.attempt(app)
				beginLogin(a)
				for _, tt := range []struct {
					ask  string
					want []string
				}{{"read", []string{"read"}}, {"write", []string{"write"}}, {"", []string{"read", "write"}}} {
					r, o := a.send("/token", rotation(a.last(), "scope", tt.ask))
					if o != done {
						a.fatalf("a refresh for scope %q was answered %v", tt.ask, r)
					}
					claims, err := a.says(r.str("access_token"))
					if err != nil || !slices.Equal(claims.Scopes, tt.want) || r.str("scope") != strings.Join(tt.want, " ") {
						a.fatalf("a refresh for scope %q gave a token with %+v, %v and the answer says %q, want %q", tt.ask, claims, err, r.str("scope"), tt.want)
					}
				}
				a.alive()
			}
		},
	},
	{
		name: "Refresh/NeverWidensScope",
		text: "A refresh for more than was granted is refused, though the app may have it, and changes nothing.",
		check: func(c *tester) {
			a := c.newHost(strict).attempt("web")
			beginLogin(a)
			for _, ask := range []string{"admin", "read write admin"} {
				if r := a.post(1, "web", "/token", rotation(a.last(), "scope", ask)); !r.is(400, "invalid_scope") {
					a.fatalf("a refresh for scope %q was answered %v, want 400 invalid_scope", ask, r)
				}
			}
			a.alive()
		},
	},
	{
		name: "Refresh/Expires",
		text: "A refresh token that is not used for its lifetime, 30 days, is over.",
		check: func(c *tester) {
			a := c.newHost(static).attempt("web")
			beginRefresh(a)
			a.pass(30*24*time.Hour - time.Second)
			a.must(a.rotate)
			a.pass(30 * 24 * time.Hour)
			a.access = nil // they expired long before
			a.dead()
		},
	},
}

// reuse uses a refresh token that is so many generations behind again, that long after the last rotation.
func (c *tester) reuse(set setting, after time.Duration, behind int) {
	c.Helper()
	a := c.newHost(set).attempt("web")
	beginLogin(a)
	for range 3 {
		a.must(a.rotate)
	}
	if len(a.refresh) != 4 {
		a.fatalf("three uses gave %d different tokens", len(a.refresh)-1)
	}
	a.pass(after)
	tok := a.refresh[len(a.refresh)-1-behind]
	a.mustNot("a spent refresh token", func() outcome { return a.token("grant_type", "refresh_token", "refresh_token", tok) })
	a.dead()
}
