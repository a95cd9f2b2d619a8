package proof_test

import "bytes"

// flow is one request of a client, or of the host's, with what goes before it.
type flow struct {
	name    string
	strict  bool // of a server in strict mode
	once    bool // it spends what is good once: the second try may be refused
	free    bool // it begins a grant and spends nothing: a try whose answer was lost may have left one of its own
	prepare func(*crash)
	act     func(*crash) answer

	// judge sees what came of it: the answer to the second try, nil if that was refused, and what the node that
	// died had meant to answer, nil if it did not come that far.
	judge func(x *crash, again, lost *answer)
}

// crash is one run of a flow, with a user and an organisation of its own.
type crash struct {
	*client
	node string
	add  func(format string, args ...any)

	page    answer // of consent
	code    string
	access  string
	refresh string   // the newest refresh token
	before  []string // those before it
	grants  int      // how many were begun for good
}

// take notes what a token answer gave.
func (x *crash) take(a answer) {
	x.access = a.member("access_token")
	if tok := a.member("refresh_token"); tok != x.refresh {
		if x.refresh != "" {
			x.before = append(x.before, x.refresh)
		}
		x.refresh = tok
	}
}

// expect makes a request that must come to want.
func (x *crash) expect(what string, a answer, want outcome) answer {
	if o, said := a.outcome(); o != want {
		x.add("%s: %s %s, want %s", what, o, said, want)
	}
	return a
}

// The steps that flows have in common.

func (x *crash) install() { x.expect("installing", x.host(x.node, "Install/allow"), done) }

func (x *crash) askCode() {
	if x.code = x.client.code(x.node); x.code == "" {
		x.add("there is no code to be had")
	}
}

func (x *crash) redeem() {
	x.take(x.expect("a code", x.exchange(x.node, x.code), done))
	x.grants++
}

func (x *crash) rotate() {
	x.take(x.expect("the newest refresh token", x.client.refresh(x.node, x.refresh), done))
}

// begin gets a grant that was refreshed twice.
func (x *crash) begin() {
	x.install()
	x.askCode()
	x.redeem()
	x.rotate()
	x.rotate()
}

// create makes an app that is this run's.
func (x *crash) create() {
	x.app = x.tenant
	x.expect("creating an app", x.host(x.node, "Create"), done)
}

// named sees how often a list has the app.
func (x *crash) named(list answer, want int) {
	if got := bytes.Count(list.Body, []byte(x.app+"\n")); got != want {
		x.add("the app is %d times in the list, want %d", got, want)
	}
}

// listed sees how often the directory has the app.
func (x *crash) listed(want int) {
	x.named(x.expect("the directory", x.host(x.node, "Apps"), done), want)
}

// isActive sees whether a token is worth something.
func (x *crash) isActive(what, tok string, want bool) {
	if tok == "" {
		return
	}
	if a := x.expect(what, x.introspect(x.node, tok), done); a.active() != want {
		x.add("%s: active is %v, want %v", what, a.active(), want)
	}
}

// alive sees that the newest tokens are good, that the ones before are not, and that one long spent ends
// it all.
func (x *crash) alive() {
	x.isActive("the access token", x.access, true)
	x.isActive("the refresh token", x.refresh, true)
	x.rotate()
	x.rotate() // the first token is now long spent
	for _, tok := range x.before {
		x.isActive("a spent refresh token", tok, false)
	}
	x.expect("a token long spent", x.client.refresh(x.node, x.before[0]), refused)
	x.dead()
}

// dead sees that nothing that was handed out is worth anything.
func (x *crash) dead() {
	x.isActive("the access token, after the end", x.access, false)
	x.isActive("the refresh token, after the end", x.refresh, false)
	if x.refresh != "" {
		x.expect("the refresh token, after the end", x.client.refresh(x.node, x.refresh), refused)
	}
}

