package token

// CacheLen returns the number of tokens that v remembers.
func CacheLen(v *Verifier) int {
	n := 0
	for i := range v.cache.shards {
		n += v.cache.shards[i].entries.Len()
	}
	return n
}
