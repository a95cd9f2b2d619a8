package chain_test

import "github.com/oauthcore/oauthcore/internal/chain"

// next sends w on its way, in canonical form: what nothing depends on any more is cleared.
func (m *model) next(w world) {
	var inUse [len(w.versions)]bool
	inUse[w.n-1] = true
	for i := range w.procs {
		p := &w.procs[i]
		switch p.phase {
		case done:
			*p = process{phase: done}
			if bit := uint8(2) << i; w.pending[0].value.writer != uint8(i+1) && w.pending[1].value.writer != uint8(i+1) {
				w.rotated &^= bit
			}
		case decide:
			inUse[p.row] = true
		}
	}
	for k := range w.n {
		if w.faults == 0 && !inUse[k] {
			w.versions[k] = value{}
		}
	}
	if !w.pending[0].on && w.pending[1].on {
		w.pending[0], w.pending[1] = w.pending[1], write{}
	}
	m.emit(w)
}

// expand calls emit with every world that follows from w in one step.
func (m *model) expand(w world, emit func(world)) {
	m.emit = emit
	if w.ticks > 0 {
		m.step = step{-1, "the clock steps"}
		n := w
		n.ticks--
		n.clock ^= 1
		m.next(n)
	}
	for j := range w.pending {
		if w.pending[j].on {
			m.step = step{-1, "a late swap lands"}
			n := w
			n.pending[j] = write{}
			m.apply(&n, w.pending[j])
			m.next(n)
		}
	}
	for i := range w.procs {
		m.advance(w, i)
	}
}

func (m *model) advance(w world, i int) {
	p := &w.procs[i]
	m.step.who = i
	switch p.phase {
	case idle:
		// Requests of one role are alike, so they may begin in order.
		for j := range i {
			if m.roles[j] == m.roles[i] && w.procs[j].phase == idle {
				return
			}
		}
		m.begin(w, i)
	case read:
		m.step.what = "reads"
		m.read(w, i)
	case decide:
		m.step.what = "with what it read"
		m.decide(w, i)
	case swap:
		m.swap(w, i)
	case look:
		m.step.what = "looks"
		m.look(w, i)
	case answer:
		m.answer(w, i)
	}
}

func (m *model) begin(w world, i int) {
	start := func(what string, c uint8, valid bool) {
		m.step = step{i, what}
		n := w
		n.procs[i] = process{phase: read, cred: c, valid: valid, late: w.acked}
		if m.roles[i] == owner {
			m.next(n)
			return
		}
		// The others may begin with anything at any time, so to begin and to read are one step.
		m.step.what += " and reads"
		m.read(n, i)
	}
	switch m.roles[i] {
	case revoker:
		start("begins to revoke", 0, true)
	case owner:
		start("begins with the newest it holds", w.held, true)
	default:
		for id := range m.creds {
			if w.handed&(1<<id) != 0 {
				start("begins with a credential that was handed out", uint8(id), m.roles[i] == thief)
			}
		}
		if m.roles[i] == bystander {
			for _, id := range m.garbage {
				start("begins with garbage", id, true)
			}
		}
	}
}

// reads calls f for every version that a read by request i may give.
func (m *model) reads(w world, i int, f func(n world, version int)) {
	what := m.step.what
	w.procs[i].stale = false
	f(w, int(w.n)-1)
	if w.faults == 0 {
		return
	}
	w.faults--
	w.procs[i].stale = true
	for k := range int(w.n) - 1 {
		m.step = step{i, what + " an old version"}
		f(w, k)
	}
}

// read begins to serve request i. A read that fails ends the request, which is one that takes no further
// step: every run goes through all states in which it took none.
func (m *model) read(w world, i int) {
	m.reads(w, i, func(n world, version int) { m.judgeRow(n, i, version) })
}

// judgeRow sends request i to decide on what it read. Only a step of the clock can come between in a way
// that matters, so while the clock stands the decision is part of the read.
func (m *model) judgeRow(w world, i, version int) {
	w.procs[i].phase, w.procs[i].row = decide, uint8(version)
	if w.ticks == 0 {
		m.decide(w, i)
		return
	}
	m.next(w)
}

func (m *model) decide(w world, i int) {
	p := &w.procs[i]
	row := w.versions[p.row]
	p.out = write{on: true, row: p.row, value: value{writer: uint8(i + 1), ended: true, chain: row.chain}, cred: p.cred, at: w.clock}
	if m.roles[i] == revoker {
		p.phase = swap
		if row.ended {
			m.succeed(&w, i)
		}
		m.next(w)
		return
	}
	if !p.valid && !m.rules.anyClient || row.ended && !m.rules.deadServes {
		m.refuse(w, i)
		return
	}
	v, succ := m.judge(row.chain, p.cred, w.clock)
	action := m.action(p, v)
	m.taken[action] = true
	switch action {
	case chain.Rotate:
		m.step.what += ", decides to rotate"
		next, c := m.states[row.chain].Next(m.ring, m.creds[p.cred], [16]byte{byte(i)}, clocks[w.clock])
		p.out.value.ended, p.out.value.chain, p.succ = false, m.state(next), m.cred(c)
		p.out.cred, p.out.at = 0, 0
		p.phase = swap
		if m.rules.answerFirst {
			p.phase = answer
		}
		m.next(w)
	case chain.Answer:
		m.step.what += ", decides to answer as before"
		m.must(!m.outside(m.states[row.chain], w.clock), inGrace)
		p.out, p.succ, p.phase = write{}, succ, answer
		m.next(w)
	case chain.End:
		m.step.what += ", decides to end"
		p.phase = swap
		m.next(w)
	case chain.Reread:
		m.step.what += ", decides to read again"
		p.out, p.phase, p.again = write{}, read, true
		m.next(w)
	case chain.Refuse:
		m.refuse(w, i)
	}
}

