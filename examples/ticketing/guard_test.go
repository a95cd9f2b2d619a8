package main

import (
	"testing"
)

// What the platform promised its clients about tokens is the public API's affair: what else a token opens takes
// it in the header alone.
func TestStrictGuard(t *testing.T) {
	t.Parallel()
	p := start(t)
	user, _ := wantTokens(t, p.exchange(t, p.authorize(t, boxOffice, "allow").Get("code"), ""))
	p.curl(t, "curl -s -i 'ADDRESS/oauth/token/info?access_token="+user+"'").Want(t, "401", `{"error":"unauthorized"}`)
	p.curl(t, "curl -s -i -d access_token="+p.admin(t)+" ADDRESS/admin/applications").Want(t, "401", `{"error":"unauthorized"}`)
}
