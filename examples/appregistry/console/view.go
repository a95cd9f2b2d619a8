package console

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
)

//go:embed pages
var files embed.FS

// policy allows the stylesheet and the script that are files of this origin, and no others.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// newTemplates returns the pages. Times are those of UTC, for the server does not know the reader's.
func newTemplates() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"day":  func(t time.Time) string { return t.UTC().Format("2 January 2006") },
		"iso":  func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
		"join": strings.Join,
	}).ParseFS(files, "pages/*.html"))
}

// view is what a template is given.
type view struct {
	Base   string
	Title  string // the heading too
	Nav    []place
	Who    *Person
	Notice string // what was done
	Faults faults // what to put right
	Page   any
}

// place is an entry of the navigation.
type place struct {
	Name, About, Path string
	Here              bool
}

// fault is what is wrong with a field; without one, with the whole.
type fault struct {
	Field, Text string
	Name        string // what the field is called, where Text does not say it
}

// fieldNames are what fields are called whose faults the platform finds.
var fieldNames = map[string]string{
	"client_name": "Name", "description": "What it does", "client_uri": "Website", "redirect_uris": "Redirect addresses",
	"categories": "Categories", "contacts": "Contacts", "policy_uri": "Privacy policy", "tos_uri": "Terms of service",
	"token_endpoint_auth_method": "Where it runs", "grant_types": "For whom it acts", "scopes": "Permissions",
	"note": "What has to change", "name": "Name", "website": "Website", "email": "E-mail", "about": "About you",
}

type faults []fault

// of returns what is wrong with a field.
func (all faults) of(field string) string {
	for _, f := range all {
		if f.Field == field {
			return f.Text
		}
	}
	return ""
}

// whole returns the faults for a page that does not have their fields.
func (all faults) whole() faults {
	all = slices.Clone(all)
	for i := range all {
		all[i].Field = ""
	}
	return all
}

// memberFaults makes faults of what the platform found wrong. Each begins with the name of a member, which a
// form calls its field by; "redirect_uris[2]" is about the field redirect_uris.
func memberFaults(err *platform.Invalid) (all faults) {
	for _, text := range err.Faults {
		member, rest, _ := strings.Cut(text, ": ")
		if rest == "" {
			all = append(all, fault{Text: text})
			continue
		}
		member, _, _ = strings.Cut(member, "[")
		if member == "required_scopes" {
			member = "scopes" // one group in the form
		}
		name := fieldNames[member]
		if name == "" { // no form has it
			member, rest = "", text
		}
		all = append(all, fault{Field: member, Name: name, Text: strings.ToUpper(rest[:1]) + rest[1:]})
	}
	return all
}

// nav returns the places that a person may go to. All may see and end what they have let apps do, also those
// who may let in no more.
func (c *Console) nav(r *http.Request, who *Person) (all []place) {
	for _, p := range []struct {
		group             platform.Group // empty: everyone
		name, path, about string
	}{
		{platform.Apps, "Your apps", "apps", "Register an app, hand it to review, keep its secret and see its use."},
		{platform.Review, "Review", "review", "Read what developers submit, and publish what you approve."},
		{platform.Directory, "Directory", "directory", "Find apps for your organisation."},
		{platform.Installations, "Installed", "installations", "What apps may do in your organisation."},
		{"", "Connected", "connected", "The apps that you have let act for you."},
		{platform.Developer, "Profile", "profile", "What the directory says of you."},
	} {
		if p.group == "" || who.Caller.May(p.group) {
			path := c.path(p.path)
			here := r.URL.Path == path || strings.HasPrefix(r.URL.Path, path+"/")
			all = append(all, place{p.name, p.about, path, here})
		}
	}
	return all
}

// show renders a template for the visitor.
func (v *visit) show(status int, name string, what view) error {
	v.render(v.w, v.r, v.who, status, name, what)
	return nil
}

// render renders a template. A page of the console is never kept, framed or run with foreign scripts.
func (c *Console) render(w http.ResponseWriter, r *http.Request, who *Person, status int, name string, v view) {
	v.Base, v.Who = c.Base, who
	if who != nil {
		v.Nav = c.nav(r, who)
	}
	if v.Notice == "" && len(v.Faults) == 0 {
		v.Notice = notices[r.URL.Query().Get("done")]
	}
	var b bytes.Buffer
	if err := c.templates.ExecuteTemplate(&b, name, v); err != nil {
		c.Log.ErrorContext(r.Context(), "console", "path", r.URL.Path, "error", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// script answers with the console's script.
func script(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFileFS(w, r, files, "pages/script.js")
}
