package memory

// Ordered is the set of keys behind a label.
type Ordered struct{ o ordered }

func (o *Ordered) Add(key string)                                { o.o.add(key) }
func (o *Ordered) Remove(key string)                             { o.o.remove(key) }
func (o *Ordered) Page(after string, limit int) ([]string, bool) { return o.o.page(after, limit) }

// Runs returns how many runs the set is cut into, and the length of the longest and of the shortest.
func (o *Ordered) Runs() (n, longest, shortest int) {
	shortest = maxRun
	for _, r := range o.o.runs {
		longest, shortest = max(longest, len(r)), min(shortest, len(r))
	}
	return len(o.o.runs), longest, shortest
}

// IndexedLabels returns how many labels the index knows.
func (s *Store) IndexedLabels() (n int) {
	for i := range s.labels {
		n += len(s.labels[i].keys)
	}
	return n
}
