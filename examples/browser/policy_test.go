package browser_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// policies are the Content-Security-Policies of the pages that a browser is shown.
type policies struct {
	mu    sync.Mutex
	pages map[string][]string // by the path of the page
}

// watch notes those of every page from the server: its host is an address, the app's is a name.
func (p *policies) watch(ctx context.Context) error {
	return chromedp.Listen(ctx, func(ev any) {
		e, ok := ev.(*network.EventResponseReceived)
		if !ok || e.Type != network.ResourceTypeDocument {
			return
		}
		u, err := url.Parse(e.Response.URL)
		if err != nil || u.Hostname() != "127.0.0.1" {
			return
		}
		policy := ""
		for name, value := range e.Response.Headers {
			if strings.EqualFold(name, "Content-Security-Policy") {
				policy = strings.ReplaceAll(fmt.Sprint(value), "\n", "; ") // of several, all hold
			}
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pages[u.Path] = append(p.pages[u.Path], policy)
	})
}

// check holds each policy to what the pages promise: nothing but what they name is loaded, and nothing that stands
// in the page itself is run or styles it.
func (p *policies) check(t *testing.T, shown ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for path, all := range p.pages {
		for _, policy := range all {
			for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
				if !strings.Contains(policy, want) {
					t.Errorf("%s has the policy %q, without %s", path, policy, want)
				}
			}
			for _, source := range strings.Fields(strings.ReplaceAll(policy, ";", " ")) {
				if strings.Contains(source, "unsafe") || strings.Contains(source, "*") || strings.HasSuffix(source, ":") { // a whole scheme
					t.Errorf("%s has the policy %q, with %s", path, policy, source)
				}
			}
		}
	}
	for _, path := range shown {
		if p.pages[path] == nil {
			t.Errorf("no page at %s was shown", path)
		}
	}
}
