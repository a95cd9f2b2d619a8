package token

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/oauthcore/oauthcore/internal/recent"
)

// verdict is a token that was found good, and what that rests on.
type verdict struct {
	claims    *Claims
	state     any       // of the keys, see source
	from      time.Time // the token counts from then on
	expired   time.Time // and no longer from then on
	withdrawn time.Time // its key counts up to then; zero: as long as state is the same
}

// holds reports whether the token is still good. If not, it has to be verified again, if only for the error.
func (v *verdict) holds(state any, now time.Time) bool {
	return v.state == state && !now.Before(v.from) && now.Before(v.expired) && // TestVerifierCache
		(v.withdrawn.IsZero() || !now.After(v.withdrawn))
}

// cache remembers tokens by their SHA-256, so that it holds no token. Only good tokens get in, so strangers
// cannot fill it. When it is full the older half makes room: keeping the order of use would cost each hit the
// write lock.
type cache struct {
	shards []shard
}

type shard struct {
	mu      sync.RWMutex
	entries *recent.Map[[sha256.Size]byte, *verdict]
	_       [64]byte // keeps the locks in different cache lines
}

// newCache returns a cache for about size tokens, and no more; but for two at least.
func newCache(size int) *cache {
	const shards = 16
	c := &cache{shards: make([]shard, max(1, min(size/64, shards)))}
	for i := range c.shards {
		c.shards[i].entries = recent.New[[sha256.Size]byte, *verdict](max(1, size/(2*len(c.shards))))
	}
	return c
}

func (c *cache) shard(sum [sha256.Size]byte) *shard {
	return &c.shards[int(sum[0])%len(c.shards)]
}

func (c *cache) get(sum [sha256.Size]byte) *verdict {
	s := c.shard(sum)
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, _ := s.entries.Get(sum)
	return v
}

func (c *cache) put(sum [sha256.Size]byte, v *verdict) {
	s := c.shard(sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries.Put(sum, v)
}
