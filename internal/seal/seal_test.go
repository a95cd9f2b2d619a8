package seal_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/internal/seal"
)

const issuer = "https://auth.example.com"

// secret returns a secret that is all b.
func secret(b byte) []byte { return bytes.Repeat([]byte{b}, seal.KeySize) }

func ring(t testing.TB, issuer, purpose string, secrets ...[]byte) *seal.Ring {
	t.Helper()
	r, err := seal.New(secrets, issuer, purpose)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return r
}

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		name    string
		secrets [][]byte
		want    string // part of the error, empty for none
	}{
		{"one secret", [][]byte{secret(1)}, ""},
		{"three secrets", [][]byte{secret(1), secret(2), secret(3)}, ""},
		{"no secret", nil, "no secret"},
		{"a short secret", [][]byte{secret(1), secret(2)[1:]}, "secret 1: 31 bytes, want 32"},
		{"a long secret", [][]byte{append(secret(1), 1)}, "secret 0: 33 bytes, want 32"},
		{"an empty secret", [][]byte{{}}, "secret 0: 0 bytes, want 32"},
		{"the same secret twice", [][]byte{secret(1), secret(2), secret(1)}, "secret 2 is there twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := seal.New(tt.secrets, issuer, "test")
			switch {
			case tt.want == "":
				if err != nil || r == nil {
					t.Fatalf("New = %v, %v, want a ring", r, err)
				}
			case err == nil || !strings.Contains(err.Error(), tt.want):
				t.Fatalf("New = %v, want an error with %q", err, tt.want)
			case r != nil:
				t.Error("New returned a ring with an error")
			}
		})
	}

	t.Run("keeps no slice of the caller's", func(t *testing.T) {
		s := secret(1)
		r := ring(t, issuer, "test", s)
		before, _ := r.Derive(r.Current(), []byte("x"))
		clear(s)
		if after, _ := r.Derive(r.Current(), []byte("x")); after != before {
			t.Error("Derive changed with the caller's slice")
		}
	})
}

// TestSeparation has one row for each thing that keeps two rings apart. The third row would fail if
// issuer and purpose were joined without their lengths.
func TestSeparation(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b *seal.Ring
		same bool
	}{
		{"the same of all", ring(t, issuer, "p", secret(1)), ring(t, issuer, "p", secret(1)), true},
		{"another issuer", ring(t, issuer, "p", secret(1)), ring(t, issuer+"/a", "p", secret(1)), false},
		{"another split of issuer and purpose", ring(t, "a 1 b", "c", secret(1)), ring(t, "a", "b 1 c", secret(1)), false},
		{"another purpose", ring(t, issuer, "p", secret(1)), ring(t, issuer, "q", secret(1)), false},
		{"another secret", ring(t, issuer, "p", secret(1)), ring(t, issuer, "p", secret(2)), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.a.Current() == tt.b.Current(); got != tt.same {
				t.Errorf("ids are equal: %v, want %v", got, tt.same)
			}
			if _, got := tt.b.Open(tt.a.Seal([]byte("m"), nil), nil); got != tt.same {
				t.Errorf("Open of the other's = %v, want %v", got, tt.same)
			}
			x, _ := tt.a.Derive(tt.a.Current(), []byte("m"))
			y, _ := tt.b.Derive(tt.b.Current(), []byte("m"))
			if got := x == y; got != tt.same {
				t.Errorf("derived values are equal: %v, want %v", got, tt.same)
			}
		})
	}

	// An id leads to one ring only, so the rows above do not show that the keys behind it differ too.
	t.Run("the key of another purpose does not open under a forged id", func(t *testing.T) {
		a, b := ring(t, issuer, "p", secret(1)), ring(t, issuer, "q", secret(1))
		sealed := a.Seal([]byte("m"), nil)
		binary.BigEndian.PutUint32(sealed, uint32(b.Current()))
		if _, ok := b.Open(sealed, nil); ok {
			t.Error("Open under a forged id = true")
		}
	})
}

