package main

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/argon2"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	u, err := newUsers([]user{
		{Email: "ada@example.com", Password: "correct horse"},
		{Email: "bob@example.com", Password: "battery staple"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, email, password string
		ok                    bool
	}{
		{"the right password", "ada@example.com", "correct horse", true},
		{"an e-mail in capitals and with spaces", " ADA@Example.com ", "correct horse", true},
		{"a wrong password", "ada@example.com", "correct hors", false},
		{"another user's password", "ada@example.com", "battery staple", false},
		{"an empty password", "ada@example.com", "", false},
		{"an unknown e-mail", "eve@example.com", "correct horse", false},
		{"a password too long to hash", "ada@example.com", strings.Repeat("x", maxPassword+1), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, err := u.authenticate(t.Context(), test.email, test.password)
			if test.ok && (err != nil || a.Email != "ada@example.com") {
				t.Errorf("authenticate: got %v, %v; wanted ada@example.com", a, err)
			}
			if !test.ok && !errors.Is(err, errPassword) {
				t.Errorf("authenticate: got %v, wanted errPassword", err)
			}
		})
	}
	t.Run("passwords are kept as argon2id only", func(t *testing.T) {
		for _, a := range u.byEmail {
			if a.Password != "" || !strings.HasPrefix(a.hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
				t.Errorf("%s: got password %q and hash %.30q, wanted none and an argon2id PHC string", a.Email, a.Password, a.hash)
			}
		}
	})
	t.Run("equal passwords have different hashes", func(t *testing.T) {
		if a, b := hashPassword("x"), hashPassword("x"); a == b {
			t.Errorf("hashPassword gave %q twice", a)
		}
	})
	t.Run("a configured hash is taken as it is", func(t *testing.T) {
		u, err := newUsers([]user{{Email: "cyd@example.com", Password: hashPassword("open sesame")}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.authenticate(t.Context(), "cyd@example.com", "open sesame"); err != nil {
			t.Errorf("authenticate: %v", err)
		}
		if _, err := newUsers([]user{{Email: "a@b", Password: "$argon2id$v=19$nonsense"}}); err == nil {
			t.Error("newUsers with half a hash: got no error")
		}
	})
	t.Run("a configured password too long to hash is refused", func(t *testing.T) {
		if _, err := newUsers([]user{{Email: "a@b", Password: strings.Repeat("x", maxPassword+1)}}); err == nil {
			t.Error("newUsers: got no error")
		}
	})
}

// Whoever finds the queue full waits, but not for ever and not when the browser has gone.
func TestAuthenticateWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := &users{slots: make(chan struct{}, 1)}
		u.slots <- struct{}{}
		began := time.Now()
		if _, err := u.authenticate(t.Context(), "ada@example.com", "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("authenticate: got %v, wanted context.DeadlineExceeded", err)
		}
		if waited := time.Since(began); waited != maxWait {
			t.Errorf("authenticate waited for %v, wanted %v", waited, maxWait)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := u.authenticate(gone, "ada@example.com", "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("authenticate: got %v, wanted context.Canceled", err)
		}
	})
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	good := hashPassword("x")
	fields := strings.Split(good, "$")
	edit := func(i int, s string) string {
		edited := append([]string(nil), fields...)
		edited[i] = s
		return strings.Join(edited, "$")
	}
	if !checkPassword(good, "x") || checkPassword(good, "y") {
		t.Error("checkPassword does not tell the right password from a wrong one")
	}
	key := argon2.IDKey([]byte("x"), []byte("somesalt"), 1, 64, 1, 24)
	if !checkPassword("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$"+base64.RawStdEncoding.EncodeToString(key), "x") {
		t.Error("checkPassword does not take the cost from the hash")
	}
	for _, hash := range []string{
		"", "x", "$", "$$$$$", "$2y$10$abc",
		edit(1, "argon2i"), edit(2, "v=16"), edit(3, "m=64"), edit(3, "m=64,t=0,p=1"), edit(3, "m=64,t=1,p=0"),
		edit(4, "!"), edit(5, "!"), edit(5, ""), good + "$",
	} {
		if checkPassword(hash, "x") {
			t.Errorf("checkPassword(%q) accepts", hash)
		}
	}
}

func TestAuthenticateLongPassword(t *testing.T) {
	long := strings.Repeat("x", maxPassword)
	u, err := newUsers([]user{{Email: "ada@example.com", Password: long}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.authenticate(t.Context(), "ada@example.com", long); err != nil {
		t.Errorf("a password of %d bytes: %v", maxPassword, err)
	}
	for range cap(u.slots) { // no hash can begin: a longer password must not ask for one
		u.slots <- struct{}{}
	}
	if _, err := u.authenticate(t.Context(), "ada@example.com", long+"x"); !errors.Is(err, errPassword) {
		t.Errorf("a longer one: %v, want errPassword", err)
	}
}

// A sign-in must cost little enough for some hundred a minute.
func BenchmarkAuthenticate(b *testing.B) {
	u, err := newUsers([]user{{Email: "ada@example.com", Password: "correct horse"}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := u.authenticate(b.Context(), "ada@example.com", "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}
