package api

func (a *API) search(c *call) (*reply, error) {
	after, limit, err := c.from()
	if err != nil {
		return nil, err
	}
	q := c.r.URL.Query()
	p, err := a.Platform.Search(c.ctx, c.caller, q.Get("q"), q.Get("category"), after, limit)
	if err != nil {
		return nil, err
	}
	return paged(c, p, limit, listingOf), nil
}

func (a *API) recommend(c *call) (*reply, error) {
	_, limit, err := c.from()
	if err != nil {
		return nil, err
	}
	all, err := a.Platform.Recommend(c.ctx, c.caller, limit)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Listing, all[i].Because = listingOf(all[i].Listing), list(all[i].Because)
	}
	return &reply{data: all}, nil
}
