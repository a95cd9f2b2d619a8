package chain_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/chain"
	"github.com/oauthcore/oauthcore/internal/seal"
)

// role is who sends a request.
type role uint8

const (
	owner     role = iota // the client, with the newest credential that it holds
	thief                 // passes as the client in all, with any credential that was ever handed out
	bystander             // a stranger with a grant id or a dead code, or another client with any credential
	revoker               // ends the grant
)

func (r role) String() string { return [...]string{"owner", "thief", "bystander", "revoker"}[r] }

// rules are the decisions of the library: nil or false is the real one, anything else a mutant.
type rules struct {
	judge  func(m *model, s *chain.State, c chain.Credential, now int64) (chain.Verdict, chain.Credential)
	action func(v chain.Verdict, k chain.Kind, doubt, again bool) chain.Action

	noVersionCheck bool // the store swaps whatever the version
	noValueCheck   bool // after an error, the record's value is not compared with what was sent
	errorIsSuccess bool // an error of a swap is taken for a success
	endDoubts      bool // the write that ends a grant raises doubt as a rotation does
	anyClient      bool // the client is not compared with the grant's
	deadServes     bool // the grant's end is not looked at
	answerFirst    bool // the answer leaves before the swap
	freshNonce     bool // a swap that is sent again carries another nonce
	doubtRevokes   bool // a revocation in doubt is acknowledged
}

// clocks are the times that the clock steps between, further apart than any grace here.
var clocks = [2]int64{1_000_000, 1_000_100}

// value is what the grant's record holds, by the ids of model. Every value has the mark of its writer, as
// every value of package table has the nonce of its request.
type value struct {
	writer uint8 // 1 + the index of the request; higher, a mutant's second nonce
	ended  bool
	chain  uint8
}

// write is a swap of the record.
type write struct {
	on    bool
	row   uint8 // the version that it replaces
	value value
	cred  uint8 // what it was judged on
	at    uint8 // and when, by the clock
}

type phase uint8

const (
	idle phase = iota
	read
	decide
	swap
	look // reading again after an error of swap
	answer
	done
)

// process is a request: what the code of an endpoint has in its variables.
type process struct {
	phase  phase
	cred   uint8
	valid  bool // client, PKCE and all else are right
	late   bool // began after an acknowledged revocation
	stale  bool // last read an old version
	doubt  bool
	unsure bool // in truth: a rotation of its own may have happened
	again  bool
	row    uint8 // the version that it read
	out    write
	succ   uint8
}

// world is one state of everything, in the canonical form that model.next makes.
type world struct {
	handed   uint64 // credentials that a client received, by id
	answered uint64 // credentials that were answered with success
	versions [10]value
	n        uint8 // how many of them: the last is the record
	held     uint8 // the newest credential of the owner
	clock    uint8
	ticks    uint8 // steps that the clock may still take
	faults   uint8 // faults that may still happen
	rotated  uint8 // bit i+1: request i's rotation was applied
	acked    bool  // an end of the grant was acknowledged
	pending  [2]write
	procs    [3]process
}

func (w *world) current() value { return w.versions[w.n-1] }

// step names a transition: who, and what happens.
type step struct {
	who  int // -1: nobody
	what string
}

func describe(roles [3]role, trace []step) string {
	var b strings.Builder
	for _, s := range trace {
		if s.who < 0 {
			fmt.Fprintf(&b, "\t%s\n", s.what)
			continue
		}
		fmt.Fprintf(&b, "\trequest %d (%v): %s\n", s.who+1, roles[s.who], s.what)
	}
	return b.String()
}

type judgement struct {
	known bool
	v     chain.Verdict
	succ  uint8
}

// model is one run: who sends, from which start, under which rules. States and credentials have small ids.
type model struct {
	roles   [3]role
	grace   time.Duration
	rules   rules
	only    violation // the one invariant to look at, empty for all
	ring    *seal.Ring
	states  []chain.State
	creds   []chain.Credential
	garbage []uint8 // credentials that nobody was given
	taken   [5]bool // the actions that some request took
	judged  [64][64][2]judgement
	start   world
	step    step
	emit    func(world)
}

// bounds are how many faults and steps of the clock a run has at most.
type bounds struct{ faults, ticks uint8 }

func newModel(t testing.TB, roles [3]role, exchanged bool, grace time.Duration, b bounds, r rules) *model {
	t.Helper()
	m := &model{roles: roles, grace: grace, rules: r, ring: testRing(t, 1)}
	m.start = world{n: 1, faults: b.faults, ticks: b.ticks}
	w := &m.start

	grant := chain.ID{'g'}
	state, c := chain.New(grant)
	code := c
	hand := func() {
		w.held = m.cred(c)
		w.handed |= 1 << w.held
	}
	hand()
	if exchanged { // the family's second token is current, since just now
		for nonce := range byte(2) {
			state, c = state.Next(m.ring, c, [16]byte{200 + nonce}, clocks[0])
			hand()
		}
		w.answered = w.handed &^ (1 << w.held)
	}
	w.versions[0].chain = m.state(state)

	posing := chain.Credential{Kind: chain.Refresh, Grant: grant, Generation: 1, Secret: code.Secret}
	guess := chain.Credential{Kind: chain.Code, Grant: grant}
	m.garbage = []uint8{m.cred(posing), m.cred(guess)}
	copy(posing.Family[:], code.Secret[:])
	guess.Kind = chain.Refresh
	for n := range uint32(3) {
		posing.Generation, guess.Generation = 1+n, 1+n
		m.garbage = append(m.garbage, m.cred(posing), m.cred(guess))
	}
	return m
}

func testRing(t testing.TB, secrets ...byte) *seal.Ring {
	t.Helper()
	var s [][]byte
	for _, b := range secrets {
		s = append(s, bytes.Repeat([]byte{b}, seal.KeySize))
	}
	r, err := seal.New(s, "https://auth.example.com", "chain")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func intern[T comparable](all *[]T, v T) uint8 {
	for i := range *all {
		if (*all)[i] == v {
			return uint8(i)
		}
	}
	if len(*all) == 64 {
		panic("model: more than 64 different values")
	}
	*all = append(*all, v)
	return uint8(len(*all) - 1)
}

func (m *model) state(s chain.State) uint8     { return intern(&m.states, s) }
func (m *model) cred(c chain.Credential) uint8 { return intern(&m.creds, c) }

// real is what Judge says.
func (m *model) real(s, c, clock uint8) (chain.Verdict, uint8) {
	j := &m.judged[s][c][clock]
	if !j.known {
		v, succ := m.states[s].Judge(m.ring, m.creds[c], clocks[clock], m.grace)
		*j = judgement{true, v, 0}
		if v == chain.Retry {
			j.succ = m.cred(succ)
		}
	}
	return j.v, j.succ
}

// judge is what the rules say.
func (m *model) judge(s, c, clock uint8) (chain.Verdict, uint8) {
	if m.rules.judge == nil {
		return m.real(s, c, clock)
	}
	v, succ := m.rules.judge(m, &m.states[s], m.creds[c], clocks[clock])
	if v == chain.Retry {
		return v, m.cred(succ)
	}
	return v, 0
}

func (m *model) action(p *process, v chain.Verdict) chain.Action {
	k := m.creds[p.cred].Kind
	if m.rules.action != nil {
		return m.rules.action(v, k, p.doubt, p.again)
	}
	return v.Action(k, p.doubt, p.again)
}
