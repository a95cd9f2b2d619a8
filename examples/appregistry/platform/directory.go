package platform

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/registry"
)

// Listing is what the directory says of an app.
type Listing struct {
	ID             string   `json:"client_id"`
	Name           string   `json:"client_name"`
	Publisher      string   `json:"publisher"` // empty: the developer has not said
	Description    string   `json:"description"`
	LogoURI        string   `json:"logo_uri"`
	ClientURI      string   `json:"client_uri"`
	PolicyURI      string   `json:"policy_uri"`
	TOSURI         string   `json:"tos_uri"`
	Categories     []string `json:"categories"`
	Scopes         []string `json:"scopes"`
	RequiredScopes []string `json:"required_scopes"`
}

// Recommendation is an app that an organisation may want.
type Recommendation struct {
	Listing
	Installs int      `json:"installs"` // organisations that have it, counted up to 1,000
	Because  []string `json:"because"`  // categories that it shares with what is installed; none: nothing is
}

const maxText = 200 // bytes of a search

// Search returns a page of the listed apps that may be installed in the caller's organisation, whose name or
// description has all the words of text, in the category if that is not empty. A page may be short before
// the end.
func (p *Platform) Search(ctx context.Context, c Caller, text, category, after string, limit int) (page Page[Listing], err error) {
	if err := c.check(Directory); err != nil {
		return page, err
	}
	if len(text) > maxText {
		return page, &Invalid{[]string{"q: got too long a text"}}
	}
	words := strings.Fields(strings.ToLower(text))
	names := make(map[string]string)
	page.Next = after
	for range 10 { // pages of the registry that one page may look at
		var apps []*registry.App
		apps, page.Next, err = p.apps(ctx, registry.Query{Category: category, After: page.Next, Limit: limit - len(page.Items)})
		if err != nil {
			return page, err
		}
		for _, a := range apps {
			said := strings.ToLower(a.Manifest.Name + "\n" + a.Manifest.Description)
			if !installable(a, c.Tenant) || slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(said, w) }) {
				continue
			}
			l, err := p.listing(ctx, a, names)
			if err != nil {
				return page, err
			}
			page.Items = append(page.Items, l)
		}
		if page.Next == "" || len(page.Items) == limit {
			break
		}
	}
	return page, nil
}

// installable reports whether an organisation may install a listed app.
func installable(a *registry.App, tenant string) bool {
	return tenant != "" && (a.Shared || a.Tenant == tenant)
}

// listing makes the listing of an app. Names are those of publishers met before.
func (p *Platform) listing(ctx context.Context, a *registry.App, names map[string]string) (Listing, error) {
	name, known := names[a.Owner]
	if !known {
		of, err := p.profileOf(ctx, a.Owner)
		if err != nil {
			return Listing{}, err
		}
		name = of.Name
		names[a.Owner] = name
	}
	m := &a.Manifest
	return Listing{
		ID: a.ID, Name: m.Name, Publisher: name, Description: m.Description,
		LogoURI: m.LogoURI, ClientURI: m.ClientURI, PolicyURI: m.PolicyURI, TOSURI: m.TOSURI,
		Categories: m.Categories, Scopes: m.Scopes, RequiredScopes: m.RequiredScopes,
	}, nil
}

// Bounds of what Recommend looks at.
const (
	maxInstalled  = 200
	maxCandidates = 200 // in each category
)

// Recommend returns up to limit apps that the caller's organisation has not installed, of the categories of
// those it has, the most installed first and equals by ID. An organisation without apps is told the most
// installed of all.
func (p *Platform) Recommend(ctx context.Context, c Caller, limit int) ([]Recommendation, error) {
	if err := c.check(Directory); err != nil {
		return nil, err
	}
	installed, categories, err := p.inUse(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	if len(categories) == 0 {
		categories = []string{""} // any
	}
	found := make(map[string]*registry.App)
	because := make(map[string][]string)
	for _, category := range categories {
		seen := 0
		for after, more := "", true; more && seen < maxCandidates; more = after != "" {
			var apps []*registry.App
			apps, after, err = p.apps(ctx, registry.Query{Category: category, After: after, Limit: 100})
			if err != nil {
				return nil, err
			}
			seen += len(apps)
			for _, a := range apps {
				if installed[a.ID] || !installable(a, c.Tenant) {
					continue
				}
				found[a.ID] = a
				if category != "" {
					because[a.ID] = append(because[a.ID], category)
				}
			}
		}
	}
	all := make([]Recommendation, 0, len(found))
	for _, id := range slices.Sorted(maps.Keys(found)) {
		n, err := p.installs(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, Recommendation{Listing: Listing{ID: id}, Installs: n, Because: because[id]})
	}
	slices.SortStableFunc(all, func(a, b Recommendation) int { return cmp.Compare(b.Installs, a.Installs) })
	all = all[:min(limit, len(all))]
	names := make(map[string]string)
	for i := range all {
		if all[i].Listing, err = p.listing(ctx, found[all[i].ID], names); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// inUse returns the apps that a tenant has installed, by ID, and their categories in order.
func (p *Platform) inUse(ctx context.Context, tenant string) (apps map[string]bool, categories []string, err error) {
	apps = make(map[string]bool)
	for after, more := "", true; more && len(apps) < maxInstalled; more = after != "" {
		var all []*registry.Installation
		all, after, err = p.registry.Installations(ctx, tenant, "", after)
		if err != nil {
			return nil, nil, err
		}
		for _, i := range all {
			if len(i.Allowed) == 0 {
				continue
			}
			a, err := p.registry.App(ctx, i.App)
			if err != nil {
				return nil, nil, err
			}
			apps[a.ID] = true
			categories = append(categories, a.Manifest.Categories...)
		}
	}
	slices.Sort(categories)
	return apps, slices.Compact(categories), nil
}