func TestRotation(t *testing.T) {
	older := ring(t, issuer, "p", secret(1))
	both := ring(t, issuer, "p", secret(2), secret(1))
	newer := ring(t, issuer, "p", secret(2))
	sealed := older.Seal([]byte("m"), []byte("b"))
	want, _ := older.Derive(older.Current(), []byte("m"))

	t.Run("the first secret is current", func(t *testing.T) {
		if both.Current() != newer.Current() || both.Current() == older.Current() {
			t.Errorf("Current = %d, want %d", both.Current(), newer.Current())
		}
	})
	t.Run("all open", func(t *testing.T) {
		if plain, ok := both.Open(sealed, []byte("b")); !ok || string(plain) != "m" {
			t.Errorf("Open = %q, %v, want %q", plain, ok, "m")
		}
	})
	t.Run("all derive under their own id", func(t *testing.T) {
		if got, ok := both.Derive(older.Current(), []byte("m")); !ok || got != want {
			t.Errorf("Derive = %v, equal: %v", ok, got == want)
		}
	})
	t.Run("the first seals", func(t *testing.T) {
		s := both.Seal([]byte("m"), nil)
		if _, ok := newer.Open(s, nil); !ok {
			t.Error("the ring of the newer secret alone does not open it")
		}
		if _, ok := older.Open(s, nil); ok {
			t.Error("the ring of the older secret opens it")
		}
	})
	t.Run("a removed secret neither opens nor derives", func(t *testing.T) {
		if _, ok := newer.Open(sealed, []byte("b")); ok {
			t.Error("Open = true")
		}
		if sum, ok := newer.Derive(older.Current(), []byte("m")); ok || sum != [32]byte{} {
			t.Errorf("Derive = %v, want false and zero", ok)
		}
	})
}

// TestDerive pins bytes: stored chains depend on them, so a change needs a way over for records in use.
func TestDerive(t *testing.T) {
	r := ring(t, issuer, "chain", secret(1))
	if got, want := fmt.Sprintf("%08x", uint32(r.Current())), "8bc6838b"; got != want {
		t.Errorf("Current = %s, want %s", got, want)
	}
	sum, ok := r.Derive(r.Current(), []byte("one"), []byte("two"))
	if got, want := hex.EncodeToString(sum[:]), "fbfb7946df3fbb6463fd7a96a3749f1fbdeacda075a6ba5cd6e8aba0cba16dc3"; !ok || got != want {
		t.Errorf("Derive = %s, %v, want %s", got, ok, want)
	}
	if joined, _ := r.Derive(r.Current(), []byte("onetwo")); joined != sum {
		t.Error("Derive tells the parts of its data apart, its documentation says that it does not")
	}
}

func TestSeal(t *testing.T) {
	r := ring(t, issuer, "p", secret(1))
	for _, n := range []int{0, 1, 63, 64, 65, 4096} {
		plain := bytes.Repeat([]byte{'m'}, n)
		sealed := r.Seal(plain, []byte("bound"))
		if got, want := len(sealed), n+seal.Overhead; got != want {
			t.Errorf("Seal of %d bytes gave %d, want %d", n, got, want)
		}
		if got, ok := r.Open(sealed, []byte("bound")); !ok || !bytes.Equal(got, plain) {
			t.Errorf("Open of %d sealed bytes = %d bytes, %v", n, len(got), ok)
		}
	}

	sealed := r.Seal([]byte("message"), []byte("bound"))
	t.Run("twice is never the same", func(t *testing.T) {
		if bytes.Equal(sealed, r.Seal([]byte("message"), []byte("bound"))) {
			t.Error("two seals of one message are equal")
		}
	})
	t.Run("another bound does not open", func(t *testing.T) {
		for _, bound := range [][]byte{nil, {}, []byte("boun"), []byte("bound "), []byte("Bound")} {
			if plain, ok := r.Open(sealed, bound); ok || plain != nil {
				t.Errorf("Open with bound %q = %q, %v, want nil, false", bound, plain, ok)
			}
		}
	})
	t.Run("no changed bit opens", func(t *testing.T) {
		for i := range len(sealed) * 8 {
			c := bytes.Clone(sealed)
			c[i/8] ^= 1 << (i % 8)
			if plain, ok := r.Open(c, []byte("bound")); ok || plain != nil {
				t.Fatalf("Open with bit %d changed = %q, %v, want nil, false", i, plain, ok)
			}
		}
	})
	t.Run("nothing shorter or longer opens", func(t *testing.T) {
		for n := range sealed {
			if _, ok := r.Open(sealed[:n], []byte("bound")); ok {
				t.Fatalf("Open of the first %d bytes = true", n)
			}
		}
		if _, ok := r.Open(append(bytes.Clone(sealed), 0), []byte("bound")); ok {
			t.Error("Open with a byte more = true")
		}
	})
	t.Run("opening leaves the sealed bytes alone", func(t *testing.T) {
		c := bytes.Clone(sealed)
		r.Open(c, []byte("bound"))
		if !bytes.Equal(c, sealed) {
			t.Error("Open changed its input")
		}
	})
}