func (m *model) refuse(w world, i int) {
	m.step.what += ", is refused"
	m.checkRefused(&w, i)
	w.procs[i].phase = done
	m.next(w)
}

// swap sends the write once, and branches over what may become of it. A driver that repeats a request is
// among it: as an applied write with an error, if the repeat met the conflict, and as a success whose
// repeat comes late. A swap that changes nothing, being lost or in conflict, is one step with the look
// that follows: what others do between the two, they may as well have done before.
func (m *model) swap(w world, i int) {
	wr := w.procs[i].out
	if wr.row != w.n-1 && !m.rules.noVersionCheck {
		m.step.what = "swaps in vain, looks"
		m.look(w, i)
		return
	}
	sent := func(what string, applied, late bool, then func(*world)) {
		m.step = step{i, what}
		n := w
		if late {
			n.pending[1] = n.pending[0]
			n.pending[0] = wr
		}
		if applied {
			m.apply(&n, wr)
		}
		then(&n)
		m.next(n)
	}
	succeed := func(n *world) { m.succeed(n, i) }
	failed := func(n *world) { n.procs[i].phase = look }
	if m.rules.errorIsSuccess {
		failed = succeed
	}
	sent("swaps", true, false, succeed)
	if w.faults == 0 {
		return
	}
	w.faults--
	sent("swaps, which is applied, but gets an error", true, false, failed)
	sent("swaps, which is applied, and repeated late", true, true, succeed)
	sent("swaps, which gets an error and may land late", false, true, failed)
	if !m.rules.errorIsSuccess {
		m.step = step{i, "swaps, and it is lost, looks"}
		m.look(w, i)
	}
}

// apply stores wr if the record has the version that wr replaces.
func (m *model) apply(w *world, wr write) {
	if wr.row != w.n-1 && !m.rules.noVersionCheck {
		return
	}
	if wr.value.ended {
		m.checkEnd(w, wr)
	} else {
		w.rotated |= 1 << wr.value.writer
	}
	w.versions[w.n] = wr.value
	w.n++
	m.checkRecord(w)
}

// succeed is what follows on a swap that succeeded.
func (m *model) succeed(w *world, i int) {
	p := &w.procs[i]
	switch {
	case !p.out.value.ended && m.rules.answerFirst:
		p.phase = done
	case !p.out.value.ended:
		p.phase, p.out = answer, write{}
	default:
		p.phase, w.acked = done, true
		m.checkRecord(w)
	}
}

// look reads again after a swap that had an error, and does what table.Swap does then: see settle. No
// bound on rounds is modelled: again, a request that gives up takes no further step.
func (m *model) look(w world, i int) {
	what := m.step.what
	m.reads(w, i, func(n world, version int) { m.settled(n, i, version) })
	if w.faults > 0 {
		w.faults--
		m.step = step{i, what + " in vain"}
		m.settled(w, i, -1)
	}
}

func (m *model) settled(w world, i, version int) {
	p := &w.procs[i]
	mine := version >= 0 && w.versions[version] == p.out.value && !m.rules.noValueCheck
	outcome, doubt := settle(int(p.out.row), version, mine)
	// An end stays, so a row that is alive did not see it: only a rotation raises doubt, and the end of a
	// revocation, which is not judged again.
	p.unsure = p.unsure || doubt && !p.out.value.ended
	p.doubt = p.doubt || doubt && (!p.out.value.ended || m.roles[i] == revoker || m.rules.endDoubts)
	switch outcome {
	case succeeded:
		m.succeed(&w, i)
	case unsettled:
		p.phase = swap
		if m.rules.freshNonce && !p.out.value.ended {
			p.out.value.writer += 10
		}
	case conflict:
		if m.roles[i] == revoker && p.doubt { // 503
			if p.phase = done; m.rules.doubtRevokes {
				w.acked = true
				m.checkRecord(&w)
			}
			break
		}
		p.out = write{}
		m.judgeRow(w, i, version)
		return
	}
	m.next(w)
}

func (m *model) answer(w world, i int) {
	m.step.what = "answers"
	m.checkAnswer(&w, i)
	p := &w.procs[i]
	c := p.succ
	p.phase = done
	if m.rules.answerFirst && p.out.on {
		p.phase = swap
	}
	if w.faults > 0 {
		n := w
		n.faults--
		m.step.what = "answers, which is lost"
		m.next(n)
	}
	m.step.what = "answers"
	w.handed |= 1 << c
	if m.roles[i] == owner && m.creds[c].Generation > m.creds[w.held].Generation {
		w.held = c
	}
	m.checkHanded(&w, c)
	m.next(w)
}
