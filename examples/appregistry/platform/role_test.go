package platform_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// anApp marks, in a row of roles, what only an app itself may ask for.
const anApp = "an app"

// The published role table, by what may be asked for.
var (
	developers = []string{"user", "developer", "organizer", "admin"}
	builders   = []string{"developer", "organizer", "admin"}
	reviewers  = []string{"admin", "super_admin"}
	organizers = []string{"organizer", "admin"}
	everyone   = []string{"user", "organizer", "developer", "admin"}
	apps       = []string{anApp}
)

// operations are the methods of a Platform that have a caller, with who may call them.
var operations = map[string][]string{
	"CreateApp": builders, "Propose": builders, "Submit": builders, "Withdraw": builders, "Pause": builders, "DeleteApp": builders,

	"Queue": reviewers, "Reviewed": reviewers, "Claim": reviewers, "Judge": reviewers, "Publish": reviewers, "Suspend": reviewers,

	"App": developers, "OwnApps": developers, "Profile": developers, "SetProfile": developers,
	"RotateSecret": developers, "EndRotation": developers, "UsageOf": developers,

	"Installations": organizers, "Installation": organizers, "RequestInstallation": organizers, "ApproveInstallation": organizers,
	"RefuseInstallation": organizers, "NarrowInstallation": organizers, "HaltInstallation": organizers, "Uninstall": organizers,

	"Search": everyone, "Recommend": everyone, "Offer": everyone,

	"CreateWebhook": apps, "Webhooks": apps, "Webhook": apps, "RotateWebhook": apps, "TryWebhook": apps, "DeleteWebhook": apps,
}

// Each operation holds its caller to the role table by itself: the front ends may forget to. One that is not in
// the table fails.
func TestRoles(t *testing.T) {
	t.Parallel()
	p, _ := fresh(t, nil)
	for m := range reflect.TypeFor[*platform.Platform]().Methods() {
		at := slices.Index(slices.Collect(m.Type.Ins()), reflect.TypeFor[platform.Caller]())
		may, ok := operations[m.Name]
		switch {
		case ok != (at >= 0):
			t.Errorf("%s is in the table %t and has a caller %t", m.Name, ok, at >= 0)
			continue
		case !ok:
			continue // the host's own
		}
		for _, role := range []string{"", "user", "developer", "organizer", "admin", "super_admin", anApp} {
			c := platform.Caller{Subject: "someone", Tenant: "t1", Roles: []string{role}}
			if role == anApp {
				c.App = "someone"
			}
			if forbidden := errors.Is(ask(t, p, m, c), registry.ErrForbidden); forbidden == slices.Contains(may, role) {
				t.Errorf("%s by %q: forbidden %t", m.Name, role, forbidden)
			}
			c.App = "someone" // whom no role lets in
			if forbidden := errors.Is(ask(t, p, m, c), registry.ErrForbidden); forbidden == slices.Contains(may, anApp) {
				t.Errorf("%s by an app with the role %q: forbidden %t", m.Name, role, forbidden)
			}
		}
	}
	for name := range operations {
		if _, ok := reflect.TypeFor[*platform.Platform]().MethodByName(name); !ok {
			t.Errorf("%s is in the table and no method", name)
		}
	}
}

// ask calls a method for a caller, about something that is not there: its strings are "x", all else is zero.
func ask(t *testing.T, p *platform.Platform, m reflect.Method, c platform.Caller) error {
	t.Helper()
	var args []reflect.Value
	for in := range m.Type.Ins() {
		arg := reflect.New(in).Elem()
		switch {
		case in == reflect.TypeFor[*platform.Platform]():
			arg.Set(reflect.ValueOf(p))
		case in == reflect.TypeFor[platform.Caller]():
			arg.Set(reflect.ValueOf(c))
		case in.Kind() == reflect.Interface:
			arg.Set(reflect.ValueOf(t.Context()))
		case in.Kind() == reflect.String:
			arg.SetString("x")
		}
		args = append(args, arg)
	}
	results := m.Func.Call(args)
	err, _ := results[len(results)-1].Interface().(error)
	return err
}
