package console

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// manifestForm is the form in which a developer writes what an app is. A manifest may hold more: what the
// form does not show stays as it is.
type manifestForm struct {
	Name, Description, Website    field
	Redirects, Categories         field
	Contacts, Privacy, Conditions field
	Auth, Grants                  choices
	Scopes                        []scopeNeed
	ScopesFault                   string
}

// scopeNeed is how much an app needs a scope.
type scopeNeed struct {
	Scope, Words string
	Need         string // "", may or must
}

// Grant types by what they are for.
const (
	people  = "people"  // let the app in
	machine = "machine" // the app acts for itself
)

var peopleGrants = []string{"authorization_code", "refresh_token"}

const machineGrant = "client_credentials"

// formOf fills in the form.
func (c *Console) formOf(m registry.Manifest, all faults) manifestForm {
	f := manifestForm{
		Name:        field{ID: "client_name", Label: "Name", Hint: "What people read when they are asked to let the app in.", Value: m.Name},
		Description: field{ID: "description", Label: "What it does", Rows: 4, Optional: true, Value: m.Description},
		Website:     field{ID: "client_uri", Label: "Website", Type: "url", Hint: "An address that begins with https://", Optional: true, Value: m.ClientURI},
		Redirects: field{ID: "redirect_uris", Label: "Redirect addresses", Rows: 3, Value: strings.Join(m.RedirectURIs, "\n"),
			Hint: "Where people come back to after letting the app in, one address on each line, exactly as the app sends it. An app that acts only for itself needs none."},
		Categories: field{ID: "categories", Label: "Categories", Hint: "Where people find it in the directory, with commas between.", Optional: true, Value: strings.Join(m.Categories, ", ")},
		Contacts:   field{ID: "contacts", Label: "Contacts", Hint: "E-mail addresses, with commas between.", Optional: true, Value: strings.Join(m.Contacts, ", ")},
		Privacy:    field{ID: "policy_uri", Label: "Privacy policy", Type: "url", Optional: true, Value: m.PolicyURI},
		Conditions: field{ID: "tos_uri", Label: "Terms of service", Type: "url", Optional: true, Value: m.TOSURI},
		Auth: choices{ID: "token_endpoint_auth_method", Legend: "Where it runs", Options: []option{
			{Value: "client_secret_basic", Label: "On a server, which keeps a secret", Hint: "sends it in the Authorization header"},
			{Value: "client_secret_post", Label: "On a server, which keeps a secret", Hint: "sends it in the body"},
			{Value: "none", Label: "On a device or in a browser", Hint: "can keep no secret"},
		}},
		Grants: choices{ID: "grant_types", Legend: "For whom it acts", Several: true, Options: []option{
			{Value: people, Label: "For people who let it in", Checked: m.AllowsGrant("authorization_code")},
			{Value: machine, Label: "For itself", Hint: "needs a server", Checked: m.AllowsGrant(machineGrant)},
		}},
		ScopesFault: all.of("scopes"),
	}
	method := cmp.Or(m.AuthMethod, "client_secret_basic")
	if !slices.ContainsFunc(f.Auth.Options, func(o option) bool { return o.Value == method }) {
		f.Auth.Options = append(f.Auth.Options, option{Value: method, Label: "Where it proves itself by " + method})
	}
	for i := range f.Auth.Options {
		f.Auth.Options[i].Checked = f.Auth.Options[i].Value == method
	}
	for _, s := range slices.Sorted(maps.Keys(c.Scopes)) {
		need := scopeNeed{Scope: s, Words: c.words(s)}
		switch {
		case slices.Contains(m.RequiredScopes, s):
			need.Need = "must"
		case slices.Contains(m.Scopes, s):
			need.Need = "may"
		}
		f.Scopes = append(f.Scopes, need)
	}
	for _, one := range []*field{&f.Name, &f.Description, &f.Website, &f.Redirects, &f.Categories, &f.Contacts, &f.Privacy, &f.Conditions} {
		one.Fault = all.of(one.ID)
	}
	f.Auth.Fault, f.Grants.Fault = all.of(f.Auth.ID), all.of(f.Grants.ID)
	return f
}

