package registry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthcore/oauthcore/registry"
)

// A grid says what becomes of every transition, by actor and state. A line of its own names a transition,
// with a word behind it where one is tried in two ways; the lines under it name actors, and give a cell for
// each state:
//
//	F, S     refused with ErrForbidden, ErrState; nothing is changed
//	same     allowed; nothing is changed
//	else     allowed; a word for what is changed: see changes

// appGrid has the states of an app: new (never published, nothing proposed), draft to rejected (of its
// revision; rita has claimed it in claimed), live, and the flags.
const appGrid = `
                      new  draft  submitted  claimed  approved  rejected  live  suspended  paused  deleted
Propose
 nobody ghost colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 owner staff rita author staffowner staffnamesake:
                      draft draft S          S        S         draft     draft draft      draft   S
Submit
 nobody ghost colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 owner staff rita author staffowner staffnamesake:
                      S    submitted S       S        S         S         S     S          S       S
Claim
 nobody ghost owner colleague outsider namesake staffowner staffnamesake:
                      F    F      F          F        F         F         F     F          F       F
 author:              S    F      F          F        F         F         S     S          S       S
 staff:               S    S      claimed    claimed  S         S         S     S          S       S
 rita:                S    S      claimed    same     S         S         S     S          S       S
Review approve
 nobody ghost owner colleague outsider namesake staffowner staffnamesake:
                      F    F      F          F        F         F         F     F          F       F
 author:              S    F      F          F        F         F         S     S          S       S
 staff:               S    S      approved   S        S         S         S     S          S       S
 rita:                S    S      approved   approved S         S         S     S          S       S
Review reject
 nobody ghost owner colleague outsider namesake staffowner staffnamesake:
                      F    F      F          F        F         F         F     F          F       F
 author:              S    F      F          F        F         F         S     S          S       S
 staff:               S    S      rejected   S        S         S         S     S          S       S
 rita:                S    S      rejected   rejected S         S         S     S          S       S
Publish
 nobody ghost colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 owner staff rita author staffowner staffnamesake:
                      S    S      S          S        live      S         S     S          S       S
Withdraw
 nobody ghost colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 owner staff rita author staffowner staffnamesake:
                      S    none   none       none     none      none      S     S          S       S
Halt on
 nobody ghost colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 owner staffowner staffnamesake:
                      paused paused paused   paused   paused    paused    paused paused    same    S
 staff rita author:   suspended suspended suspended suspended suspended suspended suspended same suspended S
Halt off
 nobody ghost colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 owner staffowner staffnamesake:
                      same same   same       same     same      same      same  same       paused  S
 staff rita author:   same same   same       same     same      same      same  suspended  same    S
Delete
 nobody ghost colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 owner staff rita author staffowner staffnamesake:
                      deleted deleted deleted deleted deleted   deleted   deleted deleted  deleted S
EndGrants
 nobody ghost colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 owner staff rita author staffowner staffnamesake:
                      epoch epoch epoch      epoch    epoch     epoch     epoch epoch      epoch   S
AddSecret
 nobody ghost colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 owner staff rita author staffowner staffnamesake:
                      secret secret secret   secret   secret    secret    secret secret    secret  S
RemoveSecret
 nobody ghost colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 owner staff rita author staffowner staffnamesake:
                      secret secret secret   secret   secret    secret    secret secret    secret  S
`

