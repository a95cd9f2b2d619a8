package token

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Keys is a ring of signing keys, safe for many goroutines.
type Keys struct{ ring atomic.Pointer[ring] }

// ring is one state of Keys and is immutable, so that a token's header, kid and signature always come from
// one key, whatever is replaced meanwhile.
type ring struct {
	keys []*signingKey
	byID map[string]*signingKey
}

// NewKeys returns a ring of at least one key. It refuses RSA keys under 2048 bits and other weak keys, an
// algorithm that does not fit its key, a doubled ID, and a NotAfter that is not after NotBefore, and reports
// all faults at once.
func NewKeys(keys ...Key) (*Keys, error) {
	k := new(Keys)
	if err := k.Replace(keys...); err != nil {
		return nil, err
	}
	return k, nil
}

// Replace swaps the whole ring at once; on error the old one stays. Tokens of keys that are no longer in it
// are refused from then on by every [Verifier] that was given the ring.
func (k *Keys) Replace(keys ...Key) error {
	if len(keys) == 0 {
		return errors.New("token: a ring without a key never signs")
	}
	r := &ring{byID: make(map[string]*signingKey, len(keys))}
	var faults []error
	for i, key := range keys {
		s, err := newSigningKey(key)
		if err == nil && r.byID[s.ID] != nil {
			err = fmt.Errorf("a second key with the ID %q", s.ID)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("token: key %d: %w", i, err))
			continue
		}
		r.keys = append(r.keys, s)
		r.byID[s.ID] = s
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	k.ring.Store(r)
	return nil
}

// signer returns the key that signs at a time: of those whose time it is the one that began last, and of
// those the first in the ring.
func (r *ring) signer(at time.Time) (*signingKey, error) {
	var best *signingKey
	for _, k := range r.keys {
		if k.NotBefore.After(at) || k.withdrawn(at) {
			continue
		}
		if best == nil || k.NotBefore.After(best.NotBefore) {
			best = k
		}
	}
	if best == nil {
		return nil, fmt.Errorf("token: no key of the ring signs at %s", at.UTC().Format(time.RFC3339))
	}
	return best, nil
}
