package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"golang.org/x/crypto/argon2"
)

// Cost of a password hash: 19 MiB and two passes, some 20 ms of one core. More would lengthen the queue
// when some hundred people sign in within the same minute.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonKey     = 32 // bytes
	argonSalt    = 16 // bytes
)

const (
	maxPassword = 1024             // bytes, of what a stranger can make the server hash
	maxWait     = 20 * time.Second // in the queue, of some thousand sign-ins at once
)

// errPassword says that the e-mail or the password is wrong, and does not say which.
var errPassword = errors.New("wrong e-mail or password")

// account is a user with the password's hash in place of the password.
type account struct {
	user
	hash string // PHC string
}

// users are the accounts, by e-mail. They do not change; all methods are safe for many goroutines.
type users struct {
	byEmail map[string]*account
	nobody  string        // hash of a password that nobody has
	slots   chan struct{} // one for each hash in progress: they bound memory and queue what is more
}

// newUsers hashes the passwords of all that are not hashes already.
func newUsers(all []user) (*users, error) {
	u := &users{
		byEmail: make(map[string]*account),
		slots:   make(chan struct{}, runtime.GOMAXPROCS(0)),
		nobody:  hashPassword(rand.Text()),
	}
	var wg sync.WaitGroup
	for _, one := range all {
		if len(one.Password) > maxPassword {
			return nil, fmt.Errorf("user %q: got a password of %d bytes, wanted at most %d", one.Email, len(one.Password), maxPassword)
		}
		a := &account{user: one}
		u.byEmail[one.Email] = a
		if strings.HasPrefix(one.Password, hashPrefix) {
			if _, ok := parseHash(one.Password); !ok {
				return nil, fmt.Errorf("user %q: the password begins like a hash and is none", one.Email)
			}
			a.hash, a.Password = one.Password, ""
			continue
		}
		u.slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-u.slots }()
			a.hash = hashPassword(a.Password)
			a.Password = ""
		})
	}
	wg.Wait()
	return u, nil
}

// member reports whether a user belongs to an organisation.
func (u *users) member(subject, tenant string) bool {
	a := u.find(subject)
	return a != nil && (a.Tenant == tenant || slices.Contains(a.Tenants, tenant))
}

// caller is the user as the platform knows one, in their first organisation.
func (a *account) caller() platform.Caller {
	return platform.Caller{Subject: a.Email, Tenant: a.Tenant, Roles: a.Roles}
}

// find returns the user with that subject, nil if there is none.
func (u *users) find(subject string) *account { return u.byEmail[subject] }

// authenticate returns the user, or errPassword. An unknown e-mail costs as much as a wrong password, so
// that time does not tell who has an account. Any other error means that the queue is too long.
func (u *users) authenticate(ctx context.Context, email, password string) (*account, error) {
	if len(password) > maxPassword {
		return nil, errPassword
	}
	a := u.find(strings.ToLower(strings.TrimSpace(email)))
	hash := u.nobody
	if a != nil {
		hash = a.hash
	}
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case u.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ok := checkPassword(hash, password)
	<-u.slots
	if a == nil || !ok {
		return nil, errPassword
	}
	return a, nil
}

// hashPassword returns the argon2id hash of password (RFC 9106) as a PHC string with a fresh salt.
func hashPassword(password string) string {
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// hash is a parsed PHC string of argon2id.
type hash struct {
	memory, passes uint32
	threads        uint8
	salt, key      []byte
}

const hashPrefix = "$argon2id$"

// parseHash reads a PHC string, ok if it is one.
func parseHash(text string) (h hash, ok bool) {
	parts := strings.Split(text, "$") // "", argon2id, v, parameters, salt, key
	if len(parts) != 6 || !strings.HasPrefix(text, hashPrefix) || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.threads); err != nil || h.passes == 0 || h.threads == 0 {
		return h, false
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	return h, err1 == nil && err2 == nil && len(h.key) > 0
}

// checkPassword reports whether password has the hash, at the cost that the hash names. A hash that
// cannot be read matches nothing.
func checkPassword(text, password string) bool {
	h, ok := parseHash(text)
	if !ok {
		return false
	}
	got := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1
}