// platformGrid is for an app that the platform itself owns: there is no owner, and a subject cannot pose
// as one. Wendy wrote the revision.
const platformGrid = `
                      new  draft  submitted  claimed  approved  rejected  live  suspended  paused  deleted
Propose
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 staff rita author staffowner staffnamesake:
                      draft draft S          S        S         draft     draft draft      draft   S
Submit
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 staff rita author staffowner staffnamesake:
                      S    submitted S       S        S         S         S     S          S       S
Claim
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 author:              S    F      F          F        F         F         S     S          S       S
 staff staffowner staffnamesake:
                      S    S      claimed    claimed  S         S         S     S          S       S
 rita:                S    S      claimed    same     S         S         S     S          S       S
Review approve
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 author:              S    F      F          F        F         F         S     S          S       S
 staff staffowner staffnamesake:
                      S    S      approved   S        S         S         S     S          S       S
 rita:                S    S      approved   approved S         S         S     S          S       S
Review reject
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 author:              S    F      F          F        F         F         S     S          S       S
 staff staffowner staffnamesake:
                      S    S      rejected   S        S         S         S     S          S       S
 rita:                S    S      rejected   rejected S         S         S     S          S       S
Publish
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 staff rita author staffowner staffnamesake:
                      S    S      S          S        live      S         S     S          S       S
Withdraw
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 staff rita author staffowner staffnamesake:
                      S    none   none       none     none      none      S     S          S       S
Halt on
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 staff rita author staffowner staffnamesake:
                      suspended suspended suspended suspended suspended suspended suspended same suspended S
Halt off
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 staff rita author staffowner staffnamesake:
                      same same   same       same     same      same      same  suspended  same    S
Delete
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 staff rita author staffowner staffnamesake:
                      deleted deleted deleted deleted deleted   deleted   deleted deleted  deleted S
EndGrants
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 staff rita author staffowner staffnamesake:
                      epoch epoch epoch      epoch    epoch     epoch     epoch epoch      epoch   S
AddSecret
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 staff rita author staffowner staffnamesake:
                      secret secret secret   secret   secret    secret    secret secret    secret  S
RemoveSecret
 nobody ghost owner colleague outsider namesake:
                      F    F      F          F        F         F         F     F          F       F
 staff rita author staffowner staffnamesake:
                      secret secret secret   secret   secret    secret    secret secret    secret  S
`

var appActors = map[string]registry.Actor{
	"nobody":        {},
	"ghost":         {Tenant: "t1", Staff: true},
	"owner":         {Subject: "dev", Tenant: "t1"},
	"colleague":     {Subject: "dora", Tenant: "t1"},
	"outsider":      {Subject: "oscar", Tenant: "t2"},
	"namesake":      {Subject: "dev", Tenant: "t2"},
	"staff":         {Subject: "sam", Tenant: "ops", Staff: true},
	"rita":          {Subject: "rita", Tenant: "ops", Staff: true},
	"author":        {Subject: "wendy", Tenant: "ops", Staff: true},
	"staffowner":    {Subject: "dev", Tenant: "t1", Staff: true},
	"staffnamesake": {Subject: "dev", Tenant: "t2", Staff: true},
}

// next is the manifest that is proposed.
func next() registry.Manifest {
	m := valid()
	m.Name = "Seats, again"
	return m
}

func appStates(owner, tenant string) map[string]*registry.App {
	build := func(change func(a *registry.App)) *registry.App {
		_, s := registry.NewSecret(start)
		s.ID = "first"
		a := &registry.App{ID: "seats", Owner: owner, Tenant: tenant, Secrets: []registry.Secret{s}, Epoch: 3, Listed: true}
		if change != nil {
			change(a)
		}
		return a
	}
	revised := func(s registry.State, reviewer, note string) *registry.App {
		return build(func(a *registry.App) {
			a.Revision = &registry.Revision{Manifest: next(), State: s, Author: "wendy", Reviewer: reviewer, Note: note}
		})
	}
	return map[string]*registry.App{
		"new":       build(nil),
		"draft":     revised(registry.Draft, "", ""),
		"submitted": revised(registry.Submitted, "", ""),
		"claimed":   revised(registry.Submitted, "rita", ""),
		"approved":  revised(registry.Approved, "rita", "fine"),
		"rejected":  revised(registry.Rejected, "rita", "no"),
		"live":      build(func(a *registry.App) { a.Manifest = valid() }),
		"suspended": build(func(a *registry.App) { a.Manifest, a.Suspended = valid(), true }),
		"paused":    build(func(a *registry.App) { a.Manifest, a.Paused = valid(), true }),
		"deleted":   build(func(a *registry.App) { a.Manifest, a.Deleted, a.Secrets = valid(), true, nil }),
	}
}

