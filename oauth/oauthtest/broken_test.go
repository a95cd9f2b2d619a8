package oauthtest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/oauthtest"
	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
)

// broken is a core with one fault and the cases that it fails, exactly; a name that ends with ? may fail.
type broken struct {
	fault string
	make  func() func(k *core, c *oauth.Config)
	fails string
}

// fault is for cores that remember nothing.
func fault(change func(k *core, c *oauth.Config)) func() func(*core, *oauth.Config) {
	return func() func(*core, *oauth.Config) { return change }
}

const (
	byCode    = "authorization_code"
	byRefresh = "refresh_token"
)

var brokenCores = []broken{
	// What is bound to a client.
	{"forgets which client a code or refresh token was given to", fault(func(k *core, _ *oauth.Config) {
		k.get = func(q *request, r *store.Record) {
			if isGrant(*r) && q.at("/token", "") && q.app != "" {
				set(r, tagApp, []byte(q.app))
			}
		}
	}), "Code/BoundToClient Refresh/BoundToClient"},
	{"revokes any client's refresh token", fault(func(k *core, _ *oauth.Config) {
		k.get = func(q *request, r *store.Record) {
			if isGrant(*r) && q.at("/revoke", "") && q.app != "" {
				set(r, tagApp, []byte(q.app))
			}
		}
	}), "Revoke/BoundToClient"},
	{"takes any secret", fault(func(_ *core, c *oauth.Config) {
		c.Apps = &apps{Apps: c.Apps, app: func(a *registry.App) {
			a.Secrets = slices.Clone(a.Secrets)
			for i := range a.Secrets {
				sum := sha256.Sum256([]byte("x" + oauthtest.Secret))
				a.Secrets = append(a.Secrets, registry.Secret{ID: a.Secrets[i].ID + "'", Hash: sum[:]})
			}
		}}
	}), "Client/Secret"},
	{"takes the key of any client", fault(func(_ *core, c *oauth.Config) {
		known := c.Apps
		c.Apps = &apps{Apps: c.Apps, app: func(a *registry.App) {
			if robot, err := known.App(context.Background(), "robot"); err == nil && a.ID == "machine" {
				a.Manifest.JWKS = merge(a.Manifest.JWKS, robot.Manifest.JWKS)
			}
		}}
	}), "Client/Key"},
	{"forgets which assertions were used", fault(func(k *core, _ *oauth.Config) {
		k.write = func(q *request, r store.Record, do func(store.Record) error) error {
			if q != nil && q.form.Has("client_assertion") && isMark(r) {
				return nil
			}
			return do(r)
		}
	}), "Client/AssertionOnce Meanwhile/SameRequest Faults/* Newer/*"},
	{"forgets the tenant", fault(func(k *core, _ *oauth.Config) {
		k.form = func(q *request) {
			if q.at("/token", byCode) || q.at("/token", byRefresh) {
				q.form.Del("tenant")
			}
		}
	}), "Refresh/BoundToTenant"},

	// What a code is bound to.
	{"forgets which redirect URI a code was sent to", fault(func(k *core, _ *oauth.Config) {
		k.get = func(q *request, r *store.Record) {
			if isGrant(*r) && q.at("/token", byCode) {
				if uri := q.form.Get("redirect_uri"); uri != "" {
					sum := sha256.Sum256([]byte(uri))
					set(r, tagRedirect, sum[:])
				} else {
					set(r, tagRedirect)
				}
			}
		}
	}), "Code/BoundToRedirectURI"},
	{"forgets PKCE", fault(func(k *core, _ *oauth.Config) {
		k.get = func(q *request, r *store.Record) {
			if isGrant(*r) && q.at("/token", byCode) {
				if v := q.form.Get("code_verifier"); v != "" {
					set(r, tagChallenge, []byte(pkce.Challenge(v)))
				} else {
					set(r, tagChallenge)
				}
			}
		}
	}), "Code/BoundToVerifier"},
	{"lets a code live for ten minutes", fault(func(_ *core, c *oauth.Config) { c.CodeLifetime = 10 * time.Minute }), "Code/Expires"},

	// What is used once.
	{"forgets that a code was used", fault(func(k *core, _ *oauth.Config) {
		k.get = func(q *request, r *store.Record) {
			if isGrant(*r) && q.at("/token", byCode) {
				state := bytes.Clone(value(*r, tagChain))
				clear(state[32:])
				set(r, tagChain, state)
			}
		}
	}), "Code/OneWinner Code/ReplayEndsGrant Meanwhile/SameRequest Faults/* Newer/*"},
	{"answers a second use of a code as the first", func() func(*core, *oauth.Config) {
		var first notes[[]byte]
		return func(k *core, _ *oauth.Config) {
			k.answer = func(q *request, w *httptest.ResponseRecorder) {
				if !q.at("/token", byCode) {
					return
				}
				key := q.app + " " + q.form.Get("code") + " " + q.form.Get("code_verifier") + " " + q.form.Get("redirect_uri")
				if w.Code == 200 {
					first.put(key, w.Body.Bytes())
				} else if same, ok := first.take(key); ok && w.Code == 400 {
					w.Code, w.Body = 200, bytes.NewBuffer(same)
				}
			}
		}
	}, "Code/OneWinner Code/ReplayEndsGrant Meanwhile/SameRequest Faults/* Newer/*"},
	{"lets a consent form be posted twice", fault(func(k *core, _ *oauth.Config) {
		k.got = func(q *request, _ []string, rs []store.Record, err error) ([]store.Record, error) {
			if err == nil && q.at("/authorize", "") && isGrant(rs[0]) {
				rs[0] = store.Record{Key: rs[0].Key}
			}
			return rs, err
		}
		k.write = func(q *request, r store.Record, do func(store.Record) error) error {
			err := do(r)
			if errors.Is(err, store.ErrExists) && q.at("/authorize", "") && isGrant(r) {
				rs, err := k.Store.Get(q.ctx, r.Key)
				if err != nil {
					return err
				}
				r.Version = rs[0].Version
				return k.Store.Swap(q.ctx, r)
			}
			return err
		}
	}), "Code/FormWorksOnce Faults/* Newer/*"},
	{"does not rotate refresh tokens", func() func(*core, *oauth.Config) {
		var real notes[string] // by the token that a client keeps
		return func(k *core, _ *oauth.Config) {
			k.form = func(q *request) {
				q.kept = q.form.Get("refresh_token")
				for _, param := range []string{"refresh_token", "token"} {
					if tok, ok := real.take(q.form.Get(param)); ok {
						q.form.Set(param, tok)
					}
				}
			}
			k.answer = func(q *request, w *httptest.ResponseRecorder) {
				if got := tokenIn(w); got != "" && q.at("/token", byRefresh) {
					real.put(q.kept, got)
					w.Body = bytes.NewBuffer(bytes.Replace(w.Body.Bytes(), []byte(got), []byte(q.kept), 1))
				}
			}
		}
	}, "Refresh/Rotates Refresh/OneSuccessor Refresh/StrictOneWinner Refresh/StrictReuseEndsGrant Refresh/LateRetryEndsGrant Refresh/OldTokenEndsGrant Meanwhile/SameRequest Faults/ClientHangsUp"},
	{"does not end the grant of what is used again", fault(func(k *core, _ *oauth.Config) {
		k.write = func(q *request, r store.Record, do func(store.Record) error) error {
			if q.at("/token", "") && isGrant(r) && value(r, tagEnded) != nil {
				return nil
			}
			return do(r)
		}
	}), "Code/OneWinner Code/ReplayEndsGrant Refresh/StrictReuseEndsGrant Refresh/LateRetryEndsGrant Refresh/OldTokenEndsGrant Refresh/StrictOneWinner Meanwhile/SameRequest Faults/* Newer/*"},
	{"ends the grant that any bad refresh token names", fault(func(k *core, _ *oauth.Config) {
		k.answer = func(q *request, w *httptest.ResponseRecorder) {
			if w.Code == 400 && q.at("/token", byRefresh) {
				if cred, ok := q.presented(); ok {
					k.end("g/" + cred.Grant.String())
				}
			}
		}
	}), "Refresh/GarbageEndsNothing Refresh/BoundToClient Refresh/BoundToTenant Refresh/NeverWidensScope Faults/Pairs?"},
	{"gives a retry a successor of its own", func() func(*core, *oauth.Config) {
		var before notes[store.Record]
		return func(k *core, _ *oauth.Config) {
			k.get = func(q *request, r *store.Record) {
				if !isGrant(*r) || !q.at("/token", byRefresh) {
					return
				}
				cred, _ := q.presented()
				generation := binary.BigEndian.Uint32(value(*r, tagChain)[96:])
				if was, ok := before.take(r.Key); ok && cred.Generation+1 == generation {
					set(r, tagChain, value(was, tagChain))
				} else if cred.Generation == generation {
					before.put(r.Key, *r)
				}
			}
		}
	}, "Refresh/RetryGetsSameSuccessor Refresh/OneSuccessor Refresh/StrictOneWinner Refresh/StrictReuseEndsGrant Refresh/LateRetryEndsGrant Meanwhile/SameRequest"},
	{"has a grace where there should be none", fault(func(_ *core, c *oauth.Config) {
		if c.RefreshGrace < 0 {
			c.RefreshGrace = 10 * time.Second
		}
	}), "Refresh/StrictOneWinner Refresh/StrictReuseEndsGrant Meanwhile/SameRequest"},
	{"has a grace of a minute", fault(func(_ *core, c *oauth.Config) {
		if c.RefreshGrace > 0 {
			c.RefreshGrace = time.Minute
		}
	}), "Refresh/LateRetryEndsGrant"},
	{"has no grace", fault(func(_ *core, c *oauth.Config) { c.RefreshGrace = -1 }), "Refresh/RetryGetsSameSuccessor Refresh/OneSuccessor Faults/ClientHangsUp Faults/Crash Faults/LandsAfterCrash Faults/Pairs? Meanwhile/SameRequest"},
	{"lets refresh tokens lie unused for long", fault(func(_ *core, c *oauth.Config) { c.RefreshLifetime = 90 * 24 * time.Hour }), "Refresh/Expires"},

	// What a refresh may ask for.
	{"ignores the scope of a refresh", fault(func(k *core, _ *oauth.Config) {
		k.form = func(q *request) {
			if q.at("/token", byRefresh) {
				q.form.Del("scope")
			}
		}
	}), "Refresh/NarrowsScope Refresh/NeverWidensScope"},
	{"gives a refresh what scope it asks for", fault(func(k *core, _ *oauth.Config) {
		k.get = func(q *request, r *store.Record) {
			if isGrant(*r) && q.at("/token", byRefresh) && q.form.Has("scope") {
				setScope(r, q.form.Get("scope"))
			}
		}
	}), "Refresh/NarrowsScope Refresh/NeverWidensScope"},

	// What ends.
	{"does not end what is revoked", fault(func(k *core, _ *oauth.Config) {
		k.write = func(q *request, r store.Record, do func(store.Record) error) error {
			if q.at("/revoke", "") && isGrant(r) {
				return nil
			}
			return do(r)
		}
	}), "Revoke/EndsGrant Faults/* Newer/*"},
	{"does not deny an access token that is revoked", fault(func(k *core, _ *oauth.Config) {
		k.write = func(q *request, r store.Record, do func(store.Record) error) error {
			if q.at("/revoke", "") && isMark(r) && !q.form.Has("client_assertion") {
				return nil
			}
			return do(r)
		}
	}), "Revoke/AccessTokenAlone Faults/* Newer/*"},
	{"forgets what ends a user's grants", fault(func(k *core, _ *oauth.Config) {
		k.get = func(_ *request, r *store.Record) {
			switch {
			case isGrant(*r):
				set(r, tagEpochConsent)
				set(r, tagEpochSubject)
			case !isMark(*r):
				r.Value = slices.Concat(r.Value[:frameAt], dropMember(r.Value[frameAt:], "epoch"))
			}
		}
	}), "End/Subject End/Consent Meanwhile/End Faults/* Newer/*"},
	{"forgets what ends an app's grants", fault(func(_ *core, c *oauth.Config) {
		c.Apps = &apps{Apps: c.Apps, app: func(a *registry.App) { a.Epoch = 0 }}
	}), "End/App Meanwhile/End Faults/* Newer/*"},
	{"forgets that an installation was removed", fault(func(_ *core, c *oauth.Config) {
		c.Apps = &apps{Apps: c.Apps, installation: func(i *registry.Installation) { i.Epoch = 0 }}
	}), "End/Installation"},
	{"asks once who is signed in", fault(func(_ *core, c *oauth.Config) {
		signedIn := c.SignedIn
		c.SignedIn = func(r *http.Request) (l *oauth.Login, err error) {
			q := of(r.Context())
			if q.login == nil {
				q.login, err = signedIn(r)
			}
			return q.login, err
		}
	}), "Meanwhile/End"},
	{"answers that it is revoked when it does not know", fault(func(k *core, _ *oauth.Config) {
		k.answer = func(q *request, w *httptest.ResponseRecorder) {
			if q.at("/revoke", "") && w.Code == 503 {
				w.Code = 200
				w.Body.Reset()
			}
		}
	}), "Faults/FailBefore Faults/Outage Faults/LandsAfterCrash Faults/Pairs?"},
	{"says that it is ended when it does not know", fault(func(k *core, _ *oauth.Config) {
		k.ends = func(end func() error) error { end(); return nil }
	}), "Faults/FailBefore Faults/Outage Faults/LandsAfterCrash? Faults/Pairs?"},

	// What a fault comes to.
	{"takes every write for done", fault(func(k *core, _ *oauth.Config) {
		k.write = func(_ *request, r store.Record, do func(store.Record) error) error {
			if err := do(r); errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) {
				return err
			}
			return nil
		}
	}), "Faults/FailBefore Faults/Outage Faults/Crash Faults/Slow Faults/LandsAfterCrash Faults/LandsAfterEnd Faults/Pairs?"},
	{"takes what it could not read for absent", fault(func(k *core, _ *oauth.Config) {
		k.got = func(_ *request, keys []string, rs []store.Record, err error) ([]store.Record, error) {
			if err != nil {
				rs = nil
				for _, key := range keys {
					rs = append(rs, store.Record{Key: key})
				}
			}
			return rs, nil
		}
	}), "Faults/FailBefore Faults/Outage Faults/Crash Faults/LandsAfterCrash Faults/LandsAfterEnd Faults/Pairs?"},
	{"refuses what it does not know", fault(func(k *core, _ *oauth.Config) {
		k.answer = func(q *request, w *httptest.ResponseRecorder) {
			if q.at("/token", "") && w.Code == 503 {
				w.Code = 400
				w.Body = bytes.NewBufferString(`{"error":"invalid_grant"}`)
			}
		}
	}), "Faults/FailBefore Faults/Outage Faults/Crash Faults/LandsAfterCrash Faults/LandsAfterEnd Faults/Pairs?"},
	{"does not know its own writes again", fault(func(k *core, _ *oauth.Config) {
		k.get = func(_ *request, r *store.Record) {
			r.Value = bytes.Clone(r.Value)
			r.Value[nonceAt] ^= 1
		}
	}), "Faults/FailAfter Faults/Repeated Faults/Slow Faults/Pairs?"},
	{"takes a lost answer for a reuse", fault(func(k *core, _ *oauth.Config) {
		k.write = func(q *request, r store.Record, do func(store.Record) error) error {
			err := do(r)
			if err != nil && q.at("/token", byRefresh) && isGrant(r) && !errors.Is(err, store.ErrConflict) {
				k.end(r.Key)
			}
			return err
		}
	}), "Faults/FailAfter Faults/FailBefore Faults/Slow Faults/Pairs?"},
	{"takes a second lost answer for a reuse", fault(func(k *core, _ *oauth.Config) {
		k.write = func(q *request, r store.Record, do func(store.Record) error) error {
			err := do(r)
			if err != nil && q.at("/token", byRefresh) && isGrant(r) {
				if q.failures++; q.failures == 2 {
					k.end(r.Key)
				}
			}
			return err
		}
	}), "Faults/Pairs Faults/Slow"},
	{"takes a conflict for a reuse", fault(func(k *core, _ *oauth.Config) {
		k.write = func(q *request, r store.Record, do func(store.Record) error) error {
			err := do(r)
			if q.at("/token", byRefresh) && isGrant(r) && errors.Is(err, store.ErrConflict) {
				k.end(r.Key)
			}
			return err
		}
	}), "Faults/Conflict Faults/Repeated Faults/Slow Faults/Pairs? Refresh/OneSuccessor? Meanwhile/SameRequest"},
	{"takes a stale read for a reuse", staleIsReuse(func(q *request, _ *oauth.Config) bool { return q.at("/token", "") }), "Faults/StaleRead Faults/Pairs?"},
	{"takes a stale read for a reuse in strict mode", staleIsReuse(func(q *request, c *oauth.Config) bool {
		return q.at("/token", "") && c.RefreshGrace < 0
	}), "Faults/StaleRead Faults/Pairs?"},
	{"takes a stale read for a reuse of a code", staleIsReuse(func(q *request, _ *oauth.Config) bool { return q.at("/token", byCode) }), "Faults/StaleRead Faults/Pairs?"},
	{"keeps grants in the process", func() func(*core, *oauth.Config) {
		return func(k *core, _ *oauth.Config) {
			var cached notes[store.Record]
			k.get = func(_ *request, r *store.Record) {
				if !isGrant(*r) {
					return
				}
				if was, ok := cached.take(r.Key); ok {
					*r = was
				}
				cached.put(r.Key, *r)
			}
			k.write = func(_ *request, r store.Record, do func(store.Record) error) error {
				err := do(r)
				if rs, readErr := k.Store.Get(context.Background(), r.Key); err == nil && readErr == nil {
					cached.put(r.Key, rs[0])
				}
				return err
			}
		}
	}, "Code/OneWinner? Refresh/OneSuccessor? Refresh/StrictOneWinner? Meanwhile/SameRequest Faults/*"},
	{"stops when the client hangs up", fault(func(k *core, _ *oauth.Config) {
		k.got = func(q *request, _ []string, rs []store.Record, err error) ([]store.Record, error) {
			if q != nil && q.ctx.Err() != nil {
				return nil, q.ctx.Err()
			}
			return rs, err
		}
		k.write = func(q *request, r store.Record, do func(store.Record) error) error {
			if q != nil && q.ctx.Err() != nil {
				return q.ctx.Err()
			}
			return do(r)
		}
	}), "Faults/ClientHangsUp"},
	{"spends a credential before it has a token", fault(func(k *core, _ *oauth.Config) {
		k.answer = func(q *request, w *httptest.ResponseRecorder) {
			if w.Code == 500 && q.again != nil {
				q.again()
			}
		}
	}), "Faults/MintFails"},

	// What a newer version stored.
	{"drops the fields of a grant that it does not know", fault(func(k *core, _ *oauth.Config) {
		k.write = func(_ *request, r store.Record, do func(store.Record) error) error {
			if isGrant(r) {
				for _, f := range fields(r) {
					if f.tag > tagLast {
						set(&r, f.tag)
					}
				}
			}
			return do(r)
		}
	}), "Newer/GrantFieldsAreKept"},
	{"drops the members of a record that it does not know", fault(func(k *core, _ *oauth.Config) {
		k.write = func(_ *request, r store.Record, do func(store.Record) error) error {
			if !isGrant(r) {
				r.Value = slices.Concat(r.Value[:frameAt], dropMember(r.Value[frameAt:], "newer"))
			}
			return do(r)
		}
	}), "Newer/MembersAreKept"},
}

