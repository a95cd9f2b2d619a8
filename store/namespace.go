package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Namespace returns a view of s in which every key and label carries prefix, so that several issuers can
// share a database. prefix is 2 to 24 characters of a key and ends with its only slash, as in "shop/";
// no such prefix begins another, so views with different prefixes have nothing in common. Namespace
// panics if prefix has another form.
//
// Keys and labels may be 24 bytes shorter in a namespace; the library's own leave that room. Sweep sweeps
// the whole of s. A store should be used through namespaces or without, not both.
func Namespace(s Store, prefix string) Store {
	if checkKey(prefix) != nil || len(prefix) < 2 || len(prefix) > 24 || strings.IndexByte(prefix, '/') != len(prefix)-1 {
		panic(fmt.Sprintf("store: namespace %q, want 2 to 24 characters of a key that end with the only slash", prefix))
	}
	return &namespace{s, prefix}
}

type namespace struct {
	store  Store
	prefix string
}

var _ Store = (*namespace)(nil)

var errNamespace = errors.New("store: a key of another namespace came back")

func (n *namespace) Create(ctx context.Context, r Record) error {
	// An empty key must not become one that is only a prefix.
	if err := r.Check(); err != nil {
		return err
	}
	return n.store.Create(ctx, n.in(r))
}

func (n *namespace) Get(ctx context.Context, keys ...string) ([]Record, error) {
	rs, err := n.store.Get(ctx, n.inAll(keys)...)
	return n.out(rs, err)
}

func (n *namespace) Swap(ctx context.Context, r Record) error {
	if err := r.Check(); err != nil {
		return err
	}
	return n.store.Swap(ctx, n.in(r))
}

func (n *namespace) List(ctx context.Context, label, after string, limit int) ([]Record, string, error) {
	if after != "" {
		after = n.prefix + after
	}
	rs, next, err := n.store.List(ctx, n.prefix+label, after, limit)
	if rs, err = n.out(rs, err); err != nil {
		return nil, "", err
	}
	if next != "" {
		var ok bool
		if next, ok = strings.CutPrefix(next, n.prefix); !ok {
			return nil, "", errNamespace
		}
	}
	return rs, next, nil
}

func (n *namespace) Sweep(ctx context.Context, before int64, limit int) (int, error) {
	return n.store.Sweep(ctx, before, limit)
}

// in returns r as s knows it.
func (n *namespace) in(r Record) Record {
	r.Key = n.prefix + r.Key
	r.Labels = n.inAll(r.Labels)
	return r
}

func (n *namespace) inAll(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	in := make([]string, len(names))
	for i, name := range names {
		in[i] = n.prefix + name
	}
	return in
}

// out returns rs, which the caller owns, as the namespace knows them.
func (n *namespace) out(rs []Record, err error) ([]Record, error) {
	if err != nil {
		return nil, err
	}
	for i := range rs {
		r, ok := &rs[i], false
		if r.Key, ok = strings.CutPrefix(r.Key, n.prefix); !ok {
			return nil, errNamespace
		}
		for j, l := range r.Labels {
			if r.Labels[j], ok = strings.CutPrefix(l, n.prefix); !ok {
				return nil, errNamespace
			}
		}
	}
	return rs, nil
}
