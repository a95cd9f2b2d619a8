package platform

import (
	"fmt"
	"math"
	"slices"

	"github.com/oauthcore/oauthcore/registry"
)

// Group is a group of operations that the same people may ask for.
type Group string

// The groups. Those that only an app itself may ask for, or anyone, have no roles.
const (
	Apps          Group = "apps"
	Review        Group = "review"
	Developer     Group = "developer"
	Installations Group = "installations"
	Consent       Group = "consent" // to let an app in on the consent page
	Directory     Group = "directory"
)

// roles is the role table: who may ask for what. It is the host's, not the library's.
var roles = map[Group][]string{
	Apps:          {"developer", "organizer", "admin"},
	Review:        {"admin", "super_admin"},
	Developer:     {"user", "developer", "organizer", "admin"},
	Installations: {"organizer", "admin"},
	Consent:       {"organizer", "admin"},
	Directory:     {"user", "organizer", "developer", "admin"},
}

// staff are the roles that act for the platform.
var staff = []string{"admin", "super_admin"}

// Roles returns the roles of which one is needed for the group.
func (g Group) Roles() []string { return slices.Clone(roles[g]) }

// Caller is who asks, and on what terms.
type Caller struct {
	Subject string
	Tenant  string   // the organisation that the request is about; the caller belongs to it
	Roles   []string // of Subject; none for an app
	App     string   // the app that acts for itself; empty: a person asks

	Match int64 // the version that the caller has seen, of what is to be changed; zero: whichever it is; or Absent
	Draw  Draw  // of identifiers and secrets; nil: random
}

// Absent is the [Caller.Match] of who has seen that there is nothing yet: of two such writes, one happens.
const Absent = math.MinInt64

// May reports whether the caller may ask for what is in the group.
func (c *Caller) May(g Group) bool {
	return c.App == "" && c.Subject != "" && slices.ContainsFunc(roles[g], func(r string) bool { return slices.Contains(c.Roles, r) })
}

// check is May with an error.
func (c *Caller) check(g Group) error {
	if !c.May(g) {
		return fmt.Errorf("%w: wanted one of the roles %q", registry.ErrForbidden, roles[g])
	}
	return nil
}

// matches compares the version that is there, zero for nothing, with the one that the caller has seen.
func (c *Caller) matches(version int64) error {
	if c.Match == 0 || c.Match == version || c.Match == Absent && version == 0 {
		return nil
	}
	return ErrStale
}

// actor is the caller as the registry knows one.
func (c *Caller) actor() registry.Actor {
	return registry.Actor{Subject: c.Subject, Tenant: c.Tenant, Staff: c.staff()}
}

func (c *Caller) staff() bool {
	return slices.ContainsFunc(staff, func(r string) bool { return slices.Contains(c.Roles, r) })
}
