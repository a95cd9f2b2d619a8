package registry

import (
	"errors"
	"fmt"
)

// Revision is a manifest on its way to be the live one, which serves meanwhile.
type Revision struct {
	Manifest Manifest `json:"manifest"`
	State    State    `json:"state"`
	Author   string   `json:"author,omitzero"`   // who proposed it, and so does not review it
	Reviewer string   `json:"reviewer,omitzero"` // who claimed or judged it
	Note     string   `json:"note,omitzero"`     // the reviewer's words, at most 4,000 bytes
}

// State is where a revision stands. A published revision is the app's manifest, and no longer a revision.
type State string

const (
	Draft     State = "draft"     // being written, also after a rejection
	Submitted State = "submitted" // waits for a reviewer, or is being read by the one who claimed it
	Approved  State = "approved"  // may be published
	Rejected  State = "rejected"  // has a note
)

const maxNote = 4000 // bytes

// faults returns what is wrong with r as it is about to be stored.
func (r *Revision) faults() faults {
	f := r.Manifest.faults()
	f.add("Revision.Note", checkText(r.Note, maxNote, true))
	switch r.State {
	case Draft, Submitted, Approved, Rejected:
	default:
		f.add("Revision.State", fmt.Errorf("got %.100q", r.State))
	}
	return f
}

// stands returns an error unless the app has a revision in one of states.
func (a *App) stands(states ...State) error {
	if a.Revision == nil {
		return fmt.Errorf("%w: nothing is proposed", ErrState)
	}
	for _, s := range states {
		if a.Revision.State == s {
			return nil
		}
	}
	return fmt.Errorf("%w: the revision is %s, wanted %s", ErrState, a.Revision.State, states[0])
}

// Propose makes m a draft, in place of the draft or rejected revision there may be; a rejection's note
// stays until the next Submit. An m that is not valid changes nothing. By the owner or staff.
func (a *App) Propose(by Actor, m Manifest) error {
	if err := by.mayChange(a); err != nil {
		return err
	}
	r := Revision{Manifest: m, State: Draft, Author: by.Subject}
	if a.Revision != nil {
		if err := a.stands(Draft, Rejected); err != nil {
			return err
		}
		r.Note = a.Revision.Note
	}
	if err := m.Validate(); err != nil {
		return err
	}
	a.Revision = &r
	return nil
}

// Submit hands the draft to review. By the owner or staff.
func (a *App) Submit(by Actor) error {
	if err := by.mayChange(a); err != nil {
		return err
	}
	if err := a.stands(Draft); err != nil {
		return err
	}
	r := a.Revision
	r.State, r.Reviewer, r.Note = Submitted, "", ""
	return nil
}

// Claim says that by reads the submitted revision: no other may judge it then, unless they claim it from
// by. By staff who neither own the app nor wrote the revision.
func (a *App) Claim(by Actor) error {
	if err := by.mayReview(a); err != nil {
		return err
	}
	if err := a.stands(Submitted); err != nil {
		return err
	}
	a.Revision.Reviewer = by.Subject
	return nil
}

// Review approves the submitted revision, or rejects it with a note, which then must say something. By
// staff who neither own the app nor wrote the revision, and who claimed it if anyone did.
func (a *App) Review(by Actor, approve bool, note string) error {
	if err := by.mayReview(a); err != nil {
		return err
	}
	if err := a.stands(Submitted); err != nil {
		return err
	}
	r := a.Revision
	if r.Reviewer != "" && r.Reviewer != by.Subject {
		return fmt.Errorf("%w: another reviewer has claimed the revision", ErrState)
	}
	if !approve && note == "" {
		return errors.New("registry: a rejection without a note")
	}
	if err := checkText(note, maxNote, true); err != nil {
		return fmt.Errorf("registry: note: %w", err)
	}
	r.State, r.Reviewer, r.Note = Rejected, by.Subject, note
	if approve {
		r.State = Approved
	}
	return nil
}

// Publish makes the approved revision the live manifest. By the owner or staff.
func (a *App) Publish(by Actor) error {
	if err := by.mayChange(a); err != nil {
		return err
	}
	if err := a.stands(Approved); err != nil {
		return err
	}
	a.Manifest, a.Revision = a.Revision.Manifest, nil
	return nil
}

// Withdraw drops the revision, wherever it stands. By the owner or staff.
func (a *App) Withdraw(by Actor) error {
	if err := by.mayChange(a); err != nil {
		return err
	}
	if err := a.stands(Draft, Submitted, Approved, Rejected); err != nil {
		return err
	}
	a.Revision = nil
	return nil
}
