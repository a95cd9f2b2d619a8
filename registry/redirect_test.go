package registry_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/registry"
)

// vectors reads a file of testdata. Each case in it has the number of the attack or rule it is about.
func vectors(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// R6749-3.1.2.3-1, R8252-7.3-1, R8252-8.4-1, R9700-2.1-1, OAuth21-2.3.1-1, MCP-AS-6
func TestManifestAllowsRedirect(t *testing.T) {
	t.Parallel()
	var file struct {
		Matching []struct {
			ID, Requested, Expect, Note string
			Registered                  []string
		}
	}
	vectors(t, "redirect_uri_cases.json", &file)
	if len(file.Matching) != 117 {
		t.Fatalf("got %d cases, wanted 117", len(file.Matching))
	}
	for _, c := range file.Matching {
		m := registry.Manifest{RedirectURIs: c.Registered}
		if got, want := m.AllowsRedirect(c.Requested), c.Expect == "match"; got != want {
			t.Errorf("%s (%s): AllowsRedirect(%q) with %q registered: got %v, want %v", c.ID, c.Note, c.Requested, c.Registered, got, want)
		}
	}
	// The two addresses of loopback may be listened on by two programs.
	for registered, asked := range map[string]string{"http://127.0.0.1/cb": "http://[::1]:80/cb", "http://[::1]/cb": "http://127.0.0.1:80/cb"} {
		if m := (registry.Manifest{RedirectURIs: []string{registered}}); m.AllowsRedirect(asked) {
			t.Errorf("AllowsRedirect(%q) with %q registered: got true, want false", asked, registered)
		}
	}
}

// valid is a manifest without a fault.
func valid() registry.Manifest {
	return registry.Manifest{
		Name:         "Seats",
		RedirectURIs: []string{"https://seats.example/cb"},
		Scopes:       []string{"read:events", "write:events"},
	}
}

// R6749-3.1.2-1, R6749-3.1.2.1-1, R7591-5-1, R8252-7-1, R8252-8.4-2, R9700-2.6-2, OAuth21-1.5-1, MCP-AS-5
func TestManifestValidateRedirect(t *testing.T) {
	t.Parallel()
	var file struct {
		Registration []struct{ ID, Value, Expect, Note string }
	}
	vectors(t, "redirect_uri_cases.json", &file)
	if len(file.Registration) != 58 {
		t.Fatalf("got %d cases, wanted 58", len(file.Registration))
	}
	check := func(id, uri, note string, want bool) {
		m := valid()
		m.RedirectURIs = []string{uri}
		err := m.Validate()
		if (err == nil) != want {
			t.Errorf("%s (%s): Validate with redirect URI %.100q: got %v, want accepted %v", id, note, uri, err, want)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "registry: redirect_uris: ") {
			t.Errorf("%s: Validate: got %q, want the member named", id, err)
		}
	}
	for _, c := range file.Registration {
		// RR-017 is about application_type, which this library ignores.
		check(c.ID, c.Value, c.Note, c.Expect == "accept" || c.ID == "RR-017")
	}
	for _, c := range []struct {
		uri  string
		want bool
	}{
		{"http://localhost:3000/cb", true},
		{"http://127.0.0.1", true},
		{"http://127.0.0.2/cb", false},
		{"http://[::1]:8080/cb?a=b", true},
		{"http:127.0.0.1/cb", false},
		{"https://192.0.2.1/cb", true},
		{"https://[2001:db8::1]:8443/cb", true},
		{"https://[2001:db8::1/cb", false},
		{"https://[192.0.2.1]/cb", false},
		{"https://[fe80::1%25eth0]/cb", false},
		{"https://2130706433/cb", false},
		{"https://0x7f.0.0.1/cb", false},
		{"https://127.1/cb", false},
		{"https://app.example./cb", false},
		{"https://app..example/cb", false},
		{"https://app.example:0/cb", false},
		{"https://app.example:0443/cb", false},
		{"https://app.example/%C3%A9", true},
		{"https://app.example/a%2fb", false},
		{"https://app.example/a%5Cb", false},
		{"https://app.example/.%2e/cb", false},
		{"https://app.example/.%2E%3bx/cb", false},
		{"https://app.example/..cb", true},
		{"https://app.example/cb?next=%2Fhome", true},
		{"https://app.example/cb?code=1", false},
		{"https://app.example/cb?a=b&st%61te=1", false},
		{"https://app.example/cb?error", false},
		{"https://app.example/cb?iss=", false},
		{"https://app.example/cb?encode=1", true},
		{"HTTPS://app.example/cb", false},
		{"com.example.app://cb", true},
		{"com.example.app://cb.name/x", true},
		{"com.example.app:cb", false},
		{"com.example.app://", false},
		{"com.example.app:///cb", false},
		{"com.example.app://a@b/cb", false},
		{"com.example.app://a:1/cb", false},
		{"com..app:/cb", false},
		{".com:/cb", false},
		{"com.example.app.:/cb", false},
		{"com.example.app:/../cb", false},
		{"javascript.:/alert(1)", false},
		{"https://app.example/%", false},
		{"https://app.example/%4", false},
		{"https://app.example/%7f", false},
		{"https://" + strings.Repeat("a", 64) + ".example/cb", false},
		{"https://" + strings.Repeat("a.", 126) + "example/cb", false},
	} {
		check(c.uri, c.uri, "", c.want)
	}
}

func TestManifestAllowsRedirectDoesNotAllocate(t *testing.T) {
	m := registry.Manifest{RedirectURIs: []string{"https://seats.example/cb", "http://[::1]/cb", "http://127.0.0.1/cb"}}
	n := testing.AllocsPerRun(100, func() {
		if !m.AllowsRedirect("http://127.0.0.1:51004/cb") || m.AllowsRedirect("http://127.0.0.1:51004/evil") {
			t.Fatal("AllowsRedirect is wrong")
		}
	})
	if n != 0 {
		t.Errorf("AllowsRedirect: got %v allocations, want none", n)
	}
}

// FuzzRedirect holds that what can be registered is what can be used, and nothing else: a registered URI
// matches itself, and another one only if they differ in the port of a loopback address.
func FuzzRedirect(f *testing.F) {
	var file struct {
		Matching []struct {
			Registered []string
			Requested  string
		}
		Registration []struct{ Value string }
	}
	vectors(f, "redirect_uri_cases.json", &file)
	for _, c := range file.Matching {
		f.Add(c.Registered[0], c.Requested)
	}
	for _, c := range file.Registration {
		f.Add(c.Value, c.Value)
	}
	f.Fuzz(func(t *testing.T, registered, requested string) {
		m := valid()
		m.RedirectURIs = []string{registered}
		if m.Validate() != nil {
			return
		}
		for i := range len(registered) {
			if c := registered[i]; c <= ' ' || c >= 0x7f || c == '\\' || c == '#' || c == '*' {
				t.Fatalf("Validate accepted %q", registered)
			}
		}
		if scheme, _, _ := strings.Cut(registered, ":"); scheme != "https" && scheme != "http" && !strings.Contains(scheme, ".") {
			t.Fatalf("Validate accepted %q", registered)
		}
		if !m.AllowsRedirect(registered) {
			t.Fatalf("%q does not match itself", registered)
		}
		if registered == requested || !m.AllowsRedirect(requested) {
			return
		}
		if !strings.HasPrefix(requested, "http://127.0.0.1") && !strings.HasPrefix(requested, "http://[::1]") {
			t.Fatalf("%q matches %q", requested, registered)
		}
		// What matches by its port could have been registered itself.
		m.RedirectURIs = []string{requested}
		if err := m.Validate(); err != nil {
			t.Fatalf("%q matches %q: %v", requested, registered, err)
		}
	})
}

func BenchmarkManifestAllowsRedirect(b *testing.B) {
	m := registry.Manifest{RedirectURIs: []string{"https://seats.example/cb", "com.example.app:/cb", "http://127.0.0.1/cb"}}
	for b.Loop() {
		if !m.AllowsRedirect("http://127.0.0.1:51004/cb") {
			b.Fatal("no match")
		}
	}
}
