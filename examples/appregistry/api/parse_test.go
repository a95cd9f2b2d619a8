package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"

	"github.com/oauthcore/oauthcore/examples/appregistry/api"
	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

func TestIfMatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		header  string
		version int64
		ok      bool
	}{
		{``, 0, true},
		{`*`, 0, true},
		{`"17"`, 17, true},
		{`"0"`, platform.Absent, true},
		{`"-3"`, -1, true},
		{`"99999999999999999999"`, -1, true},
		{`"x"`, -1, true},
		{`17`, 0, false},
		{`"17`, 0, false},
		{`W/"17"`, 0, false},
	} {
		version, err := api.IfMatch(test.header)
		if version != test.version || (err == nil) != test.ok {
			t.Errorf("If-Match %s: got %d, %v; wanted %d", test.header, version, err, test.version)
		}
	}
}

// A patch says what changes, what goes, and leaves the rest.
func TestMerge(t *testing.T) {
	t.Parallel()
	before := registry.Manifest{Name: "A", Description: "B", Scopes: []string{"x", "y"}, JWKS: []byte(`{"keys":[]}`)}
	for patch, want := range map[string]registry.Manifest{
		`{}`: before,
		`{"description": null, "logo_uri": null}`:        {Name: "A", Scopes: before.Scopes, JWKS: before.JWKS},
		`{"scopes": ["y"], "client_name": "C"}`:          {Name: "C", Description: "B", Scopes: []string{"y"}, JWKS: before.JWKS},
		`{"jwks": {"keys":[1]}, "description":"\u0042"}`: {Name: "A", Description: "B", Scopes: before.Scopes, JWKS: []byte(`{"keys":[1]}`)},
	} {
		got, err := api.Merge(before, []byte(patch))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("patch %s: got %+v, %v; wanted %+v", patch, got, err, want)
		}
	}
	for _, patch := range []string{`{"scopes": "x"}`, `{"secrets": []}`, `[]`, `{`, ``, `{} {}`} {
		if _, err := api.Merge(before, []byte(patch)); api.Status(err) != http.StatusBadRequest {
			t.Errorf("patch %s: %v, wanted 400", patch, err)
		}
	}
}

// Whatever is sent, it is read or refused as the caller's mistake.
func FuzzRequest(f *testing.F) {
	f.Add(`{"client_name": "A", "scopes": ["x"]}`, `"17"`, "eyJsIjoieCIsImEiOiJ5In0", "20")
	f.Add(`{"scopes": null, "jwks": {"keys": []}}`, `*`, "e30", "0")
	f.Add(`{"Client_Name": 1}`, `W/"x"`, "====", "-1")
	f.Add("\xff{}", "\"\"", "\xff", "1e3")
	f.Fuzz(func(t *testing.T, body, tag, cursor, limit string) {
		mine := func(what string, err error) {
			if err != nil && api.Status(err)/100 != 4 {
				t.Errorf("%s: %v is not the caller's mistake", what, err)
			}
		}
		var m registry.Manifest
		mine("decode", api.Decode([]byte(body), &m))
		_, err := api.Merge(registry.Manifest{Name: "A"}, []byte(body))
		mine("merge", err)
		_, err = api.IfMatch(tag)
		mine("If-Match", err)
		r := httptest.NewRequest("GET", "/?"+url.Values{"cursor": {cursor}, "limit": {limit}}.Encode(), nil)
		after, n, err := api.From(r)
		mine("page", err)
		if err == nil && (n < 1 || n > 100 || after == "" && cursor != "") {
			t.Errorf("cursor %q, limit %q: got %q, %d", cursor, limit, after, n)
		}
	})
}
