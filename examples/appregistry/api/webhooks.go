package api

func (a *API) listWebhooks(c *call) (*reply, error) {
	after, limit, err := c.from()
	if err != nil {
		return nil, err
	}
	p, err := a.Platform.Webhooks(c.ctx, c.caller, after, limit)
	if err != nil {
		return nil, err
	}
	return paged(c, p, limit, webhookOf), nil
}

func (a *API) createWebhook(c *call) (*reply, error) {
	var in struct {
		URL         string `json:"url"`
		Description string `json:"description"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	said, err := webhookReply(a.Platform.CreateWebhook(c.ctx, c.caller, in.URL, in.Description))
	if err == nil {
		said.location = prefix + "/webhooks/" + said.data.(webhookJSON).ID
	}
	return said, err
}

func (a *API) getWebhook(c *call) (*reply, error) {
	w, err := a.Platform.Webhook(c.ctx, c.caller, c.id())
	return webhookReply(w, "", err)
}

func (a *API) deleteWebhook(c *call) (*reply, error) {
	w, err := a.Platform.DeleteWebhook(c.ctx, c.caller, c.id())
	return webhookReply(w, "", err)
}

func (a *API) rotateWebhook(c *call) (*reply, error) {
	overlap, err := c.overlap()
	if err != nil {
		return nil, err
	}
	return webhookReply(a.Platform.RotateWebhook(c.ctx, c.caller, c.id(), overlap))
}

func (a *API) testWebhook(c *call) (*reply, error) {
	d, err := a.Platform.TryWebhook(c.ctx, c.caller, c.id())
	if err != nil {
		return nil, err
	}
	return &reply{data: d}, nil
}
