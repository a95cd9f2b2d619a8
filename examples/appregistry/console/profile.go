package console

import (
	"net/http"
	"strings"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
)

// profile shows what the visitor says of themselves in the directory.
func (v *visit) profile() error {
	p, err := v.Platform.Profile(v.ctx, v.caller)
	if err != nil {
		return err
	}
	return v.showProfile(http.StatusOK, p, nil)
}

func (v *visit) showProfile(status int, p *platform.Profile, all faults) error {
	return v.show(status, "profile.html", view{Title: "Your profile", Faults: all, Page: struct {
		Name, Website, Email, About field
		Version                     int64
	}{
		field{ID: "name", Label: "Name", Hint: "The publisher of your apps, as the directory says it.", Optional: true, Value: p.Name, Fault: all.of("name")},
		field{ID: "website", Label: "Website", Type: "url", Optional: true, Value: p.Website, Fault: all.of("website")},
		field{ID: "email", Label: "E-mail", Type: "email", Hint: "For the people who installed an app.", Optional: true, Value: p.Email, Fault: all.of("email")},
		field{ID: "about", Label: "About you", Rows: 4, Optional: true, Value: p.About, Fault: all.of("about")},
		p.Version,
	}})
}

func (v *visit) setProfile() error {
	one := func(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }
	n := platform.Profile{Name: one("name"), Website: one("website"), Email: one("email"),
		About: strings.ReplaceAll(one("about"), "\r\n", "\n")}
	_, err := v.Platform.SetProfile(v.ctx, v.caller, n)
	if err == nil {
		return v.done("saved", "profile")
	}
	all, status := faultsOf(err)
	if status == 0 {
		return err
	}
	now, failed := v.Platform.Profile(v.ctx, v.caller)
	if failed != nil {
		return failed
	}
	n.Version = now.Version
	return v.showProfile(status, &n, all)
}
