package resource

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/oauthcore/oauthcore/internal/recent"
	"github.com/oauthcore/oauthcore/token"
)

// introspect asks Config.Introspect, or returns its answer of at most CacheFor ago. It keeps nothing but
// acceptances, and the caller judges those again.
func (g *Guard) introspect(ctx context.Context, tok string) (*token.Claims, error) {
	if g.answers == nil {
		return ask(ctx, g.c.Introspect, tok)
	}
	// Of the whole token: two that share a beginning share nothing.
	key := sha256.Sum256([]byte(tok))
	asked := g.now() // not the time of the answer: a revocation may come between
	if c := g.answers.get(key, asked); c != nil {
		return c, nil
	}
	c, err := ask(ctx, g.c.Introspect, tok)
	if err != nil {
		return nil, err
	}
	g.answers.put(key, answer{c, asked.Add(g.c.CacheFor)})
	return c, nil
}

func ask(ctx context.Context, introspect func(context.Context, string) (*token.Claims, error), tok string) (*token.Claims, error) {
	c, err := introspect(ctx, tok)
	if err == nil && c == nil {
		err = errors.New("resource: Introspect returned neither claims nor an error")
	}
	return c, err
}

// answers remembers tokens by their SHA-256, so that it holds none. Only good ones get in, so strangers
// cannot fill it. When it is full the older half makes room.
type answers struct {
	mu   sync.RWMutex
	good *recent.Map[[sha256.Size]byte, answer]
}

type answer struct {
	claims *token.Claims
	until  time.Time
}

const maxAnswers = 10_000

func newAnswers() *answers {
	return &answers{good: recent.New[[sha256.Size]byte, answer](maxAnswers / 2)}
}

func (a *answers) get(key [sha256.Size]byte, now time.Time) *token.Claims {
	a.mu.RLock()
	defer a.mu.RUnlock()
	v, _ := a.good.Get(key)
	if !now.Before(v.until) {
		return nil
	}
	return v.claims
}

func (a *answers) put(key [sha256.Size]byte, v answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.good.Put(key, v)
}
