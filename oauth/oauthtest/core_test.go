package oauthtest_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/oauthcore/oauthcore/internal/chain"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/store"
)

// core is a whole server with a fault: what is set here is done around the real one, to its requests and
// answers, or between it and its store.
type core struct {
	store.Store // the real one
	*oauth.Server

	form   func(q *request)                               // edits a request
	answer func(q *request, w *httptest.ResponseRecorder) // edits the answer to it
	get    func(q *request, r *store.Record)              // edits what was read
	got    func(q *request, keys []string, rs []store.Record, err error) ([]store.Record, error)
	write  func(q *request, r store.Record, do func(store.Record) error) error
	ends   func(end func() error) error // makes Disconnect and EndSubject
}

// request is one that a core is answering; nil is a call in process.
type request struct {
	ctx   context.Context // the client's
	path  string
	app   string // by its own account
	form  url.Values
	login *oauth.Login // that SignedIn gave
	again func()       // answers it once more, to nobody

	kept     string // the refresh token that its client holds
	failures int    // of writes
}

type requestKey struct{}

func of(ctx context.Context) *request {
	q, _ := ctx.Value(requestKey{}).(*request)
	return q
}

// at reports whether q is a request to a path, of a grant type if one is given.
func (q *request) at(path, grantType string) bool {
	return q != nil && q.path == path && (grantType == "" || q.form.Get("grant_type") == grantType)
}

// serve makes the server of c that change has broken.
func (k *core) serve(c oauth.Config, change func(*core, *oauth.Config)) (http.Handler, error) {
	k.Store = c.Store
	c.Store = k
	if change != nil {
		change(k, &c)
	}
	var err error
	k.Server, err = oauth.New(c)
	return k, err
}

func (k *core) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	q := &request{ctx: r.Context(), path: r.URL.Path}
	q.form, _ = url.ParseQuery(string(body))
	q.app, _, _ = r.BasicAuth()
	if k.form != nil {
		k.form(q)
	}
	q.again = func() { k.replay(httptest.NewRecorder(), r, q) }
	rec := httptest.NewRecorder()
	k.replay(rec, r, q)
	if k.answer != nil {
		k.answer(q, rec)
	}
	maps.Copy(w.Header(), rec.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

// replay answers q, whose header is that of r.
func (k *core) replay(w http.ResponseWriter, r *http.Request, q *request) {
	r = r.Clone(context.WithValue(r.Context(), requestKey{}, q))
	r.Body = io.NopCloser(strings.NewReader(q.form.Encode()))
	k.Server.ServeHTTP(w, r)
}

func (k *core) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	rs, err := k.Store.Get(ctx, keys...)
	if k.got != nil {
		rs, err = k.got(of(ctx), keys, rs, err)
	}
	for i := range rs {
		if k.get != nil && rs[i].Version != 0 {
			k.get(of(ctx), &rs[i])
		}
	}
	return rs, err
}

func (k *core) Create(ctx context.Context, r store.Record) error {
	return k.writes(ctx, r, k.Store.Create)
}

func (k *core) Swap(ctx context.Context, r store.Record) error {
	return k.writes(ctx, r, k.Store.Swap)
}

func (k *core) writes(ctx context.Context, r store.Record, do func(context.Context, store.Record) error) error {
	if k.write == nil {
		return do(ctx, r)
	}
	return k.write(of(ctx), r, func(r store.Record) error { return do(ctx, r) })
}

func (k *core) Disconnect(ctx context.Context, c oauth.Consent) error {
	return k.ended(func() error { return k.Server.Disconnect(ctx, c) })
}

func (k *core) EndSubject(ctx context.Context, subject string) error {
	return k.ended(func() error { return k.Server.EndSubject(ctx, subject) })
}

func (k *core) ended(end func() error) error {
	if k.ends != nil {
		return k.ends(end)
	}
	return end()
}

// end ends a grant, as a reuse would.
func (k *core) end(key string) {
	for range 20 {
		rs, err := k.Store.Get(context.Background(), key)
		if err != nil || rs[0].Version == 0 {
			return
		}
		set(&rs[0], tagEnded, binary.AppendVarint(nil, 1))
		if err := k.Store.Swap(context.Background(), rs[0]); !errors.Is(err, store.ErrConflict) {
			return
		}
	}
}

func isGrant(r store.Record) bool { return strings.HasPrefix(r.Key, "g/") }
func isMark(r store.Record) bool  { return strings.HasPrefix(r.Key, "m/") }

// presented returns the refresh token that q presents.
func (q *request) presented() (chain.Credential, bool) {
	return chain.Parse("", false, q.form.Get("refresh_token"))
}

// The stored form of a grant: after a format byte and a nonce, fields of a tag, a length and that many bytes.
const (
	tagApp           = 1
	tagScope         = 7
	tagEpochConsent  = 14
	tagEpochSubject  = 15
	tagEnded         = 18
	tagRedirect      = 20
	tagChallenge     = 21
	tagChain         = 22
	tagLast          = tagChain
	nonceAt, frameAt = 1, 17
)

type field struct {
	tag   uint64
	value []byte
}

func fields(r store.Record) (list []field) {
	for b := r.Value[frameAt:]; len(b) > 0; {
		tag, n := binary.Uvarint(b)
		size, m := binary.Uvarint(b[n:])
		list = append(list, field{tag, b[n+m : n+m+int(size)]})
		b = b[n+m+int(size):]
	}
	return list
}

// set gives a field of a grant these values, in its place; none removes it.
func set(r *store.Record, tag uint64, values ...[]byte) {
	list := slices.DeleteFunc(fields(*r), func(f field) bool { return f.tag == tag })
	i := slices.IndexFunc(list, func(f field) bool { return f.tag > tag })
	if i < 0 {
		i = len(list)
	}
	for j, v := range values {
		list = slices.Insert(list, i+j, field{tag, v})
	}
	b := bytes.Clone(r.Value[:frameAt])
	for _, f := range list {
		b = binary.AppendUvarint(b, f.tag)
		b = binary.AppendUvarint(b, uint64(len(f.value)))
		b = append(b, f.value...)
	}
	r.Value = b
}

// value returns a field of a grant, nil if there is none.
func value(r store.Record, tag uint64) []byte {
	for _, f := range fields(r) {
		if f.tag == tag {
			return f.value
		}
	}
	return nil
}

// notes are what a broken core remembers, in all of its processes.
type notes[T any] struct {
	mu sync.Mutex
	m  map[string]T
}

func (m *notes[T]) put(key string, v T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil {
		m.m = make(map[string]T)
	}
	m.m[key] = v
}

func (m *notes[T]) take(key string) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.m[key]
	return v, ok
}
