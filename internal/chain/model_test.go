package chain_test

import (
	"fmt"
	"hash/maphash"
	"slices"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/chain"
)

// The model check walks every interleaving of three requests for one grant: every order of their reads,
// decisions, writes and answers, with faults of the store between them, for every choice of who sends
// them. Judge, Next and Action are the real ones. The store, the rules of package table and the order of
// checks at the token endpoint are modelled in world_test.go and steps_test.go, and tablemodel_test.go
// holds the model of table.Swap against the original. What must hold in every state is in this file.

// The invariants. A violation names one of them.
const (
	oneSuccessor  = "never two live successors"
	oneSuccess    = "a code, and in strict mode every credential, succeeds at most once"
	inGrace       = "a used token is answered inside the grace only"
	revokedIsDead = "nothing is live after an acknowledged revocation"
	proofToEnd    = "no stranger and no other client ends a family, or is answered"
	goodFamily    = "no fault ends a good family"
	reuseEnds     = "a second use that is refused, for another reason than doubt, leaves nothing alive"
	staysProven   = "what a client holds stays proven"
)

// violation is thrown by a check and caught by walker.run.
type violation string

func (m *model) must(ok bool, invariant string) {
	if !ok && (m.only == "" || m.only == violation(invariant)) {
		panic(violation(invariant))
	}
}

// checkAnswer holds before process i answers with p.succ.
func (m *model) checkAnswer(w *world, i int) {
	p := &w.procs[i]
	bit := uint64(1) << p.cred
	if c := m.creds[p.cred]; c.Kind == chain.Code || m.grace < 0 {
		m.must(w.answered&bit == 0, oneSuccess)
		w.answered |= bit
	}
	m.must(!p.late || p.stale, revokedIsDead)
	m.must(m.roles[i] != bystander, proofToEnd)
}

// checkHanded holds after a client received c.
func (m *model) checkHanded(w *world, c uint8) {
	for id := range m.creds {
		same := m.creds[id].Kind == m.creds[c].Kind && m.creds[id].Generation == m.creds[c].Generation
		m.must(uint8(id) == c || !same || w.handed&(1<<id) == 0, oneSuccessor)
	}
	m.checkRecord(w)
}

// checkRecord holds after every write and every answer.
func (m *model) checkRecord(w *world) {
	now := w.current()
	m.must(!w.acked || now.ended, revokedIsDead)
	live := 0
	for id := range m.creds {
		if w.handed&(1<<id) == 0 {
			continue
		}
		switch v, _ := m.real(now.chain, uint8(id), w.clock); {
		case v == chain.Unproven || v == chain.Newer:
			m.must(false, staysProven)
		case v == chain.Current && !now.ended:
			live++
		}
	}
	m.must(live <= 1, oneSuccessor)
}

// checkEnd holds before a request's write wr ends the record. A request of the client or the thief may do
// so on a credential that another request used before: a code, and a refresh token in strict mode or
// outside the grace, which a use of the successor closes as well.
func (m *model) checkEnd(w *world, wr write) {
	role := m.roles[wr.value.writer-1]
	if role == revoker {
		return
	}
	m.must(role != bystander, proofToEnd)
	m.must(w.rotated&(1<<wr.value.writer) == 0, goodFamily) // what it saw used, it used itself
	c, s := m.creds[wr.cred], m.states[w.current().chain]
	m.must(s.Generation > c.Generation, goodFamily) // not used at all
	if c.Kind == chain.Refresh && m.grace >= 0 && s.Generation == c.Generation+1 {
		m.must(m.outside(s, wr.at), goodFamily)
	}
}

// outside reports whether the clock reads a time outside the grace after s was rotated. It is the rule
// written a second time, on purpose.
func (m *model) outside(s chain.State, clock uint8) bool {
	d := time.Duration(clocks[clock]-s.Rotated) * time.Second
	return m.grace < 0 || d.Abs() > m.grace
}

// checkRefused holds before process i is refused.
func (m *model) checkRefused(w *world, i int) {
	p := &w.procs[i]
	if m.roles[i] == bystander || p.stale {
		return // a store that breaks its word may have a request refused
	}
	doubt := p.unsure && m.creds[p.cred].Kind == chain.Refresh
	m.must(doubt || w.current().ended, reuseEnds)
}

