package registry

import (
	"errors"
	"fmt"
	"time"

	"github.com/oauthcore/oauthcore/internal/scope"
)

// Installation is a tenant's, or one subject's, word on an app. As an App it is data; what is stored
// changes only in [Registry.Install].
type Installation struct {
	App       string    `json:"app"`
	Tenant    string    `json:"tenant"`
	Subject   string    `json:"subject,omitzero"`    // empty: for the whole tenant
	Requested []string  `json:"requested,omitempty"` // scopes asked for and not yet answered
	Allowed   []string  `json:"allowed,omitempty"`   // scopes allowed; empty: not active
	Refused   []string  `json:"refused,omitempty"`   // scopes refused; not asked again
	Suspended bool      `json:"suspended,omitzero"`  // halted by the platform
	Paused    bool      `json:"paused,omitzero"`     // halted by the tenant, or the subject
	Removed   bool      `json:"removed,omitzero"`    // uninstalled
	Epoch     int64     `json:"epoch"`               // a grant from another epoch is over
	Version   int64     `json:"-"`                   // of the record; for ETag
	Updated   time.Time `json:"updated,omitzero"`
}

// Active reports whether the app may act here: something is allowed and no flag is set.
func (i *Installation) Active() bool {
	return len(i.Allowed) > 0 && !i.Suspended && !i.Paused && !i.Removed
}

// rules reports whether i, of a subject or a tenant, decides: it was installed and not removed, or the
// platform has suspended it, which removing it must not undo.
func (i *Installation) rules() bool { return len(i.Allowed) > 0 || i.Suspended }

// holds reports whether by speaks for i: as its subject, or as one of the tenant it is for.
func (by *Actor) holds(i *Installation) bool {
	return by.Subject != "" && by.Tenant != "" && by.Tenant == i.Tenant && (i.Subject == "" || i.Subject == by.Subject)
}

// mayInstall allows those who speak for i, and staff, to change it.
func (by *Actor) mayInstall(i *Installation) error {
	if !by.holds(i) && !(by.Staff && by.Subject != "") {
		return fmt.Errorf("%w: wanted who the installation is for, or staff", ErrForbidden)
	}
	return nil
}

// checkFor returns an error unless a may be installed at i with scopes.
func (i *Installation) checkFor(a *App, scopes []string) error {
	if a.ID != i.App {
		return fmt.Errorf("registry: got app %q, wanted that of the installation, %q", a.ID, i.App)
	}
	if a.Deleted || a.Manifest.empty() { // TestInstallationRefusesScopes
		return fmt.Errorf("%w: the app is deleted or was never published", ErrState)
	}
	if len(i.Allowed) == 0 && !a.Shared && a.Tenant != i.Tenant {
		return fmt.Errorf("%w: the app is not shared with other tenants", ErrState)
	}
	if len(scopes) == 0 {
		return errors.New("registry: got no scopes, wanted some")
	}
	if extra := scope.Without(scopes, a.Manifest.Scopes); len(extra) > 0 { // TestInstallationRefusesScopes
		return fmt.Errorf("registry: scope %.100q is not in the app's manifest", extra[0])
	}
	return nil
}

// Request asks for scopes of a, on top of those allowed, which go on working. What is allowed is not asked,
// and what was refused is not asked again; if nothing is left it is [ErrState]. By the app's owner, by
// those whom the installation is for, and by staff.
func (i *Installation) Request(by Actor, a *App, scopes []string) error {
	if !by.owns(a) {
		if err := by.mayInstall(i); err != nil {
			return err
		}
	}
	if err := i.checkFor(a, scopes); err != nil {
		return err
	}
	ask := scope.Without(scope.Without(scopes, i.Allowed), i.Refused)
	if len(ask) == 0 {
		return fmt.Errorf("%w: all is allowed, or refused, already", ErrState)
	}
	i.Requested = scope.Union(scope.Within(i.Requested, a.Manifest.Scopes), ask)
	i.Refused = scope.Within(i.Refused, a.Manifest.Scopes)
	return nil
}

// Allow installs a with scopes, in place of those allowed so far: fewer act at once. What was requested or
// allowed before and is not among them counts as refused, as long as it is in a's manifest. Scopes must have all that a requires. By those
// whom the installation is for, and by staff who do not own a.
func (i *Installation) Allow(by Actor, a *App, scopes []string) error {
	if err := by.mayInstall(i); err != nil {
		return err
	}
	if !by.holds(i) && by.Subject == a.Owner {
		return fmt.Errorf("%w: nobody installs their own for others", ErrForbidden)
	}
	if err := i.checkFor(a, scopes); err != nil {
		return err
	}
	if missing := scope.Without(a.Manifest.RequiredScopes, scopes); len(missing) > 0 {
		return fmt.Errorf("registry: scope %.100q is required by the app", missing[0])
	}
	i.Refused = scope.Within(scope.Without(scope.Union(scope.Union(i.Refused, i.Requested), i.Allowed), scopes), a.Manifest.Scopes)
	i.Requested, i.Allowed, i.Removed = nil, scope.Union(nil, scopes), false
	return nil
}

// Refuse refuses what is requested; what is allowed goes on working. By those whom the installation is
// for, and by staff.
func (i *Installation) Refuse(by Actor) error {
	if err := by.mayInstall(i); err != nil {
		return err
	}
	if len(i.Requested) == 0 {
		return fmt.Errorf("%w: nothing is requested", ErrState)
	}
	i.Refused = scope.Union(i.Refused, i.Requested)
	i.Requested = nil
	return nil
}

// Halt suspends the installation, if staff ask, or pauses it, if those whom it is for ask, or ends what
// they began. Halting twice is halting once.
func (i *Installation) Halt(by Actor, halt bool) error {
	if err := by.mayInstall(i); err != nil {
		return err
	}
	if by.Staff {
		i.Suspended = halt
	} else {
		i.Paused = halt
	}
	return nil
}

// Remove uninstalls the app and ends every grant under the installation; what was refused, and a
// suspension, stay. Where the tenant's is removed, those of its subjects rule again. The app may be installed again. By those whom the installation is for, and by staff.
func (i *Installation) Remove(by Actor) error {
	if err := by.mayInstall(i); err != nil {
		return err
	}
	if i.Removed {
		return fmt.Errorf("%w: it is removed", ErrState)
	}
	i.Requested, i.Allowed, i.Paused, i.Removed = nil, nil, false, true
	i.Epoch++
	return nil
}
