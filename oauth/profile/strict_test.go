package profile_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth/profile"
)

// TestJSONIsStrict has bodies that one parser of JSON may read otherwise than the next: each gets a client error
// and no token.
func TestJSONIsStrict(t *testing.T) {
	const good = `{"grant_type":"client_credentials","client_id":"svc","client_secret":"` + secret + `"}`
	h := newHost(t, profile.JSON())
	post := func(body string) (int, string) {
		r := httptest.NewRequest("POST", "/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.srv.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	with := func(member string) string { return strings.Replace(good, "{", "{"+member+",", 1) }
	for name, body := range map[string]string{
		"a member twice, alike":               with(`"client_id":"svc"`),
		"a member twice, the first another":   with(`"client_id":"web"`),
		"a member twice, once empty":          with(`"grant_type":""`),
		"a member twice, once in escapes":     with(`"client\u005fid":"svc"`),
		"an unknown member twice":             with(`"x":"1","x":"2"`),
		"a number":                            with(`"x":1`),
		"null":                                with(`"x":null`),
		"a list":                              with(`"scope":["public"]`),
		"an object with what is also outside": with(`"x":{"client_id":"svc"}`),
		"letters in another case":             strings.Replace(good, "client_secret", "Client_Secret", 1),
		"a byte order mark":                   "\ufeff" + good,
		"bytes that are not UTF-8":            with("\"x\":\"\xff\""),
		"half a surrogate":                    with(`"x":"\ud800"`),
		"a NUL":                               with(`"x":"` + "\x00" + `"`),
		"another object behind it":            good + good,
		"a byte behind it":                    good + "x",
		"a comma at its end":                  strings.Replace(good, "}", ",}", 1),
		"a comment":                           strings.Replace(good, "{", "{/**/", 1),
		"an end that is missing":              good[:len(good)-1],
		"a list around it":                    "[" + good + "]",
		"a string of it":                      `"` + strings.ReplaceAll(good, `"`, `\"`) + `"`,
		"ten thousand levels":                 with(`"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)),
		"more than 64 KiB":                    with(`"x":"` + strings.Repeat("x", 64<<10) + `"`),
		"nothing":                             "",
	} {
		t.Run(name, func(t *testing.T) {
			if code, answer := post(body); code < 400 || code >= 500 || strings.Contains(answer, "access_token") || !strings.Contains(answer, `"error":"invalid_`) {
				t.Errorf("got %d %s", code, answer)
			}
		})
	}
	t.Run("white space and escapes are as good", func(t *testing.T) {
		if code, answer := post(" \n" + strings.Replace(good, "client_id", `client\u005fid`, 1) + "\t"); code != 200 {
			t.Errorf("got %d %s", code, answer)
		}
	})
}
