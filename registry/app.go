package registry

import (
	"errors"
	"fmt"
	"time"
)

var (
	ErrNotFound  = errors.New("registry: not found")
	ErrForbidden = errors.New("registry: not allowed")         // this actor may never do this
	ErrState     = errors.New("registry: not in this state")   // nobody may do this now
	ErrExists    = errors.New("registry: app id already used") // also by an app since deleted
)

// App is a client (RFC 6749, Section 2) with its owner and its review. It is data: copy it, compare it,
// change it; what is stored changes only in [Registry.Update]. An App is not safe for concurrent changes.
//
// As JSON it has no secrets in it, save their ids and dates.
type App struct {
	ID       string    `json:"client_id"`
	Owner    string    `json:"owner,omitzero"`    // subject of its developer; empty: the platform itself
	Tenant   string    `json:"tenant,omitzero"`   // the owner's; empty: none
	Manifest Manifest  `json:"manifest,omitzero"` // the live one
	Policy   Policy    `json:"policy,omitzero"`
	Secrets  []Secret  `json:"secrets,omitempty"`
	Revision *Revision `json:"revision,omitempty"` // the manifest proposed next, nil if none

	Shared    bool `json:"shared,omitzero"`    // other tenants may install it
	Listed    bool `json:"listed,omitzero"`    // shown by [Registry.Apps] to everyone
	Suspended bool `json:"suspended,omitzero"` // halted by the platform
	Paused    bool `json:"paused,omitzero"`    // halted by its owner
	Deleted   bool `json:"deleted,omitzero"`   // for ever; the ID is not used again

	Epoch   int64     `json:"epoch,omitzero"` // a grant from another epoch is over
	Version int64     `json:"-"`              // of the record; for ETag
	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`
}

// Active reports whether the app may act: it has been published, and is not deleted, suspended or paused.
// An app that is not active gets no code and no token, and what it has is inactive for as long.
func (a *App) Active() bool {
	return !a.Deleted && !a.Suspended && !a.Paused && !a.Manifest.empty()
}

const maxID = 100 // bytes

// checkID accepts a client_id (RFC 6749, Appendix A.1) of 1 to 100 bytes that is not the address of a
// client metadata document.
func checkID(id string) error {
	if id == "" || len(id) > maxID {
		return fmt.Errorf("got %d bytes, wanted 1 to %d", len(id), maxID)
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return fmt.Errorf("%q has characters other than printable ASCII", id)
		}
	}
	if len(id) >= 8 && id[:8] == "https://" {
		return fmt.Errorf("%q is an https URL, which names an app that registers nowhere", id)
	}
	return nil
}
