package recent_test

import (
	"runtime"
	"testing"

	"github.com/oauthcore/oauthcore/internal/recent"
)

func TestMap(t *testing.T) {
	for _, n := range []int{1, 2, 7, 100} {
		m := recent.New[int, int](n)
		for i := range 10 * n {
			if _, ok := m.Get(i); ok {
				t.Fatalf("%d: %d is there before it came", n, i)
			}
			m.Put(i, -1)
			m.Put(i, 2*i)
			for back := range min(n, i+1) {
				if v, ok := m.Get(i - back); !ok || v != 2*(i-back) {
					t.Fatalf("%d: after %d, %d is %d, %t", n, i, i-back, v, ok)
				}
			}
			if m.Len() > 2*n {
				t.Fatalf("%d: holds %d", n, m.Len())
			}
		}
	}
}

// What is put again and again pushes nothing else out, and is never forgotten.
func TestMapKeepsWhatComesAgain(t *testing.T) {
	m := recent.New[int, int](3)
	m.Put(1, 1)
	m.Put(2, 2)
	for i := range 100 {
		m.Put(3, i)
	}
	if v, ok := m.Get(1); !ok || v != 1 {
		t.Errorf("1 is %d, %t", v, ok)
	}
	for i := range 100 {
		m.Put(10+i, i)
		m.Put(3, i)
		if v, ok := m.Get(3); !ok || v != i {
			t.Fatalf("3 is %d, %t, want %d", v, ok, i)
		}
	}
}

func TestMapStaysSmall(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	m := recent.New[[32]byte, *int](1000)
	put := func(from, to uint32) {
		for i := from; i < to; i++ {
			m.Put([32]byte{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)}, nil)
		}
	}
	put(0, 2000)
	before := heap()
	put(2000, 2_000_000)
	if after := heap(); after > before+64<<10 {
		t.Errorf("%d bytes after 2,000 keys, %d after 2,000,000", before, after)
	}
	runtime.KeepAlive(m)
}
