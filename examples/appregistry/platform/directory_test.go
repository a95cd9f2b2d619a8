package platform_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// listCounter counts the lists that are read.
type listCounter struct {
	store.Store
	lists atomic.Int64
}

func (s *listCounter) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	s.lists.Add(1)
	return s.Store.List(ctx, label, after, limit)
}

// market is a platform with apps to find.
type market struct {
	t     *testing.T
	p     *platform.Platform
	lists *atomic.Int64
}

var (
	reviewer  = platform.Caller{Subject: "staff", Tenant: "zero", Roles: []string{"admin"}}
	organizer = platform.Caller{Subject: "olga", Tenant: "buyers", Roles: []string{"organizer"}}
)

func newMarket(t *testing.T) *market {
	t.Helper()
	st := &listCounter{Store: memory.New()}
	return &market{t, open(t, st, newClock(), nil), &st.lists}
}

// list publishes an app of a tenant, listed and shared, and returns its ID.
func (m *market) list(tenant, name string, categories ...string) string {
	m.t.Helper()
	ctx, maker := m.t.Context(), platform.Caller{Subject: "maker of " + tenant, Tenant: tenant, Roles: []string{"developer"}}
	a, _, err := m.p.CreateApp(ctx, maker, registry.Manifest{Name: name, RedirectURIs: []string{"https://app.example/cb"}, Scopes: []string{"read"}, Categories: categories})
	if err == nil {
		_, err = m.p.Submit(ctx, maker, a.ID)
	}
	if err == nil {
		_, err = m.p.Judge(ctx, reviewer, a.ID, true, "")
	}
	if err == nil {
		_, err = m.p.Publish(ctx, reviewer, a.ID, nil, nil)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return a.ID
}

// install installs an app in the tenant of who asks.
func (m *market) install(c platform.Caller, id string) {
	m.t.Helper()
	if _, err := m.p.ApproveInstallation(m.t.Context(), c, id, []string{"read"}); err != nil {
		m.t.Fatal(err)
	}
}

// recommend returns the IDs of what is recommended to the organizer, the same twice.
func (m *market) recommend(limit int) (ids []string) {
	m.t.Helper()
	for range 2 {
		all, err := m.p.Recommend(m.t.Context(), organizer, limit)
		if err != nil {
			m.t.Fatal(err)
		}
		before := ids
		ids = nil
		for _, r := range all {
			ids = append(ids, r.ID)
		}
		if before != nil && !slices.Equal(ids, before) {
			m.t.Errorf("Recommend: got %q after %q, wanted the same", ids, before)
		}
	}
	return ids
}

// What works in an organisation already is not recommended to it, its own apps among that.
func TestRecommendOwn(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.list("buyers", "Ours", "seats")
	theirs, used := m.list("makers", "Theirs", "seats"), m.list("makers", "Used", "seats")
	m.install(organizer, used)
	if got := m.recommend(10); !slices.Equal(got, []string{theirs}) {
		t.Errorf("got %q, wanted the one app that they lack, %q", got, theirs)
	}
}

// Nothing that is installed is recommended, however much that is.
func TestRecommendToWhoHasMuch(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	has := make(map[string]bool)
	for n := range 600 {
		id := m.list("makers", fmt.Sprint("App ", n), "seats")
		if n < 595 {
			has[id] = true
			m.install(organizer, id)
		}
	}
	for _, id := range m.recommend(20) {
		if has[id] {
			t.Errorf("%s is recommended, and installed", id)
		}
	}
}

// What is read does not grow with the number of categories.
func TestRecommendBounds(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for n := range 30 {
		category := fmt.Sprint("category-", n)
		m.install(organizer, m.list("makers", "Used", category))
		for i := range 20 {
			m.list("makers", fmt.Sprint("Candidate ", i), category)
		}
	}
	before := m.lists.Load()
	if got := m.recommend(7); len(got) != 7 {
		t.Errorf("got %d apps, wanted 7", len(got))
	}
	if n := (m.lists.Load() - before) / 2; n > 300 {
		t.Errorf("%d lists were read, wanted at most 300", n)
	}
}
