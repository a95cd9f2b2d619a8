package platform

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
)

// Config configures a [Platform].
type Config struct {
	Store    store.Store        // required: for the platform's own records, and no others
	Registry *registry.Registry // required
	Vault    *Vault             // required

	Scopes map[string]string // that apps may ask for, with what each means in words

	// InsecureWebhooks lets webhooks lead to http URLs and to addresses of private networks and of this
	// machine, for development: whoever registers one can then make this server call what only it reaches.
	InsecureWebhooks bool

	Now func() time.Time // nil: time.Now
}

// Platform is the app registry service without its front ends. It is safe for many goroutines, and for many
// servers on one store.
type Platform struct {
	registry *registry.Registry
	vault    *Vault
	scopes   map[string]string
	insecure bool // webhooks
	client   *http.Client
	clock    func() time.Time

	attempts  records[attempt]
	profiles  records[Profile]
	marks     records[mark]
	endpoints records[endpoint]
	usage     records[Usage]
	pending   tally
	store     store.Store
}

// New returns the platform kept in c.Store. It reads and writes nothing.
func New(c Config) (*Platform, error) {
	if c.Store == nil || c.Registry == nil || c.Vault == nil {
		return nil, errors.New("platform: Config.Store, Registry and Vault are required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Platform{
		registry:  c.Registry,
		vault:     c.Vault,
		scopes:    c.Scopes,
		insecure:  c.InsecureWebhooks,
		client:    newClient(c.InsecureWebhooks),
		clock:     c.Now,
		attempts:  records[attempt]{c.Store, "once/"},
		profiles:  records[Profile]{c.Store, "profile/"},
		marks:     records[mark]{c.Store, "mark/"},
		endpoints: records[endpoint]{c.Store, "webhook/"},
		usage:     records[Usage]{c.Store, "usage/"},
		store:     c.Store,
	}, nil
}

// now is the time as it comes back from a store.
func (p *Platform) now() time.Time { return p.clock().UTC().Round(0) }

// Healthy returns an error if the store does not answer.
func (p *Platform) Healthy(ctx context.Context) error {
	_, err := p.store.Get(ctx, "health")
	return err
}
