package profile_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
)

// TestWire sends every request of testdata and compares the whole answers: status, headers and body.
//
// A file is a conversation with one server. A row begins with "==" and a title; its request and its answer
// are divided by "--". In an answer <name:form> stands for text of a form, kept under the name; in a request
// <name> is that text again. @direct are the headers of every answer to a client, and Content-Length is always
// that of the body. Two requests go nowhere: "JWT" shows header and payload of a token, "WAIT" moves the clock.
func TestWire(t *testing.T) {
	for name, p := range map[string]*oauth.Profile{
		"strict":         nil,
		"json":           profile.JSON(),
		"cognito":        profile.Cognito(),
		"doorkeeper":     profile.Doorkeeper(),
		"identityserver": profile.IdentityServer(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &conversation{T: t, host: newHost(t, p), known: map[string]string{"big": strings.Repeat("x", 64<<10)}}
			rows := readRows(t, "testdata/"+name+".txt")
			for _, r := range rows {
				c.row(r)
			}
			t.Logf("%d rows", len(rows))
		})
	}
}

// row is a request and its answer.
type row struct{ title, request, answer string }

func readRows(t *testing.T, file string) (rows []row) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut("\n"+string(b), "\n== ")
	for part := range strings.SplitSeq(text, "\n== ") {
		title, rest, _ := strings.Cut(part, "\n")
		request, answer, ok := strings.Cut(rest, "\n--\n")
		if !ok {
			t.Fatalf("%s: %s: no answer", file, title)
		}
		rows = append(rows, row{title, request, strings.TrimRight(answer, "\n")})
	}
	return rows
}

// conversation sends requests to one host and remembers what it answered.
type conversation struct {
	*testing.T
	host  *host
	known map[string]string
}

var placeholder = regexp.MustCompile(`<(\w+)>`)

func (c *conversation) row(r row) {
	c.Helper()
	var missing []string
	request := placeholder.ReplaceAllStringFunc(r.request, func(p string) string {
		text, ok := c.known[p[1:len(p)-1]]
		if !ok {
			missing = append(missing, p)
		}
		return text
	})
	if len(missing) > 0 {
		c.Errorf("%s: nothing is known of %q", r.title, missing)
		return
	}
	got, want := c.send(request), strings.ReplaceAll(r.answer, "@direct", direct)
	if head, body, _ := strings.Cut(want, "\n\n"); head != "" {
		lines := strings.Split(head, "\n")
		slices.Sort(lines[1:]) // the headers
		want = strings.TrimRight(strings.Join(lines, "\n")+"\n\n"+body, "\n")
	}
	if !c.matches(want, got) {
		c.Errorf("%s:\n%s\ngot\n%s\nwant\n%s", r.title, r.request, got, want)
	}
}

const direct = "Cache-Control: no-store\nContent-Type: application/json\nPragma: no-cache\nX-Content-Type-Options: nosniff"

// send returns the answer to a request as it is written in testdata.
func (c *conversation) send(request string) string {
	c.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	lines := strings.Split(head, "\n")
	method, target, _ := strings.Cut(lines[0], " ")
	switch method {
	case "JWT":
		return show(c.T, target)
	case "WAIT":
		d, err := time.ParseDuration(target)
		if err != nil {
			c.Fatal(err)
		}
		*c.host.now = c.host.now.Add(d)
		return "waited"
	}
	r := httptest.NewRequest(method, target, strings.NewReader(strings.TrimRight(body, "\n")))
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	c.host.srv.ServeHTTP(w, r)
	return c.wire(w)
}

// wire is an answer as it is written in testdata.
func (c *conversation) wire(w *httptest.ResponseRecorder) string {
	c.Helper()
	header := w.Header().Clone()
	if length := header.Get("Content-Length"); length != "" && length != strconv.Itoa(w.Body.Len()) {
		c.Errorf("Content-Length is %s of %d bytes", length, w.Body.Len())
	}
	header.Del("Content-Length")
	var b bytes.Buffer
	if err := header.Write(&b); err != nil {
		c.Fatal(err)
	}
	return strings.TrimRight(fmt.Sprintf("%d\n%s\n%s", w.Code, strings.ReplaceAll(b.String(), "\r\n", "\n"), w.Body), "\n")
}

// show returns header and payload of a JWT, a line each.
func show(t *testing.T, jwt string) string {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return "no JWT"
	}
	var lines []string
	for _, p := range parts[:2] {
		b, err := base64.RawURLEncoding.DecodeString(p)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	return strings.Join(lines, "\n")
}

// forms are what volatile texts look like.
var forms = map[string]string{
	"hex64":   `[0-9a-f]{64}`,
	"hex98":   `[0-9a-f]{98}`,
	"hex138":  `[0-9a-f]{138}`,
	"text66":  `[A-Za-z0-9_-]{66}`,
	"text92":  `[A-Za-z0-9_-]{92}`,
	"jti":     `[A-Za-z0-9_-]{26,40}`,
	"jwt":     `[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{342}`,
	"modulus": `[A-Za-z0-9_-]{342}`,
}

var pattern = regexp.MustCompile(`<(\w+):(\w+)>`)

// matches compares got with want and keeps what stands for the names in it.
func (c *conversation) matches(want, got string) bool {
	c.Helper()
	var expr strings.Builder
	var names []string
	at := 0
	for _, m := range pattern.FindAllStringSubmatchIndex(want, -1) {
		form, ok := forms[want[m[4]:m[5]]]
		if !ok {
			c.Fatalf("there is no form %q", want[m[4]:m[5]])
		}
		names = append(names, want[m[2]:m[3]])
		expr.WriteString(regexp.QuoteMeta(want[at:m[0]]) + "(" + form + ")")
		at = m[1]
	}
	found := regexp.MustCompile(`\A` + expr.String() + regexp.QuoteMeta(want[at:]) + `\z`).FindStringSubmatch(got)
	if found == nil {
		return false
	}
	for i, name := range names {
		c.known[name] = found[i+1]
	}
	return true
}
