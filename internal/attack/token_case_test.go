package attack

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// tokenCase is an access token as the server makes them, with one fault in it that the signer put there: all but the
// cases of Compact are well signed. None of the verifiers takes it, or one API answers as the case says.
type tokenCase struct {
	Attack, Name string

	Header, Claims map[string]json.RawMessage // members to replace
	Without        []string                   // members to take away

	// The text in the place of header and payload before they are encoded, of what is signed, and of the whole token.
	// {header} and {claims} in the first two are the members, and {header}, {payload} and {signature} in the others are
	// the parts.
	Protected, Payload, Input, Compact string

	Works bool // not refused: who it is for and what for is as it was

	Need      string   // the scope that an API needs
	Status    int      // its answer
	Challenge []string // what the challenge has in it
}

// tryToken is the runner of jose_cases.json and guard_cases.json.
func tryToken(t *testing.T, c tokenCase) {
	w := newWorld(t)
	defer w.tight()
	if _, err := w.offline().Verify(t.Context(), w.forge()); err != nil {
		t.Fatalf("the token that is in order is refused: %v", err)
	}
	tok := w.forge(c.edits(w.filler(&request{}))...)
	switch {
	case c.Need != "":
		rec := w.guarded(tok, c.Need)
		challenge := rec.Header().Get("WWW-Authenticate")
		if rec.Code != c.Status || (c.Status == http.StatusOK) != (challenge == "") {
			t.Errorf("the API answers %d with the challenge %q, want %d", rec.Code, challenge, c.Status)
		}
		for _, want := range c.Challenge {
			if !strings.Contains(challenge, want) {
				t.Errorf("the challenge is %s, want it to have %s", challenge, want)
			}
		}
	case c.Works:
		got, err := w.offline().Verify(t.Context(), tok)
		if err != nil || got.Subject != "alice" || got.ClientID != "web" || !slices.Equal(got.Scopes, []string{"read", "write"}) {
			t.Errorf("got %+v, %v", got, err)
		}
	default:
		w.worthless(tok)
	}
}

func (c *tokenCase) edits(fill func(string) string) (all []edit) {
	for _, name := range c.Without {
		all = append(all, head(name, ""), claim(name, ""))
	}
	for name, value := range c.Header {
		all = append(all, head(name, fill(string(value))))
	}
	for name, value := range c.Claims {
		all = append(all, claim(name, fill(string(value))))
	}
	if c.Protected != "" || c.Payload != "" {
		all = append(all, func(f *forgery) {
			inner := func(members []member) string { o := f.object(members); return o[1 : len(o)-1] }
			members := strings.NewReplacer("{header}", inner(f.header), "{claims}", inner(f.claims))
			replaced(members.Replace(c.Protected), members.Replace(c.Payload))(f)
		})
	}
	parts := func(tok, text string) string {
		var pairs []string
		for i, part := range strings.Split(tok, ".") {
			name := []string{"header", "payload", "signature"}[i]
			pairs = append(pairs, "{"+name+"}", part, "{start of "+name+"}", part[:4], "{rest of "+name+"}", part[4:])
		}
		return strings.NewReplacer(pairs...).Replace(text)
	}
	if c.Input != "" {
		all = append(all, input(func(tok string) string { return parts(tok, c.Input) }))
	}
	if c.Compact != "" {
		all = append(all, finish(func(tok string) string { return parts(tok, c.Compact) }))
	}
	return all
}
