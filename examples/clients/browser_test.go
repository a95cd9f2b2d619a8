package clients_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is one person's browser: cookies, redirects, and the forms of the pages it is shown. It goes
// no further than a redirect to an app, where nothing listens.
type browser struct {
	t      testing.TB
	client *http.Client
}

func newBrowser(t testing.TB) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, client: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Host != via[0].URL.Host {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// page is what the browser shows, or where it was sent.
type page struct {
	t      testing.TB
	status int
	header http.Header
	url    *url.URL
	to     *url.URL // the redirect that left the server; nil if a page is shown
	title  string
	text   string // all text, spaces folded
	forms  []form
}

// form is a form as its user finds it.
type form struct {
	action  *url.URL
	method  string
	fields  url.Values          // as filled in by the page: hidden, text, ticked boxes
	boxes   map[string][]string // of each name, the boxes that can be ticked
	buttons map[string][]string // of each name, the values of its buttons
}

// open shows an address.
func (b *browser) open(address string) *page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.show(r)
}

// submit sends the page's only form with the fields changed as given; a nil value removes the field, as
// unticking a box does.
func (b *browser) submit(p *page, change url.Values) *page {
	b.t.Helper()
	if len(p.forms) != 1 {
		b.t.Fatalf("%s shows %d forms, wanted 1: status %d, %q", p.url.Path, len(p.forms), p.status, p.text)
	}
	f := p.forms[0]
	for name, values := range change {
		f.fields[name] = values
	}
	if f.method != http.MethodPost {
		b.t.Fatalf("%s: the form's method is %q, wanted POST", p.url.Path, f.method)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, f.action.String(), strings.NewReader(f.fields.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.url.Scheme+"://"+p.url.Host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.show(r)
}

func (b *browser) show(r *http.Request) *page {
	b.t.Helper()
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	p := &page{t: b.t, status: resp.StatusCode, header: resp.Header, url: resp.Request.URL}
	if resp.Header.Get("Location") != "" {
		if p.to, err = resp.Location(); err != nil {
			b.t.Fatal(err)
		}
		return p
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	p.read(root)
	return p
}

// read takes title, text and forms from a parsed page.
func (p *page) read(root *html.Node) {
	var text strings.Builder
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.Data == "title":
			p.title = strings.TrimSpace(n.Data)
		case n.Type == html.TextNode:
			text.WriteString(n.Data + " ")
		case n.Type == html.ElementNode && n.Data == "form":
			p.forms = append(p.forms, p.readForm(n))
		}
	}
	p.text = strings.Join(strings.Fields(text.String()), " ")
}

func (p *page) readForm(root *html.Node) form {
	f := form{fields: url.Values{}, boxes: map[string][]string{}, buttons: map[string][]string{}}
	f.method = strings.ToUpper(attr(root, "method"))
	action, err := p.url.Parse(attr(root, "action"))
	if err != nil {
		p.t.Fatalf("the form's action: %v", err)
	}
	f.action = action
	for n := range root.Descendants() {
		name, value := attr(n, "name"), attr(n, "value")
		switch {
		case n.Type != html.ElementNode || name == "" || has(n, "disabled"):
		case n.Data == "button":
			f.buttons[name] = append(f.buttons[name], value)
		case n.Data == "input" && attr(n, "type") == "checkbox":
			f.boxes[name] = append(f.boxes[name], value)
			if has(n, "checked") {
				f.fields.Add(name, value)
			}
		case n.Data == "input":
			f.fields.Add(name, value)
		}
	}
	return f
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// signIn fills in the sign-in page.
func (b *browser) signIn(p *page, email, password string) *page {
	b.t.Helper()
	if p.title != "Sign in" {
		b.t.Fatalf("got page %q (status %d, redirected to %v, %q), wanted the sign-in page", p.title, p.status, p.to, p.text)
	}
	return b.submit(p, url.Values{"email": {email}, "password": {password}})
}

// decide presses a button of the consent page; scopes, unless nil, are the boxes left ticked.
func (b *browser) decide(p *page, decision string, scopes []string) *page {
	b.t.Helper()
	if !p.isConsent() {
		b.t.Fatalf("got page %q (status %d, redirected to %v, %q), wanted the consent page", p.title, p.status, p.to, p.text)
	}
	change := url.Values{"decision": {decision}}
	if scopes != nil {
		change["scope"] = scopes
	}
	return b.submit(p, change)
}

func (p *page) isConsent() bool { return len(p.forms) == 1 && p.forms[0].buttons["decision"] != nil }

// answer returns the authorization response that p is, which names the issuer and gives the state back
// (RFC 9207).
func (p *page) answer(s *server, state string) url.Values {
	p.t.Helper()
	if p.to == nil {
		p.t.Fatalf("got page %q (status %d, %q), wanted a redirect to the app", p.title, p.status, p.text)
	}
	if p.status != http.StatusSeeOther && p.status != http.StatusFound {
		p.t.Errorf("the redirect to the app has status %d", p.status)
	}
	q := p.to.Query()
	if q.Get("state") != state || q.Get("iss") != s.issuer {
		p.t.Errorf("the redirect has state %q and iss %q, wanted %q and %q", q.Get("state"), q.Get("iss"), state, s.issuer)
	}
	return q
}