var appTransitions = map[string]func(*registry.App, registry.Actor) error{
	"Propose": func(a *registry.App, by registry.Actor) error {
		m := next()
		m.Description = "by " + by.Subject
		return a.Propose(by, m)
	},
	"Submit":         (*registry.App).Submit,
	"Claim":          (*registry.App).Claim,
	"Review approve": func(a *registry.App, by registry.Actor) error { return a.Review(by, true, "") },
	"Review reject":  func(a *registry.App, by registry.Actor) error { return a.Review(by, false, "not yet") },
	"Publish":        (*registry.App).Publish,
	"Withdraw":       (*registry.App).Withdraw,
	"Halt on":        func(a *registry.App, by registry.Actor) error { return a.Halt(by, true) },
	"Halt off":       func(a *registry.App, by registry.Actor) error { return a.Halt(by, false) },
	"Delete":         (*registry.App).Delete,
	"EndGrants":      (*registry.App).EndGrants,
	"AddSecret": func(a *registry.App, by registry.Actor) error {
		_, s := registry.NewSecret(start)
		return a.AddSecret(by, s, 0)
	},
	"RemoveSecret": func(a *registry.App, by registry.Actor) error { return a.RemoveSecret(by, "first", start) },
}

// appChanges are the fields of an App that a word in a grid allows to change, and what then holds.
var appChanges = map[string]struct {
	fields string
	holds  func(before, after *registry.App) bool
}{
	"draft": {"Revision", func(b, a *registry.App) bool {
		return a.Revision.State == registry.Draft && strings.HasPrefix(a.Revision.Manifest.Description, "by "+a.Revision.Author)
	}},
	"submitted": {"Revision", func(b, a *registry.App) bool {
		return a.Revision.State == registry.Submitted && a.Revision.Author == "wendy" && a.Revision.Reviewer == ""
	}},
	"claimed": {"Revision", func(b, a *registry.App) bool {
		return a.Revision.State == registry.Submitted && a.Revision.Reviewer != b.Revision.Reviewer
	}},
	"approved": {"Revision", func(b, a *registry.App) bool {
		return a.Revision.State == registry.Approved && a.Revision.Reviewer != ""
	}},
	"rejected": {"Revision", func(b, a *registry.App) bool {
		return a.Revision.State == registry.Rejected && a.Revision.Note == "not yet"
	}},
	"live": {"Manifest Revision", func(b, a *registry.App) bool {
		return a.Revision == nil && reflect.DeepEqual(a.Manifest, b.Revision.Manifest)
	}},
	"none":      {"Revision", func(b, a *registry.App) bool { return a.Revision == nil }},
	"suspended": {"Suspended", func(b, a *registry.App) bool { return true }},
	"paused":    {"Paused", func(b, a *registry.App) bool { return true }},
	"deleted": {"Deleted Epoch Listed Revision Secrets", func(b, a *registry.App) bool {
		return a.Deleted && a.Epoch == b.Epoch+1 && !a.Listed && a.Revision == nil && a.Secrets == nil
	}},
	"epoch":  {"Epoch", func(b, a *registry.App) bool { return a.Epoch == b.Epoch+1 }},
	"secret": {"Secrets", func(b, a *registry.App) bool { return true }},
	"same":   {"", func(b, a *registry.App) bool { return true }},
}

func TestAppTransitions(t *testing.T) {
	t.Parallel()
	covers(t, reflect.TypeFor[*registry.App](), slices.Collect(maps.Keys(appTransitions)))
	for name, of := range map[string]struct{ grid, owner, tenant string }{
		"of a developer":    {appGrid, "dev", "t1"},
		"of the platform":   {platformGrid, "", ""},
		"of none, in dev's": {platformGrid, "", "t1"},
	} {
		t.Run(name, func(t *testing.T) {
			g := parseGrid(t, of.grid, slices.Collect(maps.Keys(appTransitions)), slices.Collect(maps.Keys(appActors)), slices.Collect(maps.Keys(appStates("", ""))))
			for at, want := range g {
				before, after := appStates(of.owner, of.tenant)[at.state], appStates(of.owner, of.tenant)[at.state]
				if after.Secrets != nil {
					after.Secrets[0] = before.Secrets[0] // generated, so different
				}
				err := appTransitions[at.transition](after, appActors[at.actor])
				changed := changedFields(before, after)
				c, ok := appChanges[want]
				switch {
				case want == "F" || want == "S":
					refusedAs(t, at, err, want, changed)
				case !ok:
					t.Errorf("%v: %q is no result", at, want)
				case err != nil:
					t.Errorf("%v: got %v, want %q", at, err, want)
				case len(without(changed, strings.Fields(c.fields))) > 0 || want != "same" && len(changed) == 0 || !c.holds(before, after):
					t.Errorf("%v: changed %v, want %q (-before +after):\n%s", at, changed, want, cmp.Diff(before, after))
				}
			}
		})
	}
}

