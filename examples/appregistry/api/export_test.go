package api

import (
	"encoding/json"
	"net/http"

	"github.com/oauthcore/oauthcore/registry"
)

// Parsers of what strangers send.

var IfMatch = ifMatch

func Decode(body []byte, v any) error { return decode(body, v) }

func Merge(m registry.Manifest, patch []byte) (registry.Manifest, error) {
	var members map[string]json.RawMessage
	if err := decode(patch, &members); err != nil {
		return m, err
	}
	return merge(m, members)
}

// From reads where a page of the list at r begins.
func From(r *http.Request) (after string, limit int, err error) {
	return (&call{route: &routes[1], r: r}).from()
}

// Status is what an error is answered with.
func Status(err error) int {
	status, _ := explain(err)
	return status
}
