package jose

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
)

// maxMetadata is the size in bytes of the largest metadata document that is read.
const maxMetadata = 64 << 10

// NewDiscovered returns the key set that the metadata of an issuer names (RFC 8414). The metadata is read
// along with every fetch of the set, so that a jwks_uri that moves is followed. It does no network traffic.
func NewDiscovered(issuer string, hc *http.Client, now func() time.Time) (*Remote, error) {
	metadata, err := metadataURI(issuer)
	if err != nil {
		return nil, err
	}
	client := fetch.New(hc)
	return newRemote(now, func(ctx context.Context) (*fetch.Document, error) {
		doc, err := client.Get(ctx, metadata, maxMetadata)
		if err != nil {
			return nil, err
		}
		uri, err := jwksURI(doc.Body, issuer)
		if err != nil {
			return nil, fmt.Errorf("metadata %q: %w", metadata, err)
		}
		return client.Get(ctx, uri, MaxSetSize)
	}), nil
}

// metadataURI puts the well-known path between host and path of the issuer (RFC 8414 section 3.1).
func metadataURI(issuer string) (string, error) {
	if err := fetch.CheckURI(issuer); err != nil {
		return "", err
	}
	u, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	if strings.Contains(issuer, "?") {
		return "", fmt.Errorf("URI %q: an issuer with a query", issuer)
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	return u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + path, nil
}

// jwksURI reads the metadata of the issuer. That the document names it is what ties the keys to it (RFC 8414
// section 3.3).
func jwksURI(doc []byte, issuer string) (string, error) {
	var got, uri string
	err := Members(doc, func(name, value []byte) (err error) {
		switch string(name) {
		case "issuer":
			got, err = String(value)
		case "jwks_uri":
			uri, err = String(value)
		}
		return err
	})
	switch {
	case err != nil:
		// Not good is the document, not a token: %v keeps ErrInvalid out.
		return "", fmt.Errorf("%v", err)
	case got != issuer:
		return "", fmt.Errorf("issuer %q, want %q", got, issuer)
	case uri == "":
		return "", errors.New("no jwks_uri")
	case strings.HasPrefix(issuer, "https:") && !strings.HasPrefix(uri, "https:"):
		return "", fmt.Errorf("jwks_uri %q, want https", uri)
	}
	return uri, nil
}
