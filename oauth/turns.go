package oauth

import (
	"context"
	"sync"
)

// turns bounds how many slow hashes of client secrets are under way: one for each of the slots, and one for each
// app, so that guesses at the secret of one app keep that of no other waiting for more than a hash.
type turns struct {
	slots chan struct{}

	mu   sync.Mutex
	apps map[string]*turn // those that somebody uses or waits for
}

type turn struct {
	taken chan struct{}
	users int
}

func newTurns(slots int) *turns {
	return &turns{slots: make(chan struct{}, slots), apps: make(map[string]*turn)}
}

// take waits for a turn of app, which done ends.
func (t *turns) take(ctx context.Context, app string) (done func(), err error) {
	own := t.join(app)
	select {
	case own.taken <- struct{}{}:
	case <-ctx.Done():
		t.leave(app, own)
		return nil, ctx.Err()
	}
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		<-own.taken
		t.leave(app, own)
		return nil, ctx.Err()
	}
	return func() {
		<-t.slots
		<-own.taken
		t.leave(app, own)
	}, nil
}

func (t *turns) join(app string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.apps[app]
	if own == nil {
		own = &turn{taken: make(chan struct{}, 1)}
		t.apps[app] = own
	}
	own.users++
	return own
}

func (t *turns) leave(app string, own *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(t.apps, app)
	}
}
