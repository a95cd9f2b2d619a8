package memory

import (
	"slices"
	"sync"
)

// index is the keys of the records of some of the labels.
type index struct {
	mu   sync.RWMutex
	keys map[string]*ordered
	_    [32]byte
}

func (x *index) add(label, key string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.keys == nil {
		x.keys = make(map[string]*ordered)
	}
	o := x.keys[label]
	if o == nil {
		o = new(ordered)
		x.keys[label] = o
	}
	o.add(key)
}

func (x *index) remove(label, key string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if o := x.keys[label]; o != nil {
		if o.remove(key); len(o.runs) == 0 {
			delete(x.keys, label)
		}
	}
}

// page returns the first keys of label behind after, at most limit, and whether there are more.
func (x *index) page(label, after string, limit int) (keys []string, more bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	o := x.keys[label]
	if o == nil {
		return nil, false
	}
	return o.page(after, limit)
}

// maxRun bounds a run of an ordered set; a full one is cut in two.
const maxRun = 256

// ordered is a set of keys in bytewise order, cut into runs: none is empty, each is in order, and the
// last of one comes before the first of the next. To add or to remove moves one run and, rarely, the list
// of runs.
type ordered struct{ runs [][]string }

// find returns where key is, or would be: the run that holds the first key that is not before it, and its
// place there. Behind all of them it is the end of the last run.
func (o *ordered) find(key string) (run, at int, found bool) {
	if len(o.runs) == 0 {
		return 0, 0, false
	}
	run, _ = slices.BinarySearchFunc(o.runs, key, func(r []string, key string) int {
		if r[len(r)-1] < key {
			return -1
		}
		return 1
	})
	run = min(run, len(o.runs)-1)
	at, found = slices.BinarySearch(o.runs[run], key)
	return run, at, found
}

func (o *ordered) add(key string) {
	run, at, found := o.find(key)
	switch {
	case found:
		return
	case len(o.runs) == 0:
		o.runs = [][]string{{key}}
		return
	}
	r := slices.Insert(o.runs[run], at, key)
	o.runs[run] = r
	if len(r) > maxRun {
		half := slices.Clone(r[maxRun/2:])
		clear(r[maxRun/2:])
		o.runs[run] = r[:maxRun/2]
		o.runs = slices.Insert(o.runs, run+1, half)
	}
}

func (o *ordered) remove(key string) {
	run, at, found := o.find(key)
	if !found {
		return
	}
	if o.runs[run] = slices.Delete(o.runs[run], at, at+1); len(o.runs[run]) == 0 {
		o.runs = slices.Delete(o.runs, run, run+1)
	}
}

func (o *ordered) page(after string, limit int) (keys []string, more bool) {
	run, at, found := o.find(after)
	if found {
		at++
	}
	for ; run < len(o.runs); run, at = run+1, 0 {
		for _, k := range o.runs[run][at:] {
			if len(keys) == limit {
				return keys, true
			}
			keys = append(keys, k)
		}
	}
	return keys, false
}
