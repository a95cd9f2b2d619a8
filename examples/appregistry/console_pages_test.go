package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// What a developer writes is text on every page, whatever it holds.
func TestConsoleEscapes(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	const evil = `"><script>alert(1)</script>`
	conf.Users[0].Name = evil
	address := demo(t, conf)
	petra, ada, olga := visit(t, address, partner), visit(t, address, admin), visit(t, address, organizer)
	visit(t, address, dev)
	petra.open(http.StatusOK, "/console/apps/new")
	form := newAppForm(evil, "https://evil.example/back")
	form[3] = evil
	petra.send(http.StatusCreated, "/apps/new", append(form, "client_uri", "https://evil.example/?a=%22%3E")...)
	id, _ := petra.shownSecret()
	petra.publishes(id, ada)
	olga.open(http.StatusOK, "/console/directory")
	olga.sees(evil)
	olga.open(http.StatusOK, "/console/directory/"+id)
	olga.send(http.StatusOK, "/install")
	olga.open(http.StatusOK, "/console/directory?q=%22%3E%3Cscript%3E")
	if strings.Contains(olga.page.body, "<script>") {
		t.Error("what was searched for is a script")
	}
}

// The stylesheet and the script are files of this origin, as the policy of the pages wants them.
func TestConsoleFiles(t *testing.T) {
	t.Parallel()
	address := demo(t, nil)
	for path, kind := range map[string]string{"/style.css": "text/css", "/console/script.js": "text/javascript"} {
		if a := get(t, http.DefaultClient, address+path); a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: status %d, %q", path, a.StatusCode, a.Header.Get("Content-Type"))
		}
	}
}

// Below an issuer with a path every address is too.
func TestConsoleBelowAPath(t *testing.T) {
	t.Parallel()
	s := serve(t, demonstration(), "/tenants/one")
	v := visit(t, s.issuer, partner)
	id, _ := v.registers("Deep", "https://deep.example/back")
	v.publishes(id, visit(t, s.issuer, admin))
	for _, path := range []string{"/console/", "/console/apps", "/console/apps/" + id, "/console/directory", "/console/profile"} {
		v.open(http.StatusOK, path)
		for _, m := range regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`).FindAllStringSubmatch(v.page.body, -1) {
			if !strings.HasPrefix(m[1], "/tenants/one/") {
				t.Errorf("%s has the address %q", path, m[1])
			}
		}
	}
}
