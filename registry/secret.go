package registry

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

const (
	secretPrefix = "ocs_" // what a scanner for leaked secrets looks for
	maxPlain     = 512    // bytes
	maxUsable    = 2      // one that rotates out and its successor
)

// Secret is the verifier of a client secret: a hash of it, and when it is usable. It prints without the
// hash, and JSON leaves the hash out, so that an app can be logged and served as it is; a database of the
// host's own has to keep Hash by itself.
//
// Hash is one of
//   - the 32 bytes of a SHA-256, right for secrets of at least 128 random bits, which nobody can guess.
//     [NewSecret] makes one; so does sha256.Sum256 of a secret that was generated elsewhere. A secret
//     that someone thought up is found from its SHA-256 at billions of guesses a second;
//   - a bcrypt string ($2a$, $2b$ or $2y$) of cost 10 to 14;
//   - an argon2id string ($argon2id$v=19$m=…,t=…,p=…$salt$hash) of at most 128 MiB, 10 passes and 16
//     lanes.
//
// The last two are for secrets that people chose, imported from elsewhere: each check takes as much time
// and memory as they were made to take.
type Secret struct {
	ID       string    `json:"id"` // names it to [App.RemoveSecret]
	Hash     []byte    `json:"-"`
	Created  time.Time `json:"created,omitzero"`
	NotAfter time.Time `json:"not_after,omitzero"` // from then on it is not usable; zero: until it is removed
	Retiring bool      `json:"retiring,omitzero"`  // NotAfter comes from a rotation; cancelling that lifts it
}

// NewSecret generates a secret of 256 bits. Show plain once; s is what is kept of it. The plain secret
// is 47 characters that need no encoding in a form or URL and begin with "ocs_".
func NewSecret(now time.Time) (plain string, s Secret) {
	var b [32]byte
	rand.Read(b[:])
	plain = secretPrefix + base64.RawURLEncoding.EncodeToString(b[:])
	hash := sha256.Sum256([]byte(plain))
	return plain, Secret{ID: rand.Text(), Hash: hash[:], Created: now}
}

// Format prints s without its hash, whatever the verb.
func (s Secret) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "Secret(%s)", s.ID)
}

// usable reports whether s authenticates at now.
func (s *Secret) usable(now time.Time) bool { return s.NotAfter.IsZero() || now.Before(s.NotAfter) }

// check returns what is wrong with the hash of s.
func (s *Secret) check() error {
	if len(s.Hash) == sha256.Size {
		return nil
	}
	_, err := parseHash(string(s.Hash))
	return err
}

// CheckSecret reports whether plain is a usable secret of the app at now, and which. All usable secrets
// are compared, each in constant time, so that the time taken does not tell which one matched or how
// nearly. An empty secret and one of more than 512 bytes match nothing, and nothing is hashed. An app
// without a usable secret still costs a hash, as one with a generated secret does: a server that does not
// know an app asks a zero App instead.
func (a *App) CheckSecret(plain string, now time.Time) (id string, ok bool) {
	if plain == "" || len(plain) > maxPlain {
		return "", false
	}
	var b [maxPlain]byte // spares an allocation
	sum := sha256.Sum256(b[:copy(b[:], plain)])
	for i := range a.Secrets {
		if s := &a.Secrets[i]; s.usable(now) && s.matches(plain, &sum) { // TestAppCheckSecretEnds
			id, ok = s.ID, true
		}
	}
	return id, ok
}

// matches compares plain, whose SHA-256 is sum, with the hash of s. A hash that is none matches nothing.
func (s *Secret) matches(plain string, sum *[sha256.Size]byte) bool {
	if len(s.Hash) == sha256.Size {
		return subtle.ConstantTimeCompare(s.Hash, sum[:]) == 1
	}
	h, err := parseHash(string(s.Hash))
	return err == nil && h.matches(plain)
}

// secretFaults returns what is wrong with the secrets of an app at now.
func secretFaults(secrets []Secret, now time.Time) (f faults) {
	usable := 0
	for i := range secrets {
		s := &secrets[i]
		f.add("Secrets", s.check())
		if s.usable(now) {
			usable++
		}
		if slices.ContainsFunc(secrets[:i], func(o Secret) bool { return o.ID != "" && o.ID == s.ID }) {
			f.add("Secrets", fmt.Errorf("has ID %q twice", s.ID))
		}
	}
	if usable > maxUsable {
		f.add("Secrets", fmt.Errorf("has %d usable ones, wanted at most %d", usable, maxUsable))
	}
	return f
}
