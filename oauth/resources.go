package oauth

import (
	"net/url"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/internal/fetch"
	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/registry"
)

const maxResources = 16

// resources returns what a request for these resource indicators (RFC 8707) gets: itself if the server
// and the app's policy allow each, the first allowed one if it is empty.
func (s *Server) resources(app *registry.App, asked []string) ([]string, error) {
	if len(asked) == 0 {
		for _, r := range s.config.Resources {
			if s.allowsResource(app, r) {
				return []string{r}, nil
			}
		}
		if p := app.Policy.Resources; len(p) > 0 && s.allowsResource(app, p[0]) {
			return p[:1], nil
		}
		return nil, refuse("invalid_target", "there is no resource that this client may use")
	}
	if len(asked) > maxResources {
		return nil, refuse("invalid_target", "too many resources")
	}
	var resources []string
	for _, r := range asked {
		if !s.allowsResource(app, r) {
			return nil, refuse("invalid_target", "a resource is unknown, or not for this client")
		}
		if !slices.Contains(resources, r) {
			resources = append(resources, r)
		}
	}
	return resources, nil
}

func (s *Server) allowsResource(app *registry.App, r string) bool {
	if len(app.Policy.Resources) > 0 && !slices.Contains(app.Policy.Resources, r) { // TestAuthorizeResource
		return false
	}
	return slices.Contains(s.config.Resources, r) || s.config.InsecureLoopbackResources && isLoopbackResource(r)
}

func isLoopbackResource(r string) bool {
	u, err := url.Parse(r)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && fetch.Loopback(u.Hostname()) && u.User == nil && !strings.Contains(r, "#")
}

// narrowResources returns the part of a grant's resources that a token request names: all if it names none.
func narrowResources(granted, asked []string) ([]string, error) {
	if len(asked) == 0 {
		return granted, nil
	}
	if len(asked) > maxResources || !scope.Subset(asked, granted) {
		return nil, refuse("invalid_target", "a resource is not one that was granted")
	}
	return scope.Within(granted, asked), nil
}
