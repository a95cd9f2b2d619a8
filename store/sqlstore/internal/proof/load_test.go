package proof_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load is what many apps do with their grants, at nodes that may fail, and what they were told.
type load struct {
	nodes  []string
	strict bool // the nodes answer a refresh token once
	http   *http.Client

	workers []*worker
	findings
	rotations, revocations, exchanges, replays atomic.Int64 // acknowledged
	refusals                                   atomic.Int64 // of second tries in strict mode
	unanswered                                 atomic.Int64 // requests of which nobody knows what they did
}

// worker is one app's server with its grants. Nothing of it is shared.
type worker struct {
	*load
	live  []*family
	ended []*family
}

// family is a grant as its client knows it.
type family struct {
	*client
	code   string        // that it began with
	tokens []string      // refresh tokens in the order in which they were acknowledged; the last is the one to use
	access string        // the newest access token
	doubt  bool          // the last was used, and nobody knows to what effect
	ending func() answer // a way to end it that was tried and not yet acknowledged
	how    string
}

func (f *family) last() string { return f.tokens[len(f.tokens)-1] }

// take notes what a token answer gave.
func (f *family) take(a answer) {
	f.access = a.member("access_token")
	if tok := a.member("refresh_token"); len(f.tokens) == 0 || tok != f.last() {
		f.tokens = append(f.tokens, tok)
	}
}

// newLoad returns the load of so many workers on two nodes.
func newLoad(t testing.TB, sys system, workers int) *load {
	t.Helper()
	l := &load{nodes: sys.inProcess(t, 2), strict: sys.Strict, http: newHTTP()}
	for range workers {
		l.workers = append(l.workers, &worker{load: l})
	}
	return l
}

// run works until ctx ends.
func (l *load) run(ctx context.Context) {
	var all sync.WaitGroup
	for _, w := range l.workers {
		all.Go(func() {
			for ctx.Err() == nil {
				w.step()
			}
		})
	}
	all.Wait()
}

func (l *load) node() string { return l.nodes[rand.IntN(len(l.nodes))] }

// outcome judges an answer and notes an odd one.
func (l *load) outcome(what string, a answer) outcome {
	o, said := a.outcome()
	switch o {
	case odd:
		l.add("%s was answered with %s", what, said)
	case unknown:
		l.unanswered.Add(1)
		time.Sleep(time.Duration(1+rand.IntN(20)) * time.Millisecond) // a client that is told to come back later
	}
	return o
}

// step is one thing that a client does.
func (w *worker) step() {
	if len(w.live) < 3 {
		w.begin()
		return
	}
	f := w.live[rand.IntN(len(w.live))]
	n := rand.IntN(100)
	switch {
	case f.ending != nil:
		w.end(f)
	case n < 50 || n < 70 && w.strict:
		w.rotate(f)
	case n < 70:
		w.rotateTwice(f)
	case n < 90:
		w.chooseEnd(f)
	case len(w.ended) > 0:
		w.checkEnded(w.ended[rand.IntN(len(w.ended))])
	}
}

// begin gets a new grant, through the pages and a code.
func (w *worker) begin() {
	f := &family{client: newClient(w.http, "web", "", nil)}
	node := w.node()
	page := f.authorize(node)
	if w.outcome("an authorization request", page) != done {
		return
	}
	redirect := f.allow(w.node(), page)
	if w.outcome("a consent form", redirect) != done {
		return
	}
	f.code = redirect.query("code")
	for tries := 1; ; tries++ {
		a := f.exchange(w.node(), f.code)
		switch o := w.outcome("a code", a); {
		case o == done:
			f.take(a)
			w.exchanges.Add(1)
			w.live = append(w.live, f)
			return
		case o == refused && tries == 1:
			w.add("a code was refused at its first use")
			return
		case o == refused || o == odd: // a code has no grace: if an answer was lost, it is spent
			return
		case tries == 1000:
			w.add("a code was not answered in a thousand tries")
			return
		}
	}
}

// rotate uses the newest refresh token.
func (w *worker) rotate(f *family) { w.rotated(f, f.refresh(w.node(), f.last())) }

// rotated sees what came of the newest refresh token. It must never be refused: whatever was lost was lost to
// a client that asks again. In strict mode that one may find it spent, and no successor alive.
func (w *worker) rotated(f *family, a answer) {
	switch w.outcome("a refresh token", a) {
	case done:
		f.take(a)
		f.doubt = false
		w.rotations.Add(1)
	case unknown:
		f.doubt = true
	case refused:
		w.drop(f)
		if !w.strict || !f.doubt {
			w.add("the newest refresh token that was acknowledged was refused")
			return
		}
		w.refusals.Add(1)
		f.how = "a second try in strict mode"
		w.checkEnded(f) // which tries again
		w.ended = append(w.ended, f)
	}
}

