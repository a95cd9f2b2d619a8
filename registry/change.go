package registry

import (
	"fmt"
	"time"
)

// Halt suspends the app, if staff ask, or pauses it, if its owner asks, or ends what they began. Staff who
// own the app are its owner here, so that nobody lifts a suspension of their own app. Halting twice is
// halting once.
func (a *App) Halt(by Actor, halt bool) error {
	if err := by.mayChange(a); err != nil {
		return err
	}
	if by.Staff && by.Subject != a.Owner {
		a.Suspended = halt
	} else {
		a.Paused = halt
	}
	return nil
}

// Delete ends the app and every grant to it, for ever: its secrets, its revision and its place in the
// directory go, its ID stays taken. By the owner or staff.
func (a *App) Delete(by Actor) error {
	if err := by.mayChange(a); err != nil {
		return err
	}
	a.Deleted, a.Listed, a.Secrets, a.Revision = true, false, nil, nil
	a.Epoch++
	return nil
}

// EndGrants ends every grant to the app so far. By the owner or staff.
func (a *App) EndGrants(by Actor) error {
	if err := by.mayChange(a); err != nil {
		return err
	}
	a.Epoch++
	return nil
}

const (
	defaultOverlap = 24 * time.Hour
	maxOverlap     = 7 * 24 * time.Hour
)

// AddSecret begins a rotation at s.Created: s is usable beside the one there is, which ends after overlap.
// Zero is 24 hours, at most 7 days; if negative, all others end at once. While two are usable a third is
// [ErrState], save with a negative overlap: first end one with [App.RemoveSecret]. By the owner or staff.
func (a *App) AddSecret(by Actor, s Secret, overlap time.Duration) error {
	if err := by.mayChange(a); err != nil {
		return err
	}
	if overlap == 0 {
		overlap = defaultOverlap
	}
	if overlap > maxOverlap {
		return fmt.Errorf("registry: got an overlap of %v, wanted at most %v", overlap, maxOverlap)
	}
	now := s.Created
	if s.ID == "" || now.IsZero() || !s.usable(now) {
		return fmt.Errorf("registry: secret %q has no ID, no time of creation, or ends before it", s.ID)
	}
	var kept []Secret
	for _, old := range a.Secrets {
		if overlap < 0 || !old.usable(now) {
			continue
		}
		if end := now.Add(overlap); old.usable(end) {
			old.Retiring = old.NotAfter.IsZero()
			old.NotAfter = end
		}
		kept = append(kept, old)
	}
	if len(kept) >= maxUsable {
		return fmt.Errorf("%w: two secrets are usable", ErrState)
	}
	s.Retiring = false
	kept = append(kept, s)
	if err := secretFaults(kept, now).join("registry: "); err != nil {
		return err
	}
	a.Secrets = kept
	return nil
}

// RemoveSecret ends a secret at once. If it is the one that rotates out, the rotation is complete; if it is
// the new one, the rotation is cancelled, and the other stays until it is removed. An app without secrets
// authenticates no more. A secret that is not there or not usable at now is [ErrNotFound]. By the owner or
// staff.
func (a *App) RemoveSecret(by Actor, id string, now time.Time) error {
	if err := by.mayChange(a); err != nil {
		return err
	}
	var kept []Secret
	found := false
	for _, s := range a.Secrets {
		switch {
		case !s.usable(now):
		case s.ID == id && !found:
			found = true
		default:
			kept = append(kept, s)
		}
	}
	if !found {
		return fmt.Errorf("%w: secret %q", ErrNotFound, id)
	}
	for i := range kept {
		if kept[i].Retiring {
			kept[i].NotAfter, kept[i].Retiring = time.Time{}, false
		}
	}
	a.Secrets = kept
	return nil
}
