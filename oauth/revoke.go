package oauth

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/oauthcore/oauthcore/internal/chain"
	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

// revoke is the revocation endpoint (RFC 7009). A refresh token of any generation ends its grant and
// with it every access token; an access token ends alone. token_type_hint is not needed: the kinds tell
// themselves apart.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	s.direct("revoke", w, r, func(c *call) (json.Marshaler, *TokenResponse, error) {
		tok := c.params.Get("token")
		if tok == "" {
			return nil, nil, refuse("invalid_request", "token is missing")
		}
		var err error
		if cred, ok := s.parseCredential(tok); ok && cred.Kind == chain.Refresh {
			err = c.revokeGrant(cred)
		} else {
			err = c.revokeAccess(tok)
		}
		return nil, nil, err
	})
}

var errNotYours = refuse("unauthorized_client", "the token was given to another client")

// revokeGrant ends the grant of a refresh token that proves itself, current or not.
func (c *call) revokeGrant(cred chain.Credential) error {
	c.event.Grant = grantID(cred.Grant)
	row, err := c.s.grants.Get(c.ctx, grantID(cred.Grant))
	for range table.Rounds {
		switch {
		case err != nil:
			return err
		case row.Version == 0:
			return c.spend()
		}
		verdict, _ := row.Value.chain.Judge(c.s.chainKeys, cred, c.now, c.s.config.RefreshGrace)
		switch {
		case verdict == chain.Unproven:
			return c.spend()
		case row.Value.app != c.app.ID: // TestRevokeRefusals
			return errNotYours
		}
		if err := c.spend(); err != nil || row.Value.ended {
			return err
		}
		row.Value.ended = true
		row, err = c.s.grants.Swap(c.ctx, c.write, row)
		if err == nil {
			return nil
		}
		if errors.Is(err, store.ErrConflict) {
			err = nil
		}
	}
	return unavailable(table.ErrUnavailable)
}

// revokeAccess denies one access token for as long as it would live.
func (c *call) revokeAccess(tok string) error {
	a, err := c.open(tok)
	switch {
	case errors.Is(err, token.ErrInvalid):
		return c.spend()
	case err != nil:
		return err
	case c.s.profile.RevokeRefreshOnly: // TestProfileRevokesRefreshTokensOnly
		return refuse("unsupported_token_type", "only refresh tokens can be revoked")
	case a.app != c.app.ID: // TestRevokeRefusals
		return errNotYours
	}
	if err := c.spend(); err != nil {
		return err
	}
	c.event.Grant = grantID(a.id.grant)
	row := table.Row[mark]{ID: denialID(a), Expires: a.expires + recordSlack}
	if _, err = c.s.marks.Create(c.ctx, c.write, row, c.now); errors.Is(err, errExists) {
		return nil
	}
	return err
}