// rotateTwice uses the newest refresh token at two nodes at once, as impatient clients do. There is one
// successor.
func (w *worker) rotateTwice(f *family) {
	var answers [2]answer
	var both sync.WaitGroup
	for i := range answers {
		twin := *f.client
		both.Go(func() { answers[i] = twin.refresh(w.nodes[i%len(w.nodes)], f.last()) })
	}
	both.Wait()
	seen := ""
	for _, a := range answers {
		switch w.outcome("one of two equal refresh tokens", a) {
		case done:
			tok := a.member("refresh_token")
			if seen != "" && tok != seen {
				w.add("a refresh token has two successors")
			}
			if seen == "" {
				f.take(a)
				w.rotations.Add(1)
			}
			seen = tok
		case refused:
			w.add("one of two equal refresh tokens was refused")
			w.drop(f)
			return
		}
	}
}

// chooseEnd begins to end a grant.
func (w *worker) chooseEnd(f *family) {
	switch rand.IntN(5) {
	case 0:
		f.how, f.ending = "disconnecting", func() answer { return f.host(w.node(), "Disconnect") }
	case 1:
		f.how, f.ending = "ending the subject", func() answer { return f.host(w.node(), "EndSubject") }
	case 2:
		if len(f.tokens) < 2 {
			return
		}
		old := f.tokens[rand.IntN(len(f.tokens)-1)]
		f.how, f.ending = "revoking by a spent token", func() answer { return f.revoke(w.node(), old) }
	case 3:
		f.how, f.ending = "a code that came back", func() answer {
			a := f.exchange(w.node(), f.code)
			switch o, _ := a.outcome(); o {
			case done:
				w.add("a code was exchanged twice")
			case refused: // as it has to be
				w.replays.Add(1)
				return answer{Status: http.StatusOK}
			}
			return a
		}
	default:
		f.how, f.ending = "revoking", func() answer { return f.revoke(w.node(), f.last()) }
	}
	w.end(f)
}

// end ends a grant, or asks again if nobody knows whether it did.
func (w *worker) end(f *family) {
	if w.outcome(f.how, f.ending()) == done {
		w.revocations.Add(1)
		w.drop(f)
		w.ended = append(w.ended, f)
		w.checkEnded(f)
	}
}

// drop forgets a grant that is over.
func (w *worker) drop(f *family) {
	w.live = slices.DeleteFunc(w.live, func(other *family) bool { return other == f })
}

// checkEnded sees that nothing of an ended grant is worth anything.
func (w *worker) checkEnded(f *family) {
	a := w.sure(func() answer { return f.refresh(w.node(), f.last()) })
	if w.outcome("an ended grant", a) == done {
		w.add("a refresh token is good after %s was acknowledged", f.how)
	}
	if w.surelyActive(f, f.access) {
		w.add("an access token is active after %s was acknowledged", f.how)
	}
}

// sure asks until there is an answer.
func (w *worker) sure(ask func() answer) answer {
	for range 100 {
		a := ask()
		if o, _ := a.outcome(); o != unknown {
			return a
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.add("a request is not answered in a hundred tries")
	return answer{}
}

func (w *worker) surelyActive(f *family, tok string) bool {
	return w.sure(func() answer { return f.introspect(w.node(), tok) }).active()
}

// check sees, with all at rest and well, that every client has what it was told it has.
func (l *load) check() {
	var all sync.WaitGroup
	for _, w := range l.workers {
		all.Go(func() {
			for _, f := range w.ended {
				w.checkEnded(f)
			}
			for _, f := range slices.Clone(w.live) {
				w.checkLive(f)
			}
		})
	}
	all.Wait()
}

// checkLive sees that the newest token of a grant is good, and alone.
func (w *worker) checkLive(f *family) {
	if f.ending != nil {
		w.end(f)
		return
	}
	w.rotated(f, w.sure(func() answer { return f.refresh(w.node(), f.last()) }))
	if !slices.Contains(w.live, f) {
		return
	}
	heads := 0
	for _, tok := range f.tokens[max(0, len(f.tokens)-20):] {
		if w.surelyActive(f, tok) {
			heads++
		}
	}
	if heads != 1 {
		w.add("a grant has %d live refresh tokens", heads)
	}
	if !w.surelyActive(f, f.access) {
		w.add("the newest access token of a grant is inactive")
	}
}

// finish sees also that a token long spent is refused, and ends its grant.
func (l *load) finish() {
	l.check()
	for _, w := range l.workers {
		for _, f := range w.live {
			if len(f.tokens) < 4 {
				continue
			}
			for _, tok := range []string{f.tokens[len(f.tokens)-3], f.last()} {
				a := w.sure(func() answer { return f.refresh(w.node(), tok) })
				if o := w.outcome("a token long spent, or the newest after it", a); o != refused {
					w.add("a token long spent, or the newest after it, came to: %s", o)
				}
			}
		}
	}
}

// log tells what was done.
func (l *load) log(t testing.TB, more string, args ...any) {
	t.Helper()
	t.Logf("acknowledged: %d rotations, %d exchanges, %d ends, of which %d by a code that came back; unanswered: %d requests, %d second tries refused; %s",
		l.rotations.Load(), l.exchanges.Load(), l.revocations.Load(), l.replays.Load(), l.unanswered.Load(), l.refusals.Load(), fmt.Sprintf(more, args...))
}
