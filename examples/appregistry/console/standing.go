package console

import (
	"cmp"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// standing says in words where something stands.
type standing struct {
	Words string
	Kind  string // good, wait or halt: how it is shown
}

// nameOf is what an app is called, by the live manifest or else what is proposed.
func nameOf(a *registry.App) string {
	name := a.Manifest.Name
	if name == "" && a.Revision != nil {
		name = a.Revision.Manifest.Name
	}
	return cmp.Or(name, a.ID)
}

// standingOf says where an app stands, and its revision, should it have one.
func standingOf(a *registry.App) (all []standing) {
	switch {
	case a.Suspended:
		all = append(all, standing{"Suspended by staff", "halt"})
	case a.Paused:
		all = append(all, standing{"Paused", "halt"})
	case platform.Published(a):
		all = append(all, standing{"Live", "good"})
	}
	if r := a.Revision; r != nil {
		switch r.State {
		case registry.Draft:
			all = append(all, standing{"Draft", "wait"})
		case registry.Submitted:
			all = append(all, standing{"In review", "wait"})
		case registry.Approved:
			all = append(all, standing{"Approved, not yet published", "wait"})
		case registry.Rejected:
			all = append(all, standing{"Changes requested", "halt"})
		}
	}
	return all
}

// standingIn says where an installation stands.
func standingIn(i *registry.Installation) standing {
	switch {
	case i.Suspended:
		return standing{"Suspended by staff", "halt"}
	case i.Paused:
		return standing{"Paused", "halt"}
	case len(i.Allowed) > 0 && len(i.Requested) > 0:
		return standing{"Installed, asks for more", "wait"}
	case len(i.Allowed) > 0:
		return standing{"Installed", "good"}
	case len(i.Requested) > 0:
		return standing{"Asked for", "wait"}
	}
	return standing{"Refused", "halt"}
}