// apps edits what a host says of its apps.
type apps struct {
	oauth.Apps
	app          func(*registry.App)
	installation func(*registry.Installation)
}

func (s *apps) App(ctx context.Context, id string) (*registry.App, error) {
	a, err := s.Apps.App(ctx, id)
	if err != nil || s.app == nil {
		return a, err
	}
	edited := *a
	s.app(&edited)
	return &edited, nil
}

func (s *apps) Installation(ctx context.Context, app *registry.App, tenant, subject string) (*registry.Installation, error) {
	i, err := s.Apps.Installation(ctx, app, tenant, subject)
	if err != nil || i == nil || s.installation == nil {
		return i, err
	}
	edited := *i
	s.installation(&edited)
	return &edited, nil
}

// staleIsReuse makes a core that ends a grant when it reads less than it has seen, in the requests that when
// is true for.
func staleIsReuse(when func(*request, *oauth.Config) bool) func() func(*core, *oauth.Config) {
	return func() func(*core, *oauth.Config) {
		var newest notes[int64]
		return func(k *core, c *oauth.Config) {
			k.got = func(q *request, _ []string, rs []store.Record, err error) ([]store.Record, error) {
				for _, r := range rs {
					was, ok := newest.take(r.Key)
					if ok && r.Version < was && isGrant(r) && when(q, c) {
						k.end(r.Key)
					}
					newest.put(r.Key, max(r.Version, was))
				}
				return rs, err
			}
			k.write = func(_ *request, r store.Record, do func(store.Record) error) error {
				err := do(r)
				switch was, _ := newest.take(r.Key); {
				case err != nil:
				case was == 0: // a Create
					newest.put(r.Key, r.Version)
				case was == r.Version: // a Swap
					newest.put(r.Key, r.Version+1)
				}
				return err
			}
		}
	}
}

// merge returns the keys of two sets.
func merge(a, b json.RawMessage) json.RawMessage {
	var all struct {
		Keys []json.RawMessage `json:"keys"`
	}
	first, second := all, all
	if json.Unmarshal(a, &first) == nil && json.Unmarshal(b, &second) == nil {
		all.Keys = append(first.Keys, second.Keys...)
	}
	text, _ := json.Marshal(all)
	return text
}

// dropMember returns a JSON object without a member.
func dropMember(object []byte, name string) []byte {
	var m map[string]json.RawMessage
	if json.Unmarshal(object, &m) != nil || m[name] == nil {
		return object
	}
	delete(m, name)
	text, _ := json.Marshal(m)
	return text
}

// tokenIn returns the refresh token of an answer.
func tokenIn(w *httptest.ResponseRecorder) string {
	var answer struct {
		Token string `json:"refresh_token"`
	}
	json.Unmarshal(w.Body.Bytes(), &answer)
	return answer.Token
}

// setScope gives a grant a scope.
func setScope(r *store.Record, scope string) {
	var values [][]byte
	for s := range strings.FieldsSeq(scope) {
		values = append(values, []byte(s))
	}
	set(r, tagScope, values...)
}
