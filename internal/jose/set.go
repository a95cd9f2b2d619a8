package jose

import (
	"crypto/rsa"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// MaxSetSize is the length in bytes of the longest document that [ParseSet] accepts.
	MaxSetSize = 256 << 10

	maxKeys  = 128 // of one set
	maxTwins = 4   // keys of one kid that are tried
)

// Set is a set of public keys. It is immutable and safe for many goroutines.
type Set struct {
	keys []*Key
	byID map[string][]*Key
}

// ParseSet reads a JWK Set document (RFC 7517 section 5). Keys that it does not understand, that are weak, not
// for signatures, or published with private material are left out, and so are keys beyond the fourth of one
// kid. The document is refused if it is longer than [MaxSetSize], not strict JSON, or of more than 128 keys.
// Every error is [ErrInvalid].
func ParseSet(doc []byte) (*Set, error) {
	s, _, err := parseSet(doc)
	return s, err
}

// CheckSet reports an error unless [ParseSet] accepts the document and uses every key in it. The error says
// which is the first key left out and why, and holds nothing of the key.
func CheckSet(doc []byte) error {
	_, leftOut, err := parseSet(doc)
	if err != nil {
		return fmt.Errorf("not a JWK Set: %w", err)
	}
	return leftOut
}

// parseSet is [ParseSet] that also tells why the first of the keys left out is.
func parseSet(doc []byte) (s *Set, leftOut, err error) {
	if len(doc) > MaxSetSize {
		return nil, nil, reason("a key set longer than 256 KiB")
	}
	var array []byte
	err = Members(doc, func(name, value []byte) error {
		if string(name) == "keys" {
			array = value
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if array == nil {
		return nil, nil, reason("a key set without keys")
	}
	s = &Set{byID: make(map[string][]*Key)}
	count := 0
	err = Elements(array, func(value []byte) error {
		if count++; count > maxKeys {
			return reason("a key set of more than 128 keys")
		}
		if len(value) == 0 || value[0] != '{' {
			return reason("a key that is not a JSON object")
		}
		if err := s.add(value); err != nil && leftOut == nil {
			leftOut = fmt.Errorf("key %d is not valid: %w", count-1, err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return s, leftOut, nil
}

// add takes a key if it can ever verify a signature. One whose private half is published as well proves
// nothing any more; leaving out that key, and not the whole document, withdraws it at once.
func (s *Set) add(doc []byte) error {
	k, err := parseJWK(doc)
	switch {
	case k.secret != "":
		return reason("it has the private member " + strconv.Quote(k.secret))
	case err != nil:
		return err
	case !k.may("verify"):
		return reason("its use or key_ops does not allow verifying")
	case len(s.byID[k.kid]) == maxTwins:
		return reason("four keys before it have the same kid")
	}
	pub, err := k.key()
	if err != nil {
		return err
	}
	key := &Key{ID: k.kid, Alg: k.alg, pub: pub}
	implied, err := key.check()
	if err != nil {
		return err
	}
	if _, ok := pub.(*rsa.PublicKey); key.Alg == "" && !ok {
		key.Alg = implied
	}
	s.keys = append(s.keys, key)
	if k.kid != "" {
		s.byID[k.kid] = append(s.byID[k.kid], key)
	}
	return nil
}

// Len returns the number of usable keys.
func (s *Set) Len() int { return len(s.keys) }

// Verify checks that j is signed by a key of the set, under one of algs; nil means all of [Algorithms]. Every
// error is [ErrInvalid].
//
// A kid names the keys to try. Without one the set must hold a single key. An RSA key that does not name its
// algorithm serves the first RSA algorithm of algs, and no other (RFC 8725 section 3.1).
func (s *Set) Verify(j *JWS, algs []string) error {
	keys := s.byID[j.KID]
	if j.KID == "" && len(s.keys) == 1 {
		keys = s.keys
	}
	err := error(errKey)
	for _, k := range keys {
		if err = k.Verify(j, algs); err == nil {
			return nil
		}
	}
	return err
}

// Verify is [Set.Verify] for this key alone, whatever kid says.
func (k *Key) Verify(j *JWS, algs []string) error {
	if algs == nil {
		algs = Algorithms
	}
	if k.algorithm(algs) != j.Alg || !slices.Contains(algs, j.Alg) { // TestSetVerify
		return errUnfit
	}
	if !k.verify(j.Alg, []byte(j.input), j.sig) {
		return errSig
	}
	return nil
}

// algorithm returns the one algorithm that k serves for a caller who accepts algs.
func (k *Key) algorithm(algs []string) string {
	if k.Alg != "" {
		return k.Alg
	}
	i := slices.IndexFunc(algs, func(alg string) bool {
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	})
	if i < 0 {
		return ""
	}
	return algs[i]
}
