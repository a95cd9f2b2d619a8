package api

import (
	"net/http"
)

func (a *API) listInstallations(c *call) (*reply, error) {
	after, limit, err := c.from()
	if err != nil {
		return nil, err
	}
	p, err := a.Platform.Installations(c.ctx, c.caller, after, limit)
	if err != nil {
		return nil, err
	}
	return paged(c, p, limit, installationOf), nil
}

func (a *API) requestInstallation(c *call) (*reply, error) {
	var in struct {
		App    string   `json:"client_id"`
		Scopes []string `json:"scopes"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.App == "" {
		return nil, &badRequest{http.StatusBadRequest, "client_id: missing"}
	}
	said, err := installationReply(a.Platform.RequestInstallation(c.ctx, c.caller, in.App, in.Scopes))
	if err == nil {
		said.location = prefix + "/installations/" + in.App
	}
	return said, err
}

func (a *API) getInstallation(c *call) (*reply, error) {
	return installationReply(a.Platform.Installation(c.ctx, c.caller, c.id()))
}

// scopes reads the scopes in the body; nil if it was left out.
func (c *call) scopes() ([]string, error) {
	var in struct {
		Scopes []string `json:"scopes"`
	}
	if len(c.body) == 0 && c.route.optional {
		return nil, nil
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return append([]string{}, in.Scopes...), nil
}

func (a *API) updateInstallation(c *call) (*reply, error) {
	scopes, err := c.scopes()
	if err != nil {
		return nil, err
	}
	if _, err := a.Platform.Installation(c.ctx, c.caller, c.id()); err != nil {
		return nil, err
	}
	return installationReply(a.Platform.RequestInstallation(c.ctx, c.caller, c.id(), scopes))
}

func (a *API) approveInstallation(c *call) (*reply, error) {
	scopes, err := c.scopes()
	if err != nil {
		return nil, err
	}
	return installationReply(a.Platform.ApproveInstallation(c.ctx, c.caller, c.id(), scopes))
}

func (a *API) refuseInstallation(c *call) (*reply, error) {
	return installationReply(a.Platform.RefuseInstallation(c.ctx, c.caller, c.id()))
}

func (a *API) narrowInstallation(c *call) (*reply, error) {
	scopes, err := c.scopes()
	if err != nil {
		return nil, err
	}
	return installationReply(a.Platform.NarrowInstallation(c.ctx, c.caller, c.id(), scopes))
}

func (a *API) suspendInstallation(c *call) (*reply, error) {
	return installationReply(a.Platform.HaltInstallation(c.ctx, c.caller, c.id(), true))
}

func (a *API) resumeInstallation(c *call) (*reply, error) {
	return installationReply(a.Platform.HaltInstallation(c.ctx, c.caller, c.id(), false))
}

func (a *API) uninstall(c *call) (*reply, error) {
	return installationReply(a.Platform.Uninstall(c.ctx, c.caller, c.id()))
}
