package proof_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/token"
)

// TestServerKilledBetweenCalls kills a server after each single call of its store that a request makes, and
// once when it is about to answer. The client asks again at a server that was started anew.
func TestServerKilledBetweenCalls(t *testing.T) {
	t.Parallel()
	for _, database := range databases {
		for _, test := range []struct {
			name            string
			strict, handles bool
			weak            string
		}{
			{"every second try completes, or is refused for a form or code", false, false, ""},
			{"every second try completes, or is refused for a form or code, where access tokens are handles", false, true, ""},
			{"every second try completes or is refused, in strict mode", true, false, ""},
			{"a store that writes later than it answers is found out", false, false, "lazy"},
			{"a store that writes later than it answers is found out, in strict mode", true, false, "lazy"},
		} {
			t.Run(test.name+", on "+database.name, func(t *testing.T) {
				t.Parallel()
				sys, keys := newSystem(t, database.make(t))
				sys.Weak, sys.Strict, sys.Handles = test.weak, test.strict, test.handles
				f := crashes(t, sys, keys)
				f.report(t, test.weak != "")
			})
		}
	}
}

// crashes runs every flow as often as there are places to die. Over a broken store it ends with the first
// flow that shows it.
func crashes(t *testing.T, sys system, keys *token.Keys) *findings {
	f := new(findings)
	_, db, err := openStore(t.Context(), sys.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// Of a code that was never exchanged, the grant lives for an hour or so; any other, for weeks.
	grants := func() (n int) {
		query := fmt.Sprintf("SELECT count(*) FROM oauth_records WHERE record_key LIKE 'g/%%' AND expires > %d", time.Now().Unix()+7200)
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}

	h := newHTTP()
	node := sys.process(t)
	kills := 0
	for _, flow := range flows {
		if flow.strict != sys.Strict || sys.Weak != "" && f.count() > 0 {
			continue
		}
		for n, last := 1, false; !last; n++ {
			if n == 50 {
				t.Fatalf("%s: a node with 50 calls of the store to live does not get to an answer", flow.name)
			}
			tenant := fmt.Sprintf("%s-%d", strings.ReplaceAll(flow.name, " ", "-"), n)
			x := &crash{client: newClient(h, "machine", tenant, keys), node: node.url}
			x.add = func(format string, args ...any) {
				f.add("%s, killed after call %d: %s", flow.name, n, fmt.Sprintf(format, args...))
			}
			before := grants()
			flow.prepare(x)

			var lost *answer
			lost, last = x.die(t, flow, n)
			node.end()
			kills++
			node = sys.process(t)
			x.node = node.url

			again := flow.act(x)
			switch o, said := again.outcome(); {
			case o == done && flow.once && last:
				x.add("what is good once was answered twice")
				flow.judge(x, &again, lost)
			case o == done:
				flow.judge(x, &again, lost)
			case o == refused && flow.once:
				flow.judge(x, nil, lost)
			default:
				x.add("the second try came to: %s %s", o, said)
			}
			if got := grants() - before; got != x.grants && !(flow.free && got == x.grants+1) {
				x.add("the store has %d grants where %d were begun", got, x.grants)
			}
		}
	}
	t.Logf("%d kills", kills)
	return f
}

// die makes the request of a flow, which kills the node after its n-th call of the store, and returns the
// answer that nobody got if the node came that far.
func (x *crash) die(t *testing.T, flow flow, n int) (lost *answer, last bool) {
	t.Helper()
	words := filepath.Join(t.TempDir(), "words")
	x.header = http.Header{"Die-After": {strconv.Itoa(n)}, "Last-Words": {words}}
	defer func() { x.header = nil }()
	if a := flow.act(x); a.Status != 0 {
		x.add("a node that should be dead answers %d", a.Status)
	}
	b, err := os.ReadFile(words)
	if err != nil {
		return nil, false
	}
	lost = new(answer)
	if err := json.Unmarshal(b, lost); err != nil {
		t.Fatal(err)
	}
	if o, said := lost.outcome(); o != done {
		x.add("the answer that was lost is no success: %s %s", o, said)
	}
	return lost, true
}
