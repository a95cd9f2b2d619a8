package attack

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
)

// operation is a request, and what holds when it has been made again without faults.
type operation struct {
	prepare func(w *world, s *session) func() *answer
	settle  func(w *world, s *session, a *answer)
}

// operations are those of the endpoints. What each settles is that there is no more than one live head, that
// what was used stays used, and that what was answered is true.
var operations = map[string]operation{
	"ask": {
		func(w *world, s *session) func() *answer {
			return func() *answer { return w.do(w.authorizeRequest(s)) }
		},
		func(w *world, s *session, a *answer) {
			if a.succeeded() {
				if a = w.approve(a); !a.location().Has("code") {
					w.t.Errorf("no code from the page: %d %s", a.status, a.body)
				}
			}
			w.settleCode(s, a)
		},
	},
	"ask what was allowed before": {
		func(w *world, s *session) func() *answer {
			w.signIn(s.app)
			return func() *answer { return w.do(w.authorizeRequest(s)) }
		},
		(*world).settleCode,
	},
	"approve": {
		func(w *world, s *session) func() *answer {
			target, cookies := w.consentPage(s)
			return func() *answer { return w.answerPage(target, cookies, nil) }
		},
		(*world).settleCode,
	},
	"exchange": {
		func(w *world, s *session) func() *answer {
			*s = *w.begin(s.app)
			return func() *answer { return w.do(w.exchangeRequest(s)) }
		},
		func(w *world, s *session, a *answer) {
			again := w.do(w.exchangeRequest(s))
			if a.status == http.StatusOK && again.status == http.StatusOK {
				w.t.Error("a code was exchanged twice")
			}
			if a.status == http.StatusOK {
				s.take(w.t, a)
				w.dead(s) // the second use of the code ended it
			}
			if again.status != http.StatusOK {
				w.refused(again, 400, "invalid_grant")
			}
		},
	},
	"refresh": {
		func(w *world, s *session) func() *answer {
			*s = *w.signIn(s.app)
			return func() *answer { return w.do(w.refreshRequest(s)) }
		},
		func(w *world, s *session, a *answer) {
			if a.status == http.StatusOK && !w.active(a.str("access_token")) {
				w.t.Error("the token is not active")
			}
			again := w.good(w.do(w.refreshRequest(s))) // the first use or a retry
			if a.status == http.StatusOK && a.str("refresh_token") != again.str("refresh_token") {
				w.t.Error("one refresh token has two successors")
			}
		},
	},
	"client credentials": {
		func(w *world, s *session) func() *answer {
			return func() *answer { return w.do(w.credentials("job")) }
		},
		func(w *world, s *session, a *answer) {
			for _, a := range []*answer{a, w.good(w.do(w.credentials("job")))} {
				if a.status == http.StatusOK && !w.active(a.str("access_token")) {
					w.t.Error("the token is not active")
				}
			}
		},
	},
	"introspect":                 introspection(func(s *session) string { return s.access }, true),
	"introspect a refresh token": introspection(func(s *session) string { return s.refresh }, true),
	"introspect what is over":    introspection(func(s *session) string { return s.access }, false),
	"revoke": {
		func(w *world, s *session) func() *answer {
			*s = *w.signIn(s.app)
			return func() *answer { return w.asks(s.app, "/revoke", s.refresh) }
		},
		func(w *world, s *session, a *answer) {
			if a.status == http.StatusOK {
				w.dead(s)
			}
			w.good(w.asks(s.app, "/revoke", s.refresh))
			w.dead(s)
		},
	},
	"revoke an access token": {
		func(w *world, s *session) func() *answer {
			*s = *w.signIn(s.app)
			return func() *answer { return w.asks(s.app, "/revoke", s.access) }
		},
		func(w *world, s *session, a *answer) {
			if a.status == http.StatusOK {
				w.inactive(s.app, s.access)
			}
			w.good(w.asks(s.app, "/revoke", s.access))
			w.inactive(s.app, s.access)
			w.good(w.do(w.refreshRequest(s)))
		},
	},
}

// introspection asks about a token of a grant that lives or is over, and is told so or nothing.
func introspection(tok func(s *session) string, lives bool) operation {
	return operation{
		func(w *world, s *session) func() *answer {
			*s = *w.signIn(s.app)
			if !lives {
				w.good(w.asks(s.app, "/revoke", s.refresh))
			}
			return func() *answer { return w.asks(s.app, "/introspect", tok(s)) }
		},
		func(w *world, s *session, a *answer) {
			for _, a := range []*answer{a, w.good(w.asks(s.app, "/introspect", tok(s)))} {
				if a.status == http.StatusOK && a.json["active"] != lives {
					w.t.Errorf("introspection says %s of a token that lives: %t", a.body, lives)
				}
			}
		},
	}
}

