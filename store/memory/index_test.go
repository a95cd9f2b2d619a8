package memory_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/oauthcore/oauthcore/store/memory"
)

// FuzzOrdered compares the set with a sorted slice. Each two bytes of ops are a step: what to do, and with
// which of 2048 keys.
func FuzzOrdered(f *testing.F) {
	f.Add([]byte("\x00a\x00b\x00c\x80a\x00a\x80z"), uint16(1), byte(1))
	f.Add([]byte{}, uint16(0), byte(3))
	var up, down []byte
	for i := range 1024 {
		up = append(up, byte(i>>8)&7, byte(i))
		down = append(down, 0x80|byte((1023-i)>>8)&7, byte(1023-i))
	}
	f.Add(slices.Concat(up, down, up), uint16(300), byte(200))
	f.Fuzz(func(t *testing.T, ops []byte, after uint16, limit byte) {
		var o memory.Ordered
		set := make(map[string]bool)
		for i := 0; i+1 < len(ops); i += 2 {
			key := fmt.Sprintf("%04d", int(ops[i]&7)<<8|int(ops[i+1]))
			if ops[i]&0x80 == 0 {
				o.Add(key)
				set[key] = true
			} else {
				o.Remove(key)
				delete(set, key)
			}
		}
		want := slices.Sorted(maps.Keys(set))
		if n, longest, shortest := o.Runs(); longest > 256 || n > 0 && shortest == 0 || n > 1+len(ops)/2/128 {
			t.Errorf("%d runs of %d to %d keys for %d steps, want at most 256 each and none empty", n, shortest, longest, len(ops)/2)
		}
		if got, more := o.Page("", len(want)+1); !slices.Equal(got, want) || more {
			t.Fatalf("all keys\n got %q, more %v\nwant %q", got, more, want)
		}
		from := fmt.Sprintf("%04d", after%2048)
		i, found := slices.BinarySearch(want, from)
		if found {
			i++
		}
		rest := want[i:]
		n := min(len(rest), int(limit)+1)
		if got, more := o.Page(from, int(limit)+1); !slices.Equal(got, rest[:n]) || more != (n < len(rest)) {
			t.Errorf("page of %d after %q\n got %q, more %v\nwant %q", int(limit)+1, from, got, more, rest[:n])
		}
	})
}