// deadAnswer sees that the tokens of an answer that nobody got are worth nothing.
func (x *crash) deadAnswer(lost *answer) {
	if lost == nil {
		return
	}
	x.isActive("an access token that nobody got", lost.member("access_token"), false)
	tok := lost.member("refresh_token")
	x.isActive("a refresh token that nobody got", tok, false)
	if tok != "" {
		x.expect("a refresh token that nobody got", x.client.refresh(x.node, tok), refused)
	}
}

// startOver goes through the pages again, as a user does to whom something went wrong.
func (x *crash) startOver() {
	x.askCode()
	x.anew()
}

// anew uses a new code, and sees that all of its grant is well.
func (x *crash) anew() {
	x.refresh, x.before = "", nil
	x.redeem()
	x.alive()
}

var flows = []flow{
	{name: "a consent page", prepare: (*crash).install,
		act: func(x *crash) answer { return x.authorize(x.node) },
		judge: func(x *crash, again, _ *answer) {
			x.code = x.allow(x.node, *again).query("code")
			x.anew()
		}},
	{name: "a consent form", once: true,
		prepare: func(x *crash) {
			x.install()
			x.page = x.expect("the consent page", x.authorize(x.node), done)
		},
		act: func(x *crash) answer { return x.allow(x.node, x.page) },
		judge: func(x *crash, again, _ *answer) {
			if again == nil {
				x.startOver()
				return
			}
			x.code = again.query("code")
			x.anew()
		}},
	{name: "silent authorization", prepare: (*crash).begin,
		act: func(x *crash) answer { return x.authorize(x.node, "none") },
		judge: func(x *crash, again, _ *answer) {
			x.code = again.query("code")
			x.anew()
		}},
	{name: "a code", once: true,
		prepare: func(x *crash) {
			x.install()
			x.askCode()
		},
		act: func(x *crash) answer { return x.exchange(x.node, x.code) },
		judge: func(x *crash, again, lost *answer) {
			x.grants++ // the first time or the second
			if again != nil {
				x.take(*again)
				x.alive()
			}
			x.deadAnswer(lost)
			x.expect("a used code", x.exchange(x.node, x.code), refused)
			x.startOver()
		}},
	{name: "a refresh token", prepare: (*crash).begin,
		act: func(x *crash) answer { return x.client.refresh(x.node, x.refresh) },
		judge: func(x *crash, again, lost *answer) {
			if again == nil {
				return
			}
			if lost != nil && lost.member("refresh_token") != again.member("refresh_token") {
				x.add("a refresh token has two successors")
			}
			x.take(*again)
			x.alive()
			x.deadAnswer(lost)
		}},
	{name: "a refresh token in strict mode", strict: true, once: true, prepare: (*crash).begin,
		act: func(x *crash) answer { return x.client.refresh(x.node, x.refresh) },
		judge: func(x *crash, again, lost *answer) {
			if again != nil {
				x.take(*again)
				x.alive()
			} else {
				x.dead()
			}
			x.deadAnswer(lost)
		}},
	{name: "client credentials", prepare: func(*crash) {},
		act: func(x *crash) answer { return x.credentials(x.node) },
		judge: func(x *crash, again, _ *answer) {
			if again != nil {
				x.isActive("the access token", again.member("access_token"), true)
			}
		}},
	{name: "client credentials with a refresh token", free: true,
		prepare: func(x *crash) { x.app, x.keys = "bot", nil },
		act:     func(x *crash) answer { return x.credentials(x.node) },
		judge:   begun("Update/end")},
	{name: "the host's grant type", free: true, prepare: (*crash).install,
		act:   func(x *crash) answer { return x.wear(x.node) },
		judge: begun("Disconnect")},
	{name: "Issue", free: true, prepare: (*crash).install,
		act:   func(x *crash) answer { return x.host(x.node, "Issue") },
		judge: begun("EndSubject")},
	{name: "introspection", prepare: (*crash).begin,
		act:   func(x *crash) answer { return x.introspect(x.node, x.access) },
		judge: active},
	{name: "introspection in process", prepare: (*crash).begin,
		act:   func(x *crash) answer { return x.introspectAtHost(x.node, x.access) },
		judge: active},
	{name: "revoking a refresh token", prepare: (*crash).begin,
		act:   func(x *crash) answer { return x.revoke(x.node, x.refresh) },
		judge: ended},
	{name: "revoking an access token", prepare: (*crash).begin,
		act: func(x *crash) answer { return x.revoke(x.node, x.access) },
		judge: func(x *crash, _, _ *answer) {
			x.isActive("a revoked access token", x.access, false)
			x.rotate()
			x.alive()
		}},
	{name: "disconnecting", prepare: (*crash).begin,
		act:   func(x *crash) answer { return x.host(x.node, "Disconnect") },
		judge: ended},
	{name: "ending a subject", prepare: (*crash).begin,
		act:   func(x *crash) answer { return x.host(x.node, "EndSubject") },
		judge: ended},
	{name: "ending an app's grants", prepare: (*crash).begin,
		act:   func(x *crash) answer { return x.host(x.node, "Update/end") },
		judge: ended},
	{name: "the apps that a user let in", prepare: (*crash).begin,
		act:   func(x *crash) answer { return x.host(x.node, "Consents") },
		judge: func(x *crash, again, _ *answer) { x.named(*again, 1) }},
	{name: "the apps that an organisation installed", prepare: (*crash).install,
		act:   func(x *crash) answer { return x.host(x.node, "Installations") },
		judge: func(x *crash, again, _ *answer) { x.named(*again, 1) }},
	{name: "installing", prepare: func(*crash) {},
		act:   func(x *crash) answer { return x.host(x.node, "Install/allow") },
		judge: func(x *crash, _, _ *answer) { x.startOver() }},
	{name: "uninstalling", prepare: (*crash).begin,
		act: func(x *crash) answer { return x.host(x.node, "Install/remove") },
		judge: func(x *crash, _, _ *answer) {
			x.dead()
			if x.client.code(x.node) != "" {
				x.add("an app gets a code where it is not installed")
			}
			x.install()
			x.startOver()
		}},
	{name: "creating an app", prepare: func(x *crash) { x.app = x.tenant },
		act: func(x *crash) answer { return x.host(x.node, "Create") },
		judge: func(x *crash, _, _ *answer) {
			x.expect("listing", x.host(x.node, "Update/list"), done)
			x.listed(1)
		}},
	{name: "listing an app", prepare: (*crash).create,
		act:   func(x *crash) answer { return x.host(x.node, "Update/list") },
		judge: func(x *crash, _, _ *answer) { x.listed(1) }},
	{name: "unlisting an app",
		prepare: func(x *crash) {
			x.create()
			x.expect("listing", x.host(x.node, "Update/list"), done)
		},
		act: func(x *crash) answer { return x.host(x.node, "Update/unlist") },
		judge: func(x *crash, _, _ *answer) {
			x.listed(0)
			x.expect("listing again", x.host(x.node, "Update/list"), done)
			x.listed(1)
		}},
	{name: "the directory",
		prepare: func(x *crash) {
			x.create()
			x.expect("listing", x.host(x.node, "Update/list"), done)
		},
		act:   func(x *crash) answer { return x.host(x.node, "Apps") },
		judge: func(x *crash, again, _ *answer) { x.named(*again, 1) }},
}

// ended judges what ends a grant: nothing of it is left, and the user may let the app in again.
func ended(x *crash, _, _ *answer) {
	x.dead()
	x.startOver()
}

// begun returns a judge of what begins a grant and spends nothing. The second try has one of its own. The one
// of a first try whose answer was lost has the same owner, and ends with it.
func begun(end string) func(x *crash, again, lost *answer) {
	return func(x *crash, again, lost *answer) {
		x.grants++
		x.take(*again)
		x.isActive("the access token", x.access, true)
		x.rotate()
		x.expect(end, x.host(x.node, end), done)
		x.dead()
		x.deadAnswer(lost)
	}
}

// active judges what looks at a good access token.
func active(x *crash, again, _ *answer) {
	if !again.active() {
		x.add("a good access token is inactive")
	}
	x.alive()
}
