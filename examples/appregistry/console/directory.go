package console

import (
	"errors"
	"net/http"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// recommended is how many apps the directory recommends.
const recommended = 3

// directory searches the apps that may be installed.
func (v *visit) directory() error {
	q := v.r.URL.Query()
	page := struct {
		Query       field
		Category    string
		Found       []platform.Listing
		Next        string
		Recommended []platform.Recommendation
	}{
		Query:    field{ID: "q", Type: "search", Label: "Search", Hint: "Words of the name or of what it does.", Value: q.Get("q")},
		Category: q.Get("category"),
	}
	found, err := v.Platform.Search(v.ctx, v.caller, page.Query.Value, page.Category, v.after(), pageSize)
	status := http.StatusOK
	var all faults
	if _, ok := errors.AsType[*platform.Invalid](err); ok {
		status, err = http.StatusUnprocessableEntity, nil
		all = faults{{Field: "q", Text: "That is too long, or goes on from a page that there is not. Search again."}}
		page.Query.Fault = all.of("q")
	}
	if err != nil {
		return err
	}
	page.Found, page.Next = found.Items, found.Next
	if page.Query.Value == "" && page.Category == "" && v.after() == "" {
		if page.Recommended, err = v.Platform.Recommend(v.ctx, v.caller, recommended); err != nil {
			return err
		}
	}
	return v.show(status, "directory.html", view{Title: "Directory", Faults: all, Page: page})
}

// offerPage is an app that may be installed, or is.
type offerPage struct {
	*platform.Offer
	Version    int64
	Needs      []string // in words
	May        []string
	Installed  bool
	MayInstall bool
	Choices    choices
}

func (v *visit) offer() error { return v.showOffer(http.StatusOK, nil) }

func (v *visit) showOffer(status int, all faults) error {
	o, err := v.Platform.Offer(v.ctx, v.caller, v.id())
	if err != nil {
		return err
	}
	page := offerPage{
		Offer:      o,
		Needs:      v.allWords(o.RequiredScopes),
		May:        v.allWords(missing(o.Scopes, o.RequiredScopes)),
		MayInstall: v.caller.May(platform.Installations),
	}
	chosen := o.Scopes
	if v.r.Method == http.MethodPost {
		chosen = v.chosen(o.Scopes)
	}
	page.Choices = v.scopeChoices("It may", o.Scopes, o.RequiredScopes, chosen)
	page.Choices.Fault = all.of("scopes")
	if i := o.Installation; i != nil {
		page.Installed, page.Version = len(i.Allowed) > 0, i.Version
	}
	return v.show(status, "offer.html", view{Title: o.Name, Faults: all, Page: page})
}

// install allows an app what the form says.
func (v *visit) install() error {
	if !v.caller.May(platform.Installations) {
		return registry.ErrForbidden
	}
	o, err := v.Platform.Offer(v.ctx, v.caller, v.id())
	if err != nil {
		return err
	}
	chosen := v.chosen(o.Scopes)
	_, err = v.Platform.ApproveInstallation(v.ctx, v.caller, o.ID, chosen)
	if errors.Is(err, platform.ErrStale) {
		// By this very form, sent twice, if it is now as the form would have it.
		i, failed := v.Platform.Installation(v.ctx, v.caller, o.ID)
		if failed == nil && len(i.Allowed) == len(chosen) && len(missing(chosen, i.Allowed)) == 0 {
			err = nil
		}
	}
	if err == nil {
		return v.done("installed", "installations", o.ID)
	}
	if all, status := faultsOf(err); status != 0 {
		return v.showOffer(status, all)
	}
	return err
}
