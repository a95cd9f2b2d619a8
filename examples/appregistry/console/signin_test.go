package console_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/examples/appregistry/console"
)

// FuzzNext goes on from the sign-in page as a browser does, which reads addresses in its own way (the WHATWG URL
// standard), and must still be in the console.
func FuzzNext(f *testing.F) {
	for _, wanted := range []string{"", "/console/", "/console", "/console/apps/new?a=b#c", "/console/apps/%2e%2e/x", "/console/../sign-out",
		"https://evil.example/console/", "//evil.example/console/", `/\evil.example/console/`, "/\t/evil.example", "\n/console/", "/console/\\..\\..\\x",
		"/consolex", "javascript:alert(1)", "/console/.%2e/.%2E/x", "/console/apps;..", "/console/%zz", "/one/console/apps", "/one/console/../../x", "/console/..///console", "/console/.. "} {
		f.Add(wanted)
	}
	browser := strings.NewReplacer("\t", "", "\n", "", "\r", "")
	f.Fuzz(func(t *testing.T, wanted string) {
		for _, base := range []string{"", "/one"} {
			next := console.Next(base, wanted)
			read := strings.TrimFunc(browser.Replace(next), func(r rune) bool { return r <= ' ' })
			if i := strings.IndexAny(read, "?#"); i >= 0 {
				read = read[:i]
			}
			u, err := url.Parse("https://here.example" + base + "/console/sign-in")
			if err != nil {
				t.Fatal(err)
			}
			to, err := u.Parse(strings.ReplaceAll(read, `\`, "/"))
			if err != nil {
				t.Fatalf("base %q, next %q leads to %q: %v", base, wanted, next, err)
			}
			if path := to.Path + "/"; to.Scheme != "https" || to.Host != "here.example" || !strings.HasPrefix(path, base+"/console/") {
				t.Errorf("base %q, next %q leads to %q, wanted a page of the console", base, wanted, to)
			}
		}
	})
}