// cell is a place in a grid.
type cell struct{ transition, actor, state string }

func (c cell) String() string { return fmt.Sprintf("%s by %s when %s", c.transition, c.actor, c.state) }

// covers fails for each method of t that takes an Actor and is not among transitions.
func covers(t *testing.T, typ reflect.Type, transitions []string) {
	t.Helper()
	for m := range typ.Methods() {
		if m.Type.NumIn() < 2 || m.Type.In(1) != reflect.TypeFor[registry.Actor]() {
			continue
		}
		if !slices.ContainsFunc(transitions, func(s string) bool { return strings.Fields(s)[0] == m.Name }) {
			t.Errorf("transition %s of %v is not tested", m.Name, typ)
		}
	}
}

// parseGrid reads a grid, and fails if it has not one cell for each transition, actor and state.
func parseGrid(t *testing.T, grid string, transitions, actors, states []string) map[cell]string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(grid), "\n")
	columns := strings.Fields(lines[0])
	out := map[cell]string{}
	var transition string
	var who []string
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, " ") {
			transition = line
			continue
		}
		names, cells, found := strings.Cut(line, ":")
		if found {
			who = strings.Fields(names)
		} else {
			cells = line
		}
		words := strings.Fields(cells)
		if len(words) == 0 {
			continue
		}
		if len(words) != len(columns) {
			t.Fatalf("%s by %v: got %d cells, wanted %d", transition, who, len(words), len(columns))
		}
		for _, actor := range who {
			for i, word := range words {
				at := cell{transition, actor, columns[i]}
				if _, twice := out[at]; twice {
					t.Errorf("%v: two cells", at)
				}
				out[at] = word
			}
		}
	}
	for _, transition := range transitions {
		for _, actor := range actors {
			for _, state := range states {
				if _, ok := out[cell{transition, actor, state}]; !ok {
					t.Errorf("%v: no cell", cell{transition, actor, state})
				}
			}
		}
	}
	if n := len(transitions) * len(actors) * len(states); len(out) != n {
		t.Errorf("got %d cells, wanted %d: some name what there is not", len(out), n)
	}
	return out
}

// refusedAs holds that err refuses as want says, and that nothing changed.
func refusedAs(t *testing.T, at cell, err error, want string, changed []string) {
	t.Helper()
	sentinel := map[string]error{"F": registry.ErrForbidden, "S": registry.ErrState}[want]
	if !errors.Is(err, sentinel) {
		t.Errorf("%v: got %v, want %v", at, err, sentinel)
	}
	if len(changed) > 0 {
		t.Errorf("%v: refused, and changed %v", at, changed)
	}
}

// changedFields returns the names of the fields in which two structs differ.
func changedFields[T any](before, after *T) (names []string) {
	b, a := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	for i := range b.NumField() {
		if !reflect.DeepEqual(b.Field(i).Interface(), a.Field(i).Interface()) {
			names = append(names, b.Type().Field(i).Name)
		}
	}
	return names
}

func without(list, set []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(set, s) })
}

// clone copies an App with its secrets' hashes.
func clone(a *registry.App) *registry.App {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	var c registry.App
	if err := json.Unmarshal(b, &c); err != nil {
		panic(err)
	}
	c.Version = a.Version
	for i := range c.Secrets {
		c.Secrets[i].Hash = slices.Clone(a.Secrets[i].Hash)
	}
	return &c
}
