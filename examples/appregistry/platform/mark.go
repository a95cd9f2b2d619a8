package platform

import (
	"context"
)

// mark says that an app is installed in an organisation, or was.
type mark struct {
	App, Tenant string
	Installed   bool
}

// maxCount is how far installations are counted.
const maxCount = 1000

// mark puts up or takes down the mark of an installation.
func (p *Platform) mark(ctx context.Context, app, tenant string, installed bool) error {
	_, err := p.marks.update(ctx, hash(app, tenant), func(r *row[mark]) error {
		r.labels = []string{hash(app)}
		r.value = mark{app, tenant, installed}
		return nil
	})
	return err
}

// installs counts the organisations that an app is installed in, up to a thousand.
func (p *Platform) installs(ctx context.Context, app string) (n int, err error) {
	var rows []row[mark]
	for after, more := "", true; more && n < maxCount; more = after != "" {
		if rows, after, err = p.marks.list(ctx, hash(app), after, 200); err != nil {
			return 0, err
		}
		for _, r := range rows {
			if r.value.Installed {
				n++
			}
		}
	}
	return min(n, maxCount), nil
}
