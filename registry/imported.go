package registry

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// What a hash may cost to check, so that a stored one can neither be weak nor exhaust the machine.
const (
	minBcrypt       = 10
	maxBcrypt       = 14
	maxArgon2Memory = 128 << 10 // KiB
	maxArgon2Time   = 10
	maxArgon2Lanes  = 16
)

// imported is a hash made for secrets that people chose.
type imported struct {
	bcrypt string // if not empty, all of it

	memory, time uint32 // of argon2id: KiB and passes
	lanes        uint8
	salt, hash   []byte
}

// parseHash reads a bcrypt or argon2id string. No error holds any of it.
func parseHash(s string) (imported, error) {
	switch {
	case strings.HasPrefix(s, "$2a$"), strings.HasPrefix(s, "$2b$"), strings.HasPrefix(s, "$2y$"):
		return parseBcrypt(s)
	case strings.HasPrefix(s, "$argon2id$"):
		return parseArgon2(s)
	}
	return imported{}, errors.New("has a hash that is neither SHA-256 nor bcrypt nor argon2id")
}

func parseBcrypt(s string) (imported, error) {
	cost, err := bcrypt.Cost([]byte(s))
	if err != nil || len(s) != 60 {
		return imported{}, errors.New("has a bad bcrypt string")
	}
	if cost < minBcrypt || cost > maxBcrypt {
		return imported{}, errors.New("has bcrypt of a cost that is not 10 to 14")
	}
	return imported{bcrypt: s}, nil
}

// parseArgon2 reads the one spelling that implementations write, after $argon2id$: v=19$m=…,t=…,p=…$salt$hash.
func parseArgon2(s string) (imported, error) {
	bad := errors.New("has a bad argon2id string")
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return imported{}, bad
	}
	parameters := strings.Split(parts[3], ",")
	if len(parameters) != 3 {
		return imported{}, bad
	}
	var n [3]uint32
	for i, name := range [...]string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(parameters[i], name)
		v, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || strconv.FormatUint(v, 10) != digits {
			return imported{}, bad
		}
		n[i] = uint32(v)
	}
	salt, err := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return imported{}, bad
	}
	hash, err := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err != nil || len(hash) < 16 || len(hash) > 64 {
		return imported{}, bad
	}
	memory, passes, lanes := n[0], n[1], n[2]
	if lanes < 1 || lanes > maxArgon2Lanes || memory < 8*lanes || memory > maxArgon2Memory || passes < 1 || passes > maxArgon2Time { // TestSecretHashes
		return imported{}, errors.New("has argon2id of more than 128 MiB, 10 passes or 16 lanes, or of too few")
	}
	return imported{memory: memory, time: passes, lanes: uint8(lanes), salt: salt, hash: hash}, nil
}

// matches compares in constant time.
func (h *imported) matches(plain string) bool {
	if h.bcrypt != "" {
		return bcrypt.CompareHashAndPassword([]byte(h.bcrypt), []byte(plain)) == nil
	}
	got := argon2.IDKey([]byte(plain), h.salt, h.time, h.memory, h.lanes, uint32(len(h.hash)))
	return subtle.ConstantTimeCompare(got, h.hash) == 1
}
