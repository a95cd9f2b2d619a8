package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Every page lets in the roles of the table and nobody else; who is not signed in signs in first.
func TestConsoleRoles(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	for _, role := range []string{"user", "super_admin"} {
		conf.Users = append(conf.Users, user{Email: role + "@eventzr.com", Password: "Password123!", Tenant: tenantOne, Roles: []string{role}})
	}
	address := demo(t, conf)
	pages := map[string]string{ // to the group of the role table
		"/console/apps/new":               "apps",
		"/console/apps":                   "developer",
		"/console/profile":                "developer",
		"/console/review":                 "admin",
		"/console/review/seat-planner":    "admin",
		"/console/directory":              "search",
		"/console/directory/seat-planner": "search",
		"/console/installations":          "installations",
		"/console/":                       "",
		"/console/connected":              "",
	}
	for _, role := range []string{"user", "developer", "organizer", "admin", "super_admin"} {
		email := role + "@eventzr.com"
		if role == "developer" {
			email = dev
		}
		v := visit(t, address, email)
		home := text(v.page.body)
		for path, group := range pages {
			want := http.StatusForbidden
			if group == "" || slices.Contains(allowed[group], role) {
				want = http.StatusOK
			}
			v.open(want, path)
			if named := strings.Contains(home, "Review"); path == "/console/review" && named != (want == http.StatusOK) {
				t.Errorf("%s: the first page of %s names it: %t", path, role, named)
			}
		}
	}
	nobody := visit(t, address, "")
	for path := range pages {
		nobody.open(http.StatusOK, path)
		if at := nobody.page.Request.URL; at.Path != "/console/sign-in" || at.Query().Get("next") != path {
			t.Errorf("%s leads a stranger to %s, wanted the sign-in page that leads back", path, at)
		}
	}
}

// What belongs to one organisation is not there for another, and what belongs to one developer not for the
// next, by a page or by a form.
func TestConsoleForeign(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	conf.Users = append(conf.Users, user{Email: "other@eventzr.com", Password: "Password123!", Tenant: tenantTwo, Roles: []string{"organizer"}})
	address := demo(t, conf)
	devika, petra, ada := visit(t, address, dev), visit(t, address, partner), visit(t, address, admin)
	id, _ := petra.registers("Petra's own", "https://petra.example/back")
	petra.open(http.StatusOK, "/console/apps/"+id)
	version := url.Values{"version": {petra.page.version()}}

	for _, path := range []string{"/apps/" + id, "/apps/" + id + "/edit", "/directory/" + id} {
		devika.open(http.StatusNotFound, "/console"+path)
		devika.misses("Petra")
	}
	for _, action := range []string{"submit", "withdraw", "pause", "resume", "complete", "cancel", "delete", "edit", "nonsense"} {
		status := http.StatusNotFound
		devika.post(status, address+"/console/apps/"+id+"/"+action, version)
	}
	for _, action := range []string{"claim", "approve", "reject", "publish", "suspend", "reinstate"} {
		form := url.Values{"version": version["version"], "note": {"no"}}
		devika.post(http.StatusForbidden, address+"/console/review/"+id+"/"+action, form)
		petra.post(http.StatusForbidden, address+"/console/review/"+id+"/"+action, form)
	}
	for _, action := range []string{"allow", "refuse", "pause", "resume", "uninstall"} {
		devika.post(http.StatusForbidden, address+"/console/installations/seat-planner/"+action, version)
	}
	devika.post(http.StatusForbidden, address+"/console/directory/seat-planner/install", url.Values{"version": {"0"}})
	petra.open(http.StatusOK, "/console/apps/"+id)
	petra.sees("Draft")

	// What one organisation has installed is not there for another.
	olga, other := visit(t, address, organizer), visit(t, address, "other@eventzr.com")
	olga.open(http.StatusOK, "/console/directory/seat-planner")
	olga.send(http.StatusOK, "/install")
	olga.open(http.StatusOK, "/console/installations/seat-planner")
	uninstall, seen := olga.form("/uninstall")
	other.open(http.StatusOK, "/console/installations")
	other.sees("no apps yet")
	other.open(http.StatusNotFound, "/console/installations/seat-planner")
	other.post(http.StatusNotFound, uninstall, seen)
	olga.open(http.StatusOK, "/console/installations/seat-planner")

	// Staff read what others wrote, and nobody judges their own.
	ada.open(http.StatusOK, "/console/apps/"+id)
	if at := ada.page.Request.URL.Path; at != "/console/review/"+id {
		t.Errorf("staff are led to %s", at)
	}
	own, _ := ada.registers("Ada's own", "https://ada.example/back")
	ada.open(http.StatusOK, "/console/apps/"+own)
	ada.send(http.StatusOK, "/submit")
	ada.open(http.StatusOK, "/console/review/"+own)
	ada.sees("Nobody reviews their own")
	ada.post(http.StatusForbidden, address+"/console/review/"+own+"/approve", url.Values{"version": {versionOf(t, ada, own)}})
}