// settleCode uses the code that an authorization request came to, if there is one, and begins anew.
func (w *world) settleCode(s *session, a *answer) {
	w.t.Helper()
	if s.code = w.keep("code", a.location().Get("code")); s.code != "" {
		s.take(w.t, w.do(w.exchangeRequest(s)))
	}
	w.good(w.do(w.exchangeRequest(w.begin(s.app))))
}

// succeeded reports whether an answer says that all went well.
func (a *answer) succeeded() bool { return a.status < 400 && !a.location().Has("error") }

// unavailable checks an answer to whoever asked while the store was away.
func (w *world) unavailable(a *answer) {
	w.t.Helper()
	code := a.str("error")
	if code == "" {
		code = a.location().Get("error")
	}
	if code != "server_error" && code != "temporarily_unavailable" || a.status == http.StatusOK || a.location().Has("code") {
		w.t.Errorf("got %d %q %s", a.status, a.header.Get("Location"), a.body)
	}
	if len(a.events) != 1 || a.events[0].Err == nil {
		w.t.Errorf("events %+v, want one with an error", a.events)
	}
}

// everyFault breaks each operation at each of its calls to the store, and settles it on a new server. What happens
// during the fault is judged before that.
func everyFault(t *testing.T, broken func(s *faulty, n int), during func(w *world, s *faulty, a *answer)) {
	dialects := map[string]*oauth.Profile{"": nil, " with handles": {Handles: true}}
	for name, op := range operations {
		for dialect, p := range dialects {
			t.Run(name+dialect, func(t *testing.T) {
				for n := 1; ; n++ {
					w, f := faultyWorld(t, func(c *oauth.Config) { c.Profile = p })
					s := &session{app: "web", verifier: strings.Repeat("v", 43)}
					ask := op.prepare(w, s)
					f.heal()
					broken(f, n)
					a := ask()
					calls := f.calls
					if during != nil {
						during(w, f, a)
					}
					f.heal()
					restarted, err := oauth.New(w.config)
					if err != nil {
						t.Fatal(err)
					}
					w.server = restarted
					op.settle(w, s, a)
					w.tight()
					if n >= calls {
						break
					}
				}
			})
		}
	}
}

var errTimeout = fmt.Errorf("no answer from 10.0.0.1: %w", context.DeadlineExceeded)

// TestA365 lets each call time out, and then all that write.
func TestA365(t *testing.T) {
	everyFault(t, func(s *faulty, n int) {
		s.before = func(string, string) error {
			if s.calls == n {
				return errTimeout
			}
			return nil
		}
	}, func(w *world, _ *faulty, a *answer) {
		if !a.succeeded() {
			w.unavailable(a)
		}
	})
	everyFault(t, func(s *faulty, n int) {
		s.before = func(call string, _ string) error {
			if isWrite(call) {
				return errTimeout
			}
			return nil
		}
	}, func(w *world, s *faulty, a *answer) {
		if s.writes > 0 {
			w.unavailable(a)
		} else if !a.succeeded() {
			w.t.Errorf("nothing was to be written, and yet it got %d %s", a.status, a.body)
		}
	})
}

// TestA366 makes writes that nobody is told of.
func TestA366(t *testing.T) {
	everyFault(t, func(s *faulty, n int) {
		s.after = func(call, _ string) error {
			if isWrite(call) && s.calls == n {
				return errTimeout
			}
			return nil
		}
	}, func(w *world, _ *faulty, a *answer) {
		if !a.succeeded() {
			w.t.Errorf("one lost answer became %d %q %s", a.status, a.header.Get("Location"), a.body)
		}
	})
	everyFault(t, func(s *faulty, n int) {
		s.after = func(call, _ string) error {
			if isWrite(call) {
				return errTimeout
			}
			return nil
		}
	}, nil)
}

// TestA367 stops an operation of several writes after some of them.
func TestA367(t *testing.T) {
	everyFault(t, func(s *faulty, n int) {
		s.before = func(call, _ string) error {
			if isWrite(call) && s.writes > n {
				return errTimeout
			}
			return nil
		}
	}, nil)
}

// TestA381 kills the process before and after each write: from there on the store hears nothing more of it.
func TestA381(t *testing.T) {
	for _, effect := range []bool{false, true} {
		everyFault(t, func(s *faulty, n int) {
			down := false
			s.before = func(call, _ string) error {
				if down = down || !effect && isWrite(call) && s.writes >= n; down {
					return errTimeout
				}
				return nil
			}
			s.after = func(call, _ string) error {
				if down = isWrite(call) && s.writes >= n; down {
					return errTimeout
				}
				return nil
			}
		}, nil)
	}
}
