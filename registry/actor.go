package registry

import "fmt"

// Actor is who asks for a change. What roles make someone staff is the host's to say. An Actor without a
// Subject may do nothing.
type Actor struct {
	Subject string
	Tenant  string
	Staff   bool // acts for the platform: reviews, suspends, and may act on every app but not review its own
}

// owns reports whether by is the developer of a. An app of the platform has none.
func (by *Actor) owns(a *App) bool {
	return by.Subject != "" && by.Subject == a.Owner && by.Tenant == a.Tenant
}

// wrote reports whether by had a hand in what is under review. The tenant does not matter: it is the same
// person, or, at worst, someone of the same name who leaves the review to another.
func (by *Actor) wrote(a *App) bool {
	return by.Subject == a.Owner || a.Revision != nil && by.Subject == a.Revision.Author
}

// mayChange allows the owner and staff to change a, which must not be deleted.
func (by *Actor) mayChange(a *App) error {
	if !by.owns(a) && !(by.Staff && by.Subject != "") { // TestAppTransitions
		return fmt.Errorf("%w: wanted the app's owner, or staff", ErrForbidden)
	}
	if a.Deleted {
		return fmt.Errorf("%w: the app is deleted", ErrState)
	}
	return nil
}

// mayReview allows staff to judge what others wrote. An owner always wrote, so of those who may change a
// that leaves staff.
func (by *Actor) mayReview(a *App) error {
	if by.wrote(a) { // TestAppTransitions
		return fmt.Errorf("%w: nobody reviews their own", ErrForbidden)
	}
	return by.mayChange(a)
}
