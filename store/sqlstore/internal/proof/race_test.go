package proof_test

import (
	"sync"
	"testing"
)

// TestTwoProcessesRace lets two processes of a server race for one credential, both with several requests
// at a time.
func TestTwoProcessesRace(t *testing.T) {
	t.Parallel()
	const (
		rounds     = 25
		contenders = 4 // at each process
	)
	for _, test := range []struct {
		name    string
		strict  bool // refresh tokens are for one use, as codes are
		refresh bool
		weak    string
	}{
		{"for a code, there is one winner", false, false, ""},
		{"for a refresh token in strict mode, there is one winner", true, true, ""},
		{"for a refresh token, all who ask get the one successor", false, true, ""},
		{"for a code, over a store that writes over others, more than one wins", false, false, "stubborn"},
		{"for a refresh token, over a store that writes over others, more than one wins", true, true, "stubborn"},
	} {
		for _, database := range databases {
			t.Run(test.name+", on "+database.name, func(t *testing.T) {
				t.Parallel()
				sys, _ := newSystem(t, database.make(t))
				sys.Strict, sys.Weak = test.strict, test.weak
				nodes := []string{sys.process(t).url, sys.process(t).url}
				h := newHTTP()
				var f findings
				ended, round := 0, 0
				for ; round < rounds && !(test.weak != "" && f.count() > 0); round++ {
					c := newClient(h, "web", "", nil)
					use := c.exchange
					credential := c.code(nodes[round%2])
					if test.refresh {
						use = c.refresh
						credential = c.exchange(nodes[round%2], credential).member("refresh_token")
					}
					answers := race(contenders, nodes, func(node string) answer { return use(node, credential) })

					var winners []answer
					for _, a := range answers {
						switch o, said := a.outcome(); {
						case o == done:
							winners = append(winners, a)
						case o == odd || o == unknown:
							f.add("a contender got %s %s", o, said)
						case test.refresh && !test.strict:
							f.add("a retry within the grace was refused")
						}
					}
					successors := make(map[string]bool)
					for _, a := range winners {
						successors[a.member("refresh_token")] = true
					}
					switch {
					case len(successors) != 1:
						f.add("the credential has %d successors", len(successors))
						continue
					case len(winners) != 1 && (test.strict || !test.refresh):
						f.add("%d contenders won", len(winners))
					}
					// Whoever lost has used a spent credential, which ends the grant where there is no grace.
					next := winners[0].member("refresh_token")
					active := c.introspect(nodes[0], next).active()
					if grace := test.refresh && !test.strict; active != grace {
						f.add("after the race the winner's token is active: %v", active)
					}
					if !active {
						ended++
					}
				}
				t.Logf("%d rounds of %d contenders at 2 processes; %d ended the grant", round, 2*contenders, ended)
				f.report(t, test.weak != "")
			})
		}
	}
}

// race makes n requests at each node, all at once.
func race(n int, nodes []string, ask func(node string) answer) []answer {
	answers := make([]answer, n*len(nodes))
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			<-start
			answers[i] = ask(nodes[i%len(nodes)])
		})
	}
	close(start)
	all.Wait()
	return answers
}
