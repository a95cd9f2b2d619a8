package platform

import (
	"context"
	"errors"
	"time"

	"github.com/oauthcore/oauthcore/registry"
)

// mark is what the installations of an app are counted by, one for each organisation. It is doubted before an
// installation begins or ends, which is another record: whatever then happens, a crash between the two writes
// too, whoever counts knows to look at the installation itself.
type mark struct {
	App, Tenant string
	Installed   bool
	Doubted     time.Time // zero: what Installed says is so
}

// maxCount is how far installations are counted.
const maxCount = 1000

// doubt says that an installation is about to begin or end, within onceRun.
func (p *Platform) doubt(ctx context.Context, app, tenant string) error {
	_, err := p.marks.update(ctx, hash(app, tenant), func(r *row[mark]) error {
		r.labels = []string{hash(app)}
		r.value.App, r.value.Tenant = app, tenant
		if now := p.now(); now.After(r.value.Doubted) {
			r.value.Doubted = now
		}
		return nil
	})
	return err
}

// installed reports whether the installation of a mark is there.
func (p *Platform) installed(ctx context.Context, r row[mark]) (bool, error) {
	m := r.value
	if m.Doubted.IsZero() {
		return m.Installed, nil
	}
	i, err := p.installation(ctx, m.App, m.Tenant)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return false, err
	}
	there := i != nil && len(i.Allowed) > 0
	if p.now().Sub(m.Doubted) >= onceLease {
		// Whoever doubted it has ended. If this is not written, the next who counts looks again.
		_, _ = p.marks.update(ctx, r.id, func(now *row[mark]) error {
			if now.version != r.version {
				return errTaken
			}
			now.value.Installed, now.value.Doubted = there, time.Time{}
			return nil
		})
	}
	return there, nil
}

// installs counts the organisations that an app is installed in, up to a thousand.
func (p *Platform) installs(ctx context.Context, app string) (n int, err error) {
	var rows []row[mark]
	for after, more := "", true; more && n < maxCount; more = after != "" {
		if rows, after, err = p.marks.list(ctx, hash(app), after, 200); err != nil {
			return 0, err
		}
		for _, r := range rows {
			there, err := p.installed(ctx, r)
			if err != nil {
				return 0, err
			}
			if there {
				n++
			}
		}
	}
	return min(n, maxCount), nil
}
