package registry

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oauthcore/oauthcore/internal/jose"
)

const maxKeys = 16

// checkJWKS accepts a JWK Set (RFC 7517, Section 5) of 1 to 16 public keys, or none at all. What it accepts, the
// server that later authenticates the app can use: both read the set with the same code.
func checkJWKS(set json.RawMessage) error {
	if set == nil {
		return nil
	}
	var members map[string]json.RawMessage // not a struct, to which "Keys" would be the same as "keys"
	var keys []json.RawMessage
	if json.Unmarshal(set, &members) != nil || members["keys"] != nil && json.Unmarshal(members["keys"], &keys) != nil {
		return errors.New("is not a JWK Set")
	}
	if len(keys) == 0 || len(keys) > maxKeys {
		return fmt.Errorf("has %d keys, wanted 1 to %d", len(keys), maxKeys)
	}
	return jose.CheckSet(set)
}
