package api

import "github.com/oauthcore/oauthcore/examples/appregistry/platform"

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
	return paged(c, platform.Page[platform.Recommendation]{Items: all}, limit, func(r platform.Recommendation) platform.Recommendation {
		r.Listing, r.Because = listingOf(r.Listing), list(r.Because)
		return r
	}), nil
}
