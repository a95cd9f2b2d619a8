package api

import (
	"cmp"

	"github.com/oauthcore/oauthcore/registry"
)

func (a *API) queue(c *call) (*reply, error) {
	after, limit, err := c.from()
	if err != nil {
		return nil, err
	}
	state := registry.State(cmp.Or(c.r.URL.Query().Get("state"), string(registry.Submitted)))
	p, err := a.Platform.Queue(c.ctx, c.caller, state, after, limit)
	if err != nil {
		return nil, err
	}
	return paged(c, p, limit, appOf), nil
}

func (a *API) getReviewed(c *call) (*reply, error) {
	app, err := a.Platform.Reviewed(c.ctx, c.caller, c.id())
	return appReply(app, "", err)
}

func (a *API) claimApp(c *call) (*reply, error) {
	app, err := a.Platform.Claim(c.ctx, c.caller, c.id())
	return appReply(app, "", err)
}

// note is the body of a judgement.
type note struct {
	Note string `json:"note"`
}

func (a *API) approveApp(c *call) (*reply, error) {
	var in note
	if err := c.decodeIfAny(&in); err != nil {
		return nil, err
	}
	app, err := a.Platform.Judge(c.ctx, c.caller, c.id(), true, in.Note)
	return appReply(app, "", err)
}

func (a *API) rejectApp(c *call) (*reply, error) {
	var in note
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	app, err := a.Platform.Judge(c.ctx, c.caller, c.id(), false, in.Note)
	return appReply(app, "", err)
}

func (a *API) publishApp(c *call) (*reply, error) {
	var in struct {
		Listed *bool `json:"listed"`
		Shared *bool `json:"shared"`
	}
	if err := c.decodeIfAny(&in); err != nil {
		return nil, err
	}
	app, err := a.Platform.Publish(c.ctx, c.caller, c.id(), in.Listed, in.Shared)
	return appReply(app, "", err)
}

func (a *API) suspendApp(c *call) (*reply, error) {
	app, err := a.Platform.Suspend(c.ctx, c.caller, c.id(), true)
	return appReply(app, "", err)
}

func (a *API) reinstateApp(c *call) (*reply, error) {
	app, err := a.Platform.Suspend(c.ctx, c.caller, c.id(), false)
	return appReply(app, "", err)
}