// walker keeps its memory from one run to the next.
type walker struct {
	seen  map[uint64]struct{} // hashes: two of a million states share one by a chance of 1 in 30 million
	seed  maphash.Seed
	queue []visit
}

type visit struct {
	world  world
	parent int
}

// run walks all states of m and returns their number, and the first violation with a shortest way to it.
func (k *walker) run(m *model) (states int, broken violation, trace []step) {
	clear(k.seen)
	k.queue = append(k.queue[:0], visit{m.start, 0})
	at := 0
	defer func() {
		states = len(k.queue)
		r := recover()
		if r == nil {
			return
		}
		broken = r.(violation)
		trace = []step{m.step}
		for ; at > 0; at = k.queue[at].parent {
			found := false
			m.expand(k.queue[k.queue[at].parent].world, func(w world) {
				if !found && w == k.queue[at].world {
					found, trace = true, append(trace, m.step)
				}
			})
		}
		slices.Reverse(trace)
	}()
	for ; at < len(k.queue); at++ {
		m.expand(k.queue[at].world, func(w world) {
			h := maphash.Comparable(k.seed, w)
			if _, ok := k.seen[h]; !ok {
				k.seen[h] = struct{}{}
				k.queue = append(k.queue, visit{w, at})
			}
		})
	}
	return
}

// runs are all choices of three senders with at least one owner among them.
func runs() (all [][3]role) {
	for a := owner; a <= revoker; a++ {
		for b := a; b <= revoker; b++ {
			all = append(all, [3]role{owner, a, b})
		}
	}
	return all
}

var modes = []struct {
	name  string
	grace time.Duration
}{
	{"with a grace", 10 * time.Second},
	{"strict", -1},
}

// result is what a walk found: the violation if there is one, and how it came about.
type result struct {
	states int
	taken  [5]bool
	broken violation
	report string
}

// walk runs all choices of senders under the given rules, and stops at the first violation of an
// invariant, or of only that one. In strict mode the clock decides nothing, so it steps once at most.
func walk(t testing.TB, grace time.Duration, b bounds, r rules, only violation) (res result) {
	t.Helper()
	if grace < 0 {
		b.ticks = min(b.ticks, 1)
	}
	k := &walker{seen: make(map[uint64]struct{}), seed: maphash.MakeSeed()}
	for _, exchanged := range []bool{false, true} {
		for _, roles := range runs() {
			m := newModel(t, roles, exchanged, grace, b, r)
			m.only = only
			n, broken, trace := k.run(m)
			res.states += n
			for a, taken := range m.taken {
				res.taken[a] = res.taken[a] || taken
			}
			if broken != "" {
				start := "from a fresh code"
				if exchanged {
					start = "from the second refresh token"
				}
				res.broken, res.report = broken, fmt.Sprintf("%s, %v:\n%s", start, roles, describe(roles, trace))
				return res
			}
		}
	}
	return res
}

func TestModel(t *testing.T) {
	b := bounds{faults: 2, ticks: 2}
	if raceEnabled || testing.Short() {
		b = bounds{faults: 1, ticks: 1}
	}
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			res := walk(t, mode.grace, b, rules{}, "")
			t.Logf("%d states, with at most %d faults and %d steps of the clock a run", res.states, b.faults, b.ticks)
			if res.broken != "" {
				t.Fatalf("broken: %s\n%s", res.broken, res.report)
			}
			for a, taken := range res.taken {
				if a := chain.Action(a); taken != (a != chain.Answer || mode.grace >= 0) {
					t.Errorf("some request takes the action %v: %v", a, taken)
				}
			}
		})
	}
}

