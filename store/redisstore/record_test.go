package redisstore_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/redisstore"
)

// FuzzDecode holds that whatever is under a key is a record or an error, and a record what Encode made.
func FuzzDecode(f *testing.F) {
	labels := make([]string, 16)
	for i := range labels {
		labels[i] = strings.Repeat("l", 127) + string(rune('a'+i))
	}
	for _, r := range []store.Record{
		{Version: 1},
		{Version: 1<<53 - 1, Expires: 253402300799, Labels: labels, Value: make([]byte, 64<<10)},
		{Version: 7, Labels: []string{"one"}, Value: []byte("8 0 two\n\x00\xff")},
	} {
		f.Add(redisstore.Encode(r))
	}
	for _, data := range []string{"", "\n", "1\n", "1 0", "x 0\n", "0 0\n", "-1 0\n", "1 -1\n", "1 y\n", "9223372036854775808 0\n", " 1 0\n"} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		r, err := redisstore.Decode("key", data)
		if err != nil {
			if !reflect.DeepEqual(r, store.Record{}) {
				t.Fatalf("Decode(%q) = %v with %v, want no record", data, r, err)
			}
			return
		}
		if r.Key != "key" || r.Version < 1 || r.Expires < 0 {
			t.Fatalf("Decode(%q) = %v", data, r)
		}
		again, err := redisstore.Decode("key", redisstore.Encode(r))
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("Decode(Encode(%v)) = %v, %v, want the same", r, again, err)
		}
	})
}

func TestRecordsAreWholeOrRefused(t *testing.T) {
	for _, data := range []string{"", "\n", "1\n", "1 0", "x 0\n", "0 0\n", "-1 0\n", "1 -1\n", "1 y\n", "9223372036854775808 0\n", " 1 0\n"} {
		if r, err := redisstore.Decode("key", data); err == nil {
			t.Errorf("Decode(%q) = %v, want an error", data, r)
		}
	}
}

func TestAllocations(t *testing.T) {
	r := store.Record{Key: "key", Version: 1 << 52, Expires: 1 << 31, Value: make([]byte, 300)}
	data := redisstore.Encode(r)
	// The value and the fields of the line.
	if n := testing.AllocsPerRun(100, func() { redisstore.Decode("key", data) }); n > 2 {
		t.Errorf("Decode allocates %v times, want at most 2", n)
	}
	// Two numbers, the line, and twice the string as it grows.
	if n := testing.AllocsPerRun(100, func() { redisstore.Encode(r) }); n > 5 {
		t.Errorf("Encode allocates %v times, want at most 5", n)
	}
}

func TestExpiryInRedis(t *testing.T) {
	both(t, func(t *testing.T, client redis.UniversalClient) {
		s := opened(t, client)
		now := time.Now().Unix()
		r := store.Record{Key: "key", Version: 1, Expires: now + 100}
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		for _, expires := range []int64{r.Expires, now + 50, 0, now + 5000, 253402300799, 0} {
			if expires != r.Expires {
				r.Expires = expires
				if err := s.Swap(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				r.Version++
			}
			want := expires + redisstore.Slack
			if expires == 0 {
				want = -1
			}
			at, err := client.Do(t.Context(), "expiretime", s.RecordName("key")).Int64()
			if at != want || err != nil {
				t.Errorf("with Expires %d the server drops it at %d, %v, want %d", expires, at, err, want)
			}
		}
		r.Expires = past
		if err := s.Swap(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.Version++
		r.Expires = now + 60
		if err := s.Swap(t.Context(), r); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Swap of a record that the server dropped = %v, want %v", err, store.ErrConflict)
		}
		if n, err := client.Exists(t.Context(), s.RecordName("key")).Result(); n != 0 || err != nil {
			t.Errorf("after that the key is there %d times, %v", n, err)
		}
	})
}

// TestMemoryOfARecord bounds what a record takes besides its key and value, and compares it with a hash.
func TestMemoryOfARecord(t *testing.T) {
	client := dial(t, node(t), nil)
	s := opened(t, client)
	r := store.Record{Key: "grant/0123456789abcdef0123456789abcdef", Version: 1 << 52, Expires: time.Now().Unix() + 3600, Value: make([]byte, 300)}
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	name := s.RecordName(r.Key)
	got := client.MemoryUsage(t.Context(), name).Val()
	client.HSet(t.Context(), name+"/hash", "version", r.Version, "expires", r.Expires, "value", r.Value)
	client.ExpireAt(t.Context(), name+"/hash", time.Unix(r.Expires, 0))
	hash := client.MemoryUsage(t.Context(), name+"/hash").Val()
	if limit := int64(len(name) + len(r.Value) + 150); got > limit || got == 0 {
		t.Errorf("a record takes %d bytes, want at most %d", got, limit)
	}
	if 3*hash < 4*got {
		t.Errorf("as a hash it takes %d bytes, as a string %d, want a third more", hash, got)
	}
}