func TestRingParallel(t *testing.T) {
	r := ring(t, issuer, "p", secret(1), secret(2))
	want, _ := r.Derive(r.Current(), []byte("m"))
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			<-start
			for range 200 {
				if _, ok := r.Open(r.Seal([]byte("m"), nil), nil); !ok {
					t.Error("Open = false")
				}
				if got, _ := r.Derive(r.Current(), []byte("m")); got != want {
					t.Error("Derive gave another value")
				}
			}
		})
	}
	close(start)
	wg.Wait()
}

// sealedMessage is "message" sealed with "bound" by the ring of FuzzOpen, once and for all: what was
// sealed before an upgrade of the library must open after it.
const sealedMessage = "95c1c183078dbddff2e4215bd25ebbf6f2c8dfc79654ed5305582076b9e3f248cc574d2eb9a805534aa2503e6fd03a79414517"

// FuzzOpen feeds hostile bytes to Open: it must not panic, and must open nothing but what was sealed.
func FuzzOpen(f *testing.F) {
	r := ring(f, issuer, "p", secret(1), secret(2))
	sealed, err := hex.DecodeString(sealedMessage)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{}, []byte{})
	f.Add(sealed, []byte("bound"))
	f.Add(sealed, []byte("other"))
	f.Add(sealed[:seal.Overhead], []byte("bound"))
	f.Add(sealed[:seal.Overhead-1], []byte("bound"))
	f.Add(binary.BigEndian.AppendUint32(nil, uint32(r.Current())), []byte{})
	f.Add(append(binary.BigEndian.AppendUint32(nil, uint32(r.Current())), make([]byte, seal.Overhead)...), []byte{})
	f.Fuzz(func(t *testing.T, b, bound []byte) {
		plain, ok := r.Open(b, bound)
		if ok != (bytes.Equal(b, sealed) && string(bound) == "bound") {
			t.Errorf("Open(%x, %q) = %v", b, bound, ok)
		}
		if !ok && plain != nil {
			t.Errorf("Open(%x, %q) returned bytes with false", b, bound)
		}
	})
}

// TestAllocs bounds what a token costs beside its cipher.
func TestAllocs(t *testing.T) {
	r := ring(t, issuer, "p", secret(1))
	id, data := r.Current(), make([]byte, 69)
	sealed := r.Seal(data, nil)
	for _, tt := range []struct {
		name string
		max  float64
		f    func()
	}{
		{"Derive", 6, func() { r.Derive(id, data) }},
		{"Seal", 1, func() { r.Seal(data, nil) }},
		{"Open", 1, func() { r.Open(sealed, nil) }},
	} {
		if got := testing.AllocsPerRun(100, tt.f); got > tt.max {
			t.Errorf("%s allocates %v times, want at most %v", tt.name, got, tt.max)
		} else {
			t.Logf("%s allocates %v times", tt.name, got)
		}
	}
}

func BenchmarkRing(b *testing.B) {
	r := ring(b, issuer, "p", secret(1))
	id, data := r.Current(), make([]byte, 69)
	sealed := r.Seal(data, nil)
	b.Run("Derive", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Derive(id, data)
		}
	})
	b.Run("Seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Seal(data, nil)
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Open(sealed, nil)
		}
	})
}
