package api

import "github.com/oauthcore/oauthcore/examples/appregistry/platform"

func profileReply(p *platform.Profile, err error) (*reply, error) {
	if err != nil {
		return nil, err
	}
	return &reply{data: p, version: p.Version}, nil
}

func (a *API) getProfile(c *call) (*reply, error) {
	return profileReply(a.Platform.Profile(c.ctx, c.caller))
}

func (a *API) setProfile(c *call) (*reply, error) {
	var in struct {
		Name    string `json:"name"`
		Website string `json:"website"`
		Email   string `json:"email"`
		About   string `json:"about"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return profileReply(a.Platform.SetProfile(c.ctx, c.caller, platform.Profile{Name: in.Name, Website: in.Website, Email: in.Email, About: in.About}))
}
