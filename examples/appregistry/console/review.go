package console

import (
	"net/http"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// waiting is a list of apps in one state of review.
type waiting struct {
	Title string
	State registry.State
	Apps  []row
	Next  string
}

// queue lists what waits for staff.
func (v *visit) queue() error {
	q := v.r.URL.Query()
	if id := q.Get("id"); id != "" {
		http.Redirect(v.w, v.r, v.path("review", id), http.StatusSeeOther)
		return nil
	}
	lists := []waiting{
		{Title: "To be read", State: registry.Submitted},
		{Title: "To be published", State: registry.Approved},
	}
	for i := range lists {
		l := &lists[i]
		after := ""
		if q.Get("state") == string(l.State) {
			after = v.after()
		}
		p, err := v.Platform.Queue(v.ctx, v.caller, l.State, after, pageSize)
		if err != nil {
			return err
		}
		l.Apps, l.Next = rows(p.Items), p.Next
	}
	return v.show(http.StatusOK, "queue.html", view{Title: "Review", Page: lists})
}

// reviewPage is an app as staff see it.
type reviewPage struct {
	ID        string
	Owner     string
	Version   int64
	Standing  []standing
	Live      bool
	Listed    bool // as it is now, or would be
	Shared    bool
	Suspended bool
	Revision  *registry.Revision
	Lines     []line
	Own       bool // the visitor's own app, or their words
	Other     bool // claimed by somebody else
	Note      field
}

func (v *visit) review() error { return v.showReview(http.StatusOK, nil) }

func (v *visit) showReview(status int, all faults) error {
	a, err := v.Platform.Reviewed(v.ctx, v.caller, v.id())
	if err != nil {
		return err
	}
	me := v.caller.Subject
	page := reviewPage{
		ID: a.ID, Owner: a.Owner, Version: a.Version,
		Standing: standingOf(a), Live: platform.Published(a), Suspended: a.Suspended, Revision: a.Revision,
		Listed: a.Listed || !platform.Published(a), Shared: a.Shared || !platform.Published(a),
		Own: a.Owner == me,
		Note: field{ID: "note", Label: "What has to change", Rows: 4, Hint: "Its developer reads this.",
			Value: v.r.PostForm.Get("note"), Fault: all.of("note")},
	}
	if r := a.Revision; r != nil {
		page.Own = page.Own || r.Author == me
		page.Other = r.State == registry.Submitted && r.Reviewer != "" && r.Reviewer != me
	}
	page.Lines = v.linesOf(a)
	if a.Revision == nil || a.Revision.State != registry.Submitted {
		all = all.whole()
	}
	return v.show(status, "review.html", view{Title: nameOf(a), Faults: all, Page: page})
}

// judge does what a button of a review page says.
func (v *visit) judge() error {
	p, id, form := v.Platform, v.id(), v.r.PostForm
	var what string
	var err error
	switch v.r.PathValue("action") {
	case "claim":
		what = "claimed"
		_, err = p.Claim(v.ctx, v.caller, id)
	case "approve":
		what = "approved"
		_, err = p.Judge(v.ctx, v.caller, id, true, "")
	case "reject":
		what = "rejected"
		_, err = p.Judge(v.ctx, v.caller, id, false, form.Get("note"))
	case "publish":
		what = "published"
		listed, shared := form.Has("listed"), form.Has("shared")
		_, err = p.Publish(v.ctx, v.caller, id, &listed, &shared)
	case "suspend":
		what = "suspended"
		_, err = p.Suspend(v.ctx, v.caller, id, true)
	case "reinstate":
		what = "reinstated"
		_, err = p.Suspend(v.ctx, v.caller, id, false)
	default:
		return v.nothing()
	}
	if err == nil {
		return v.done(what, "review", id)
	}
	if all, status := faultsOf(err); status != 0 {
		return v.showReview(status, all)
	}
	return err
}
