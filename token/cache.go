package token

import (
	"crypto/sha256"
	"sync"
	"time"
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
// cannot fill it. When it is full any entry makes room: keeping the order of use would cost each hit the write
// lock.
type cache struct {
	shards []shard
	limit  int // entries of a shard
}

type shard struct {
	mu      sync.RWMutex
	entries map[[sha256.Size]byte]*verdict
	_       [64]byte // keeps the locks in different cache lines
}

// newCache returns a cache for at most size tokens, at least one.
func newCache(size int) *cache {
	const shards = 16
	c := &cache{shards: make([]shard, min(size, shards))}
	c.limit = size / len(c.shards)
	for i := range c.shards {
		c.shards[i].entries = make(map[[sha256.Size]byte]*verdict)
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
	return s.entries[sum]
}

func (c *cache) put(sum [sha256.Size]byte, v *verdict) {
	s := c.shard(sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.entries[sum]; !ok && len(s.entries) >= c.limit {
		for other := range s.entries {
			delete(s.entries, other)
			break
		}
	}
	s.entries[sum] = v
}