// readManifest puts what the form says into m.
func (v *visit) readManifest(m registry.Manifest) registry.Manifest {
	form := v.r.PostForm
	one := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	m.Name = one("client_name")
	m.Description = strings.ReplaceAll(one("description"), "\r\n", "\n")
	m.ClientURI, m.PolicyURI, m.TOSURI = one("client_uri"), one("policy_uri"), one("tos_uri")
	m.RedirectURIs = lines(form.Get("redirect_uris"))
	m.Categories, m.Contacts = commas(form.Get("categories")), commas(form.Get("contacts"))
	m.AuthMethod = one("token_endpoint_auth_method")

	// Grant types of a manifest that the form has no words for are kept.
	kept := slices.DeleteFunc(slices.Clone(m.GrantTypes), func(g string) bool {
		return g == machineGrant || slices.Contains(peopleGrants, g)
	})
	m.GrantTypes = nil
	if slices.Contains(form["grant_types"], people) {
		m.GrantTypes = append(m.GrantTypes, peopleGrants...)
	}
	if slices.Contains(form["grant_types"], machine) {
		m.GrantTypes = append(m.GrantTypes, machineGrant)
	}
	m.GrantTypes = append(m.GrantTypes, kept...)

	m.Scopes, m.RequiredScopes = nil, nil
	for _, s := range slices.Sorted(maps.Keys(v.Scopes)) {
		switch form.Get("need " + s) {
		case "must":
			m.RequiredScopes = append(m.RequiredScopes, s)
			fallthrough
		case "may":
			m.Scopes = append(m.Scopes, s)
		}
	}
	return m
}

// checkForm finds what the registry would take for something else: no grant types at all mean the usual ones.
func checkForm(m registry.Manifest) error {
	if len(m.GrantTypes) == 0 {
		return &platform.Invalid{Faults: []string{"grant_types: choose at least one"}}
	}
	return nil
}

// line is a member of a manifest for people to read.
type line struct {
	Name  string
	Now   []string // proposed, or live if nothing is
	Was   []string // live, where that differs
	Moved bool
}

// compare says a manifest in lines, with what each was in the live one, if there is one.
func (c *Console) compare(now, live *registry.Manifest) (all []line) {
	type member struct {
		name string
		of   func(*registry.Manifest) []string
	}
	text := func(get func(*registry.Manifest) string) func(*registry.Manifest) []string {
		return func(m *registry.Manifest) []string {
			if s := get(m); s != "" {
				return []string{s}
			}
			return nil
		}
	}
	for _, x := range []member{
		{"Name", text(func(m *registry.Manifest) string { return m.Name })},
		{"What it does", text(func(m *registry.Manifest) string { return m.Description })},
		{"Website", text(func(m *registry.Manifest) string { return m.ClientURI })},
		{"Redirect addresses", func(m *registry.Manifest) []string { return m.RedirectURIs }},
		{"Where it runs", func(m *registry.Manifest) []string { return []string{runs(m)} }},
		{"For whom it acts", acts},
		{"Needs", func(m *registry.Manifest) []string { return c.allWords(m.RequiredScopes) }},
		{"May also ask for", func(m *registry.Manifest) []string {
			return c.allWords(missing(m.Scopes, m.RequiredScopes))
		}},
		{"Categories", func(m *registry.Manifest) []string { return m.Categories }},
		{"Contacts", func(m *registry.Manifest) []string { return m.Contacts }},
		{"Logo", text(func(m *registry.Manifest) string { return m.LogoURI })},
		{"Privacy policy", text(func(m *registry.Manifest) string { return m.PolicyURI })},
		{"Terms of service", text(func(m *registry.Manifest) string { return m.TOSURI })},
		{"Keys", text(func(m *registry.Manifest) string { return cmp.Or(m.JWKSURI, string(m.JWKS)) })},
	} {
		l := line{Name: x.name, Now: x.of(now)}
		if live != nil {
			l.Was = x.of(live)
			l.Moved = !slices.Equal(l.Now, l.Was)
		}
		if len(l.Now) > 0 || l.Moved {
			all = append(all, l)
		}
	}
	return all
}

// runs says how an app proves itself.
func runs(m *registry.Manifest) string {
	switch {
	case m.Public():
		return "On a device or in a browser, without a secret"
	case m.AuthMethod == "client_secret_post":
		return "On a server, with a secret in the body"
	case m.AuthMethod == "" || m.AuthMethod == "client_secret_basic":
		return "On a server, with a secret in the Authorization header"
	}
	return "Where it proves itself by " + m.AuthMethod
}

// acts says for whom an app acts.
func acts(m *registry.Manifest) (all []string) {
	if m.AllowsGrant("authorization_code") {
		all = append(all, "For people who let it in")
	}
	if m.AllowsGrant(machineGrant) {
		all = append(all, "For itself")
	}
	for _, g := range m.GrantTypes {
		if g != machineGrant && !slices.Contains(peopleGrants, g) {
			all = append(all, g)
		}
	}
	return all
}
