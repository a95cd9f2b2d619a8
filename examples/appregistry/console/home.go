package console

import "net/http"

// home shows where a visitor may go.
func (v *visit) home() error {
	name := v.who.Name
	if name == "" {
		name = v.caller.Subject
	}
	return v.show(http.StatusOK, "home.html", view{Title: "Welcome, " + name})
}
