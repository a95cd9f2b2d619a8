// Package recent remembers what came last, within a bound.
package recent

// Map holds the values of the n keys that were put last, and of at most n more. It is for one goroutine at a
// time that puts, or for many that get.
//
// It forgets by halves. A Go map that loses an entry for each that it gains grows nevertheless: what is deleted
// leaves marks, and after millions of them it has many times its size (TestMapStaysSmall).
type Map[K comparable, V any] struct {
	n            int
	newer, older map[K]V
}

// New returns an empty map.
func New[K comparable, V any](n int) *Map[K, V] {
	return &Map[K, V]{n, make(map[K]V), make(map[K]V)}
}

// Get returns the value that was put last for k, if it is still there.
func (m *Map[K, V]) Get(k K) (V, bool) {
	v, ok := m.newer[k]
	if !ok {
		v, ok = m.older[k]
	}
	return v, ok
}

// Put sets the value of k.
func (m *Map[K, V]) Put(k K, v V) {
	if _, ok := m.newer[k]; !ok && len(m.newer) >= m.n {
		m.newer, m.older = m.older, m.newer
		clear(m.newer)
	}
	m.newer[k] = v
}

// Len returns how many values are held, those of a key that was put again counted twice for a while.
func (m *Map[K, V]) Len() int { return len(m.newer) + len(m.older) }