// versionOf reads the version of an own app from its page.
func versionOf(t *testing.T, v *visitor, id string) string {
	t.Helper()
	v.open(http.StatusOK, "/console/apps/"+id)
	return v.page.version()
}

// version is the first that the page's forms carry.
func (a answered) version() string {
	for _, m := range hiddenPattern.FindAllStringSubmatch(a.body, -1) {
		if m[1] == "version" {
			return m[2]
		}
	}
	return ""
}

func TestConsoleSignIn(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	v := visit(t, address, "")
	v.open(http.StatusOK, "/console/apps/new")
	v.send(http.StatusUnauthorized, "/sign-in", "email", dev, "password", "wrong")
	v.sees("The e-mail address or the password is wrong.")
	if !strings.Contains(v.page.body, `value="`+dev+`"`) || strings.Contains(v.page.body, `value="wrong"`) {
		t.Error("the address is not kept, or the password is")
	}
	v.send(http.StatusOK, "/sign-in", "email", dev, "password", "Password123!")
	if at := v.page.Request.URL.Path; at != "/console/apps/new" {
		t.Errorf("after signing in the visitor is at %s, wanted where they were going", at)
	}

	// Signed out in another window, the visitor sends the form.
	to, form := v.form("/apps/new", newAppForm("Late", "https://late.example/back")...)
	v.send(http.StatusOK, "/sign-out")
	v.post(http.StatusUnauthorized, to, form)
	v.sees("You are no longer signed in, and nothing was done.")

	for _, next := range []string{"https://evil.example/console/", "//evil.example/console/", `/\evil.example/console/`, `/\evil.example/%2e%2e/console/apps`, "/console/../sign-out", "/console/%2e%2e/", "/api/me", "javascript:alert(1)", "/consolex", "\n/console/", `/console/\..\..\api/me`} {
		resp, err := newBrowser(t).PostForm(address+"/console/sign-in", url.Values{"email": {dev}, "password": {"Password123!"}, "next": {next}})
		if a := read(t, resp, err); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/console/" {
			t.Errorf("next %q leads to %q, wanted the first page", next, a.Header.Get("Location"))
		}
	}
}

// A form of another site does nothing.
func TestConsoleOrigin(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	olga := visit(t, address, organizer)
	for _, path := range []string{"sign-in", "apps/new", "apps/x/edit", "apps/x/secret", "apps/x/delete", "profile", "review/x/approve", "directory/seat-planner/install", "installations/x/uninstall", "connected", "nothing"} {
		for name, header := range map[string][2]string{"Sec-Fetch-Site": {"Sec-Fetch-Site", "cross-site"}, "Origin": {"Origin", "https://evil.example"}} {
			r, err := http.NewRequestWithContext(t.Context(), "POST", address+"/console/"+path, strings.NewReader("version=0"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header[0], header[1])
			resp, err := olga.client.Do(r)
			a := read(t, resp, err)
			if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "sent by another site") {
				t.Errorf("%s with %s of another site: status %d, wanted 403", path, name, a.StatusCode)
			}
			lookOver(t, a)
		}
	}
	olga.open(http.StatusNotFound, "/console/installations/seat-planner")
}
