package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

func (a *API) listApps(c *call) (*reply, error) {
	after, limit, err := c.from()
	if err != nil {
		return nil, err
	}
	p, err := a.Platform.OwnApps(c.ctx, c.caller, after, limit)
	if err != nil {
		return nil, err
	}
	return paged(c, p, limit, appOf), nil
}

func (a *API) createApp(c *call) (*reply, error) {
	var m registry.Manifest
	if err := c.decode(&m); err != nil {
		return nil, err
	}
	said, err := appReply(a.Platform.CreateApp(c.ctx, c.caller, m))
	if err == nil {
		said.location = prefix + "/apps/" + said.data.(appJSON).ID
	}
	return said, err
}

func (a *API) getApp(c *call) (*reply, error) {
	app, err := a.Platform.App(c.ctx, c.caller, c.id())
	return appReply(app, "", err)
}

func (a *API) updateApp(c *call) (*reply, error) {
	var patch map[string]json.RawMessage
	if err := c.decode(&patch); err != nil {
		return nil, err
	}
	app, err := a.Platform.Propose(c.ctx, c.caller, c.id(), func(m registry.Manifest) (registry.Manifest, error) {
		return merge(m, patch)
	})
	return appReply(app, "", err)
}

// merge applies a merge patch (RFC 7396). A manifest has no object inside whose members could be merged in
// turn, save jwks, which is replaced whole.
func merge(m registry.Manifest, patch map[string]json.RawMessage) (registry.Manifest, error) {
	doc, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	members := make(map[string]json.RawMessage)
	if err := json.Unmarshal(doc, &members); err != nil {
		return m, err
	}
	known := memberNames(&m)
	for name, value := range patch {
		if !slices.Contains(known, name) {
			return m, &badRequest{http.StatusBadRequest, fmt.Sprintf("unknown member %q; letter case counts", name)}
		}
		if string(value) == "null" {
			delete(members, name)
		} else {
			members[name] = value
		}
	}
	if doc, err = json.Marshal(members); err != nil {
		return m, &badRequest{http.StatusBadRequest, "the body is not JSON"}
	}
	var merged registry.Manifest
	return merged, decode(doc, &merged)
}

func (a *API) deleteApp(c *call) (*reply, error) {
	app, err := a.Platform.DeleteApp(c.ctx, c.caller, c.id())
	return appReply(app, "", err)
}

func (a *API) submitApp(c *call) (*reply, error) {
	app, err := a.Platform.Submit(c.ctx, c.caller, c.id())
	return appReply(app, "", err)
}

func (a *API) withdrawApp(c *call) (*reply, error) {
	app, err := a.Platform.Withdraw(c.ctx, c.caller, c.id())
	return appReply(app, "", err)
}

func (a *API) pauseApp(c *call) (*reply, error) {
	app, err := a.Platform.Pause(c.ctx, c.caller, c.id(), true)
	return appReply(app, "", err)
}

func (a *API) resumeApp(c *call) (*reply, error) {
	app, err := a.Platform.Pause(c.ctx, c.caller, c.id(), false)
	return appReply(app, "", err)
}

// overlap is the body of a rotation.
type overlap struct {
	Seconds *int64 `json:"overlap_seconds"` // nil: 24 hours
}

func (c *call) overlap() (time.Duration, error) {
	var in overlap
	if err := c.decodeIfAny(&in); err != nil {
		return 0, err
	}
	if in.Seconds == nil {
		return 24 * time.Hour, nil
	}
	const most = 365 * 24 * 3600 // of what does not overflow below
	return time.Duration(max(-1, min(*in.Seconds, most))) * time.Second, nil
}

func (a *API) rotateSecret(c *call) (*reply, error) {
	overlap, err := c.overlap()
	if err != nil {
		return nil, err
	}
	return appReply(a.Platform.RotateSecret(c.ctx, c.caller, c.id(), overlap))
}

func (a *API) completeRotation(c *call) (*reply, error) {
	app, err := a.Platform.EndRotation(c.ctx, c.caller, c.id(), true)
	return appReply(app, "", err)
}

func (a *API) cancelRotation(c *call) (*reply, error) {
	app, err := a.Platform.EndRotation(c.ctx, c.caller, c.id(), false)
	return appReply(app, "", err)
}

func (a *API) getUsage(c *call) (*reply, error) {
	days, err := a.Platform.UsageOf(c.ctx, c.caller, c.id())
	if err != nil {
		return nil, err
	}
	return paged(c, platform.Page[platform.Usage]{Items: days}, platform.UsageDays, func(u platform.Usage) platform.Usage { return u }), nil
}
