package oauth

import (
	"context"
	"slices"
	"sync"
)

// turns bounds how many slow hashes of client secrets are under way: one for each of the slots, one for each app, and
// one for each address that names the app. So guesses at the secret of one app keep no other waiting for more than
// one, and the app itself for no more than one from each address but its own.
type turns struct {
	slots chan struct{}

	mu     sync.Mutex
	queues map[string]*queue // those that somebody is in
}

// queue serves one at a time, who came first first, as the senders to a channel are.
type queue struct {
	taken chan struct{}
	users int
}

func newTurns(slots int) *turns {
	return &turns{slots: make(chan struct{}, slots), queues: make(map[string]*queue)}
}

// take waits for a turn, which done ends.
func (t *turns) take(ctx context.Context, app, address string) (done func(), err error) {
	var held []func()
	done = func() {
		for _, leave := range slices.Backward(held) {
			leave()
		}
	}
	for _, name := range []string{app + "\n" + address, app} {
		q := t.join(name)
		held = append(held, func() { t.leave(name, q) })
		if err := enter(ctx, q.taken); err != nil {
			done()
			return nil, err
		}
		held = append(held, func() { <-q.taken })
	}
	if err := enter(ctx, t.slots); err != nil {
		done()
		return nil, err
	}
	held = append(held, func() { <-t.slots })
	return done, nil
}

func enter(ctx context.Context, taken chan struct{}) error {
	select {
	case taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *turns) join(name string) *queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queues[name]
	if q == nil {
		q = &queue{taken: make(chan struct{}, 1)}
		t.queues[name] = q
	}
	q.users++
	return q
}

func (t *turns) leave(name string, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.users--; q.users == 0 {
		delete(t.queues, name)
	}
}
