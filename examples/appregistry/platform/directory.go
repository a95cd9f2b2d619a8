package platform

import (
	"cmp"
	"context"
	"errors"
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

const (
	maxText  = 200 // bytes of a search
	maxPages = 10  // of the registry, that one list may look at
)

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
	for range maxPages {
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
	maxCategories = 10
	maxCandidates = 500 // of all categories together
)

// Recommend returns up to limit apps of other organisations that the caller's has not installed, of the
// categories of those it has, the most installed first and equals by ID. An organisation without apps is told
// the most installed of all. It looks at so many categories, and at so many apps of each; the same ones for
// whoever asks the same.
func (p *Platform) Recommend(ctx context.Context, c Caller, limit int) ([]Recommendation, error) {
	if err := c.check(Directory); err != nil {
		return nil, err
	}
	installed, categories, err := p.inUse(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	found, err := p.candidates(ctx, c.Tenant, installed, categories)
	if err != nil {
		return nil, err
	}
	all := make([]Recommendation, 0, len(found))
	for id, a := range found {
		n, err := p.installs(ctx, id)
		if err != nil {
			return nil, err
		}
		because := slices.DeleteFunc(slices.Clone(a.Manifest.Categories), func(s string) bool { return !slices.Contains(categories, s) })
		slices.Sort(because)
		all = append(all, Recommendation{Listing: Listing{ID: id}, Installs: n, Because: because})
	}
	slices.SortFunc(all, func(a, b Recommendation) int {
		return cmp.Or(cmp.Compare(b.Installs, a.Installs), cmp.Compare(a.ID, b.ID))
	})
	return p.winners(ctx, c.Tenant, all, found, limit)
}

// candidates returns apps that a tenant may want, by ID: a share of each category, or of all apps if there is no
// category.
func (p *Platform) candidates(ctx context.Context, tenant string, installed map[string]bool, categories []string) (map[string]*registry.App, error) {
	if len(categories) == 0 {
		categories = []string{""} // any
	}
	found := make(map[string]*registry.App)
	for _, category := range categories {
		left, after := maxCandidates/len(categories), ""
		for range maxPages {
			apps, next, err := p.apps(ctx, registry.Query{Category: category, After: after, Limit: min(left, 100)})
			if err != nil {
				return nil, err
			}
			for _, a := range apps {
				if !installed[a.ID] && a.Tenant != tenant && installable(a, tenant) {
					found[a.ID] = a
				}
			}
			if left, after = left-len(apps), next; left == 0 || after == "" {
				break
			}
		}
	}
	return found, nil
}

// winners returns the first of all, in full, that the tenant has not installed: it may have more than were
// looked at.
func (p *Platform) winners(ctx context.Context, tenant string, all []Recommendation, found map[string]*registry.App, limit int) ([]Recommendation, error) {
	names := make(map[string]string)
	won := make([]Recommendation, 0, min(limit, len(all)))
	for _, r := range all {
		if len(won) == limit {
			break
		}
		i, err := p.installation(ctx, r.ID, tenant)
		switch {
		case err == nil && len(i.Allowed) > 0:
			continue
		case err != nil && !errors.Is(err, registry.ErrNotFound):
			return nil, err
		}
		if r.Listing, err = p.listing(ctx, found[r.ID], names); err != nil {
			return nil, err
		}
		won = append(won, r)
	}
	return won, nil
}

// inUse returns apps that a tenant has installed, by ID, and the categories that most of them are in, equals by
// name.
func (p *Platform) inUse(ctx context.Context, tenant string) (apps map[string]bool, categories []string, err error) {
	apps = make(map[string]bool)
	uses := make(map[string]int)
	after := ""
	for range maxPages {
		all, next, err := p.registry.Installations(ctx, tenant, "", after)
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
			for _, category := range a.Manifest.Categories {
				uses[category]++
			}
		}
		if after = next; after == "" {
			break
		}
	}
	categories = slices.SortedFunc(maps.Keys(uses), func(a, b string) int {
		return cmp.Or(cmp.Compare(uses[b], uses[a]), cmp.Compare(a, b))
	})
	return apps, categories[:min(maxCategories, len(categories))], nil
}
