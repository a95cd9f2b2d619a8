package attack

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
)

// manifestCase is a manifest that is in order, with one fault in it.
type manifestCase struct {
	Attack, Name string

	Set  map[string]json.RawMessage // members to replace
	Want string                     // part of the error, of reading or of validation
}

// tryManifest is the runner of registry_cases.json. It decodes a manifest as a host's API would, and then creates and
// proposes what must not be stored.
func tryManifest(t *testing.T, c manifestCase) {
	members := map[string]json.RawMessage{"client_name": json.RawMessage(`"Web"`), "redirect_uris": json.RawMessage(`["https://web.example.com/cb"]`), "scopes": json.RawMessage(`["read"]`)}
	read := func() (m registry.Manifest, err error) {
		b, err := json.Marshal(members)
		if err == nil {
			err = json.Unmarshal(b, &m)
		}
		return m, err
	}
	m, err := read()
	if err != nil || m.Validate() != nil {
		t.Fatalf("the manifest that is in order is refused: %v, %v", err, m.Validate())
	}
	fill := newWorld(t).filler(&request{})
	for name, value := range c.Set {
		members[name] = json.RawMessage(fill(string(value)))
	}
	refused := func(did string, err error) {
		t.Helper()
		if err == nil || c.Want == "" || !strings.Contains(err.Error(), c.Want) {
			t.Errorf("%s with the error %v, want %q", did, err, c.Want)
		}
	}
	if m, err = read(); err != nil {
		refused("read", err)
		return
	}
	s := &recording{Store: memory.New()}
	reg, err := registry.New(registry.Config{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	refused("created", reg.Create(t.Context(), &registry.App{ID: "web", Owner: "dev", Manifest: m}))
	if n := s.written(); n > 0 {
		t.Errorf("%d writes, want none", n)
	}
	if err := reg.Create(t.Context(), &registry.App{ID: "web", Owner: "dev"}); err != nil {
		t.Fatal(err)
	}
	before := s.written()
	propose := func(a *registry.App) error { return a.Propose(registry.Actor{Subject: "dev"}, m) }
	_, err = reg.Update(t.Context(), "web", propose)
	refused("proposed", err)
	if n := s.written() - before; n > 0 {
		t.Errorf("%d writes, want none", n)
	}
}