// TestModelBites breaks one rule at a time, and expects the model to name what that costs.
func TestModelBites(t *testing.T) {
	type judge = func(m *model, s *chain.State, c chain.Credential, now int64) (chain.Verdict, chain.Credential)
	withGrace := func(grace time.Duration) judge {
		return func(m *model, s *chain.State, c chain.Credential, now int64) (chain.Verdict, chain.Credential) {
			return s.Judge(m.ring, c, now, grace)
		}
	}
	const grace, strict = 10 * time.Second, -1

	for _, tt := range []struct {
		name  string
		mode  time.Duration
		rules rules
		want  violation
	}{
		{"a request in doubt ends the family", grace, rules{action: func(v chain.Verdict, k chain.Kind, _, again bool) chain.Action {
			return v.Action(k, false, again)
		}}, goodFamily},
		{"a code in doubt does not end the grant", grace, rules{action: func(v chain.Verdict, _ chain.Kind, doubt, again bool) chain.Action {
			return v.Action(chain.Refresh, doubt, again)
		}}, reuseEnds},
		{"an end raises doubt", strict, rules{endDoubts: true}, reuseEnds},
		{"reuse is refused and ends nothing", grace, rules{action: func(v chain.Verdict, k chain.Kind, doubt, again bool) chain.Action {
			if v == chain.Reuse {
				return chain.Refuse
			}
			return v.Action(k, doubt, again)
		}}, reuseEnds},
		{"the grace is ignored", grace, rules{judge: withGrace(-1)}, goodFamily},
		{"the grace does not end", grace, rules{judge: withGrace(time.Hour)}, inGrace},
		{"strict mode has a grace", strict, rules{judge: withGrace(time.Hour)}, inGrace},
		{"the grace lasts while the clock is behind", grace, rules{judge: func(m *model, s *chain.State, c chain.Credential, now int64) (chain.Verdict, chain.Credential) {
			return s.Judge(m.ring, c, max(now, s.Rotated), m.grace)
		}}, inGrace},
		{"a retry draws another nonce", grace, rules{judge: func(m *model, s *chain.State, c chain.Credential, now int64) (chain.Verdict, chain.Credential) {
			v, succ := s.Judge(m.ring, c, now, m.grace)
			if v == chain.Retry {
				_, succ = s.Next(m.ring, c, [16]byte{99}, now)
			}
			return v, succ
		}}, oneSuccessor},
		{"reuse needs no proof", grace, rules{judge: func(m *model, s *chain.State, c chain.Credential, now int64) (chain.Verdict, chain.Credential) {
			v, succ := s.Judge(m.ring, c, now, m.grace)
			if v == chain.Unproven {
				v = chain.Reuse
			}
			return v, succ
		}}, proofToEnd},
		{"an exchanged code is current", grace, rules{judge: func(m *model, s *chain.State, c chain.Credential, now int64) (chain.Verdict, chain.Credential) {
			v, succ := s.Judge(m.ring, c, now, m.grace)
			if v == chain.Reuse && c.Kind == chain.Code {
				v = chain.Current
			}
			return v, succ
		}}, oneSuccess},
		{"a code has a grace", grace, rules{judge: func(m *model, s *chain.State, c chain.Credential, now int64) (chain.Verdict, chain.Credential) {
			v, succ := s.Judge(m.ring, c, now, m.grace)
			if v == chain.Reuse && c.Kind == chain.Code && s.Generation == 1 {
				_, succ = s.Next(m.ring, c, s.Nonce, now)
				v = chain.Retry
			}
			return v, succ
		}}, oneSuccess},
		{"the client is not compared", grace, rules{anyClient: true}, proofToEnd},
		{"an ended grant serves", grace, rules{deadServes: true}, revokedIsDead},
		{"a revocation in doubt is acknowledged", grace, rules{doubtRevokes: true}, revokedIsDead},
		{"the store swaps at any version", grace, rules{noVersionCheck: true}, oneSuccessor},
		{"an error of the store is taken for success", grace, rules{errorIsSuccess: true}, staysProven},
		{"a request does not know its own write", strict, rules{noValueCheck: true}, goodFamily},
		{"a swap is sent again with another nonce", strict, rules{freshNonce: true}, goodFamily},
		{"the answer leaves before the swap", grace, rules{answerFirst: true}, staysProven},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, b := range []bounds{{1, 0}, {1, 1}, {1, 2}, {2, 1}} {
				if res := walk(t, tt.mode, b, tt.rules, tt.want); res.broken != "" {
					t.Logf("broken: %s\n%s", res.broken, res.report)
					return
				}
			}
			t.Errorf("the model did not notice, want %q", tt.want)
		})
	}
}
