package store

import (
	"errors"
	"fmt"
	"slices"
)

const (
	maxKey     = 128
	maxLabels  = 16
	maxValue   = 64 << 10
	maxVersion = 1<<53 - 1    // exact in every engine, also in those that count in float64
	maxExpires = 253402300799 // 9999-12-31T23:59:59Z
)

// Check returns an error if r is beyond the limits that the fields of [Record] state, as a record to be
// created or swapped. Create and Swap of every store return it. The error holds nothing of Key, Labels or
// Value but their sizes and a single byte. Check is safe for many goroutines.
func (r Record) Check() error {
	if err := checkKey(r.Key); err != nil {
		return fmt.Errorf("store: key %w", err)
	}
	if r.Version < 1 || r.Version > maxVersion {
		return fmt.Errorf("store: version %d, want 1 to %d", r.Version, int64(maxVersion))
	}
	if r.Expires < 0 || r.Expires > maxExpires {
		return fmt.Errorf("store: expiry at %d, want 0 to %d", r.Expires, int64(maxExpires))
	}
	if len(r.Value) > maxValue {
		return fmt.Errorf("store: value of %d bytes, want at most %d", len(r.Value), maxValue)
	}
	if len(r.Labels) > maxLabels {
		return fmt.Errorf("store: %d labels, want at most %d", len(r.Labels), maxLabels)
	}
	for i, l := range r.Labels {
		if err := checkKey(l); err != nil {
			return fmt.Errorf("store: label %d %w", i, err)
		}
		if slices.Contains(r.Labels[:i], l) {
			return fmt.Errorf("store: label %d is there twice", i)
		}
	}
	return nil
}

func checkKey(k string) error {
	if k == "" {
		return errors.New("is empty")
	}
	if len(k) > maxKey {
		return fmt.Errorf("of %d bytes, want at most %d", len(k), maxKey)
	}
	for i := range len(k) {
		if !keyByte[k[i]] {
			return fmt.Errorf("has %q at byte %d, want one of [A-Za-z0-9/_.~-]", k[i:i+1], i)
		}
	}
	return nil
}

// keyByte holds true for the bytes that keys are made of: the unreserved characters of RFC 3986,
// Section 2.3, and the slash.
var keyByte = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.~-") {
		t[c] = true
	}
	return t
}()
