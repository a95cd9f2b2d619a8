package proof_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// TestFlowsAreAllThereAre runs each flow with nobody killed, and sees that what is killed in flows is all that
// the core does with a store: each endpoint and grant type of its metadata, and each method of a server and
// of a registry.
func TestFlowsAreAllThereAre(t *testing.T) {
	t.Parallel()
	sys, keys := newSystem(t, databases[1].make(t)) // SQLite, which needs no server
	node := sys.inProcess(t, 1)[0]
	seen := make(driven)
	for _, flow := range flows {
		tenant := strings.ReplaceAll(flow.name, " ", "-")
		x := &crash{client: newClient(newHTTP(), "machine", tenant, keys), node: node}
		x.add = func(format string, args ...any) { t.Errorf(flow.name+": "+format, args...) }
		flow.prepare(x)
		x.http.Transport = seen.by(x.http.Transport)
		x.expect("what is killed elsewhere", flow.act(x), done)
	}
	for _, name := range surface(t, node) {
		if !seen[name] {
			t.Errorf("no flow is for %s", name)
		}
	}
}

// surface returns what there is to ask for at a node: the paths of OAuth's endpoints, that of tokens with each
// grant type, and of the host's calls.
func surface(t *testing.T, node string) []string {
	t.Helper()
	metadata := newClient(newHTTP(), "", "", nil).do(node, http.MethodGet, "/.well-known/oauth-authorization-server", nil)
	var members map[string]any
	if err := json.Unmarshal(metadata.Body, &members); err != nil {
		t.Fatalf("the metadata: status %d, %v", metadata.Status, err)
	}
	var names []string
	for member, value := range members {
		switch endpoint, _ := value.(string); {
		case member == "token_endpoint":
			for _, grantType := range members["grant_types_supported"].([]any) {
				names = append(names, strings.TrimPrefix(endpoint, issuer)+" "+grantType.(string))
			}
		case strings.HasSuffix(member, "_endpoint"):
			names = append(names, strings.TrimPrefix(endpoint, issuer))
		}
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[*oauth.Server](), reflect.TypeFor[*registry.Registry]()} {
		for method := range typ.Methods() {
			switch method.Name {
			case "ServeHTTP", "Format": // the endpoints, and what does nothing
			case "App", "Installation": // what the endpoints ask
			default:
				names = append(names, "/host/"+method.Name)
			}
		}
	}
	return names
}

// driven is what was asked for, in the words of surface.
type driven map[string]bool

// by returns a transport that notes what goes over next.
func (d driven) by(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(b))
		if err != nil {
			return nil, err
		}
		name := r.URL.Path
		if call, ok := strings.CutPrefix(name, "/host/"); ok {
			call, _, _ = strings.Cut(call, "/")
			name = "/host/" + call
		}
		d[strings.TrimSpace(name+" "+form.Get("grant_type"))] = true
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
