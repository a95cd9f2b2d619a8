package storetest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/oauthcore/oauthcore/store"
)

var listMutants = []mutant{
	{"labels match as prefixes", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				return nil, "", errors.New("limit")
			}
			return b.plain.list(ctx, after, limit, func(r store.Record) bool {
				return label != "" && slices.ContainsFunc(r.Labels, func(l string) bool { return strings.HasPrefix(l, label) })
			})
		}
	}, `List/ExactlyTheLabel List/OddLabels`},
	{"labels fold case", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				return nil, "", errors.New("limit")
			}
			return b.plain.list(ctx, after, limit, func(r store.Record) bool {
				return slices.ContainsFunc(r.Labels, func(l string) bool { return strings.EqualFold(l, label) })
			})
		}
	}, `List/ExactlyTheLabel`},
	{"an underscore in a label matches any character", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				return nil, "", errors.New("limit")
			}
			return b.plain.list(ctx, after, limit, func(r store.Record) bool {
				return slices.ContainsFunc(r.Labels, func(l string) bool { return matches(label, l) })
			})
		}
	}, `List/OddLabels`},
	{"the empty label lists all", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if label == "" {
				return b.plain.list(ctx, after, limit, func(store.Record) bool { return true })
			}
			return b.plain.List(ctx, label, after, limit)
		}
	}, `List/NoLabelNoList`},
	{"only the first label is kept in the index", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				return nil, "", errors.New("limit")
			}
			return b.plain.list(ctx, after, limit, func(r store.Record) bool { return len(r.Labels) > 0 && r.Labels[0] == label })
		}
	}, `Swap/LeavesLabels List/EachOfItsLabels List/SeesWrites List/SkipsTheSwept`},
	{"List orders as people do", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			rs, next, err := b.plain.List(ctx, label, after, limit)
			slices.SortFunc(rs, func(a, b store.Record) int { return strings.Compare(strings.ToLower(a.Key), strings.ToLower(b.Key)) })
			return rs, next, err
		}
	}, `List/BytewiseOrder Key/LongestIsKept`},
	{"List takes no limit for all", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				limit = 1 << 20
			}
			return b.plain.List(ctx, label, after, limit)
		}
	}, `List/LimitBelowOne`},
	{"List gives one more than its limit", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit > 0 {
				limit++
			}
			return b.plain.List(ctx, label, after, limit)
		}
	}, `List/BytewiseOrder List/Pages List/CursorOutlivesItsRecord`},
	{"List ends after its first page", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			rs, _, err := b.plain.List(ctx, label, after, limit)
			return rs, "", err
		}
	}, `List/BytewiseOrder List/Pages List/CursorOutlivesItsRecord List/PagesHoldBetweenWrites List/PagesHoldUnderWrites`},
	{"List goes round", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			rs, next, err := b.plain.List(ctx, label, after, limit)
			if next == "" && after != "" {
				next = "-"
			}
			return rs, next, err
		}
	}, `List/BytewiseOrder List/Pages List/PagesHoldBetweenWrites List/PagesHoldUnderWrites List/CursorOutlivesItsRecord`},
	{"List begins with the key it is given", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			rs, next, err := b.plain.List(ctx, label, after, limit)
			if own, ok := b.peek(after); ok && err == nil && slices.Contains(own.Labels, label) && len(rs) > 0 && len(rs) < limit {
				rs = append([]store.Record{own}, rs...)
			}
			return rs, next, err
		}
	}, `List/BytewiseOrder List/Pages List/AfterIsAnyKey List/CursorOutlivesItsRecord List/PagesHoldBetweenWrites List/PagesHoldUnderWrites Load/AllAtOnce?`},
	{"List looks its cursor up", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if _, ok := b.peek(after); after != "" && !ok {
				return nil, "", errors.New("no such cursor")
			}
			return b.plain.List(ctx, label, after, limit)
		}
	}, `List/AfterIsAnyKey List/CursorOutlivesItsRecord Load/AllAtOnce? Handles/LeaveNothing List/PagesHoldUnderWrites?`},
	{"List counts an offset", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if limit < 1 {
				return nil, "", errors.New("limit")
			}
			offset := 0
			fmt.Sscanf(after, "~%08d", &offset)
			all, _, err := b.plain.List(ctx, label, "", 1<<20)
			page := all[min(offset, len(all)):min(offset+limit, len(all))]
			if offset += limit; offset < len(all) {
				return page, fmt.Sprintf("~%08d", offset), err
			}
			return page, "", err
		}
	}, `List/AfterIsAnyKey List/CursorOutlivesItsRecord List/PagesHoldBetweenWrites List/PagesHoldUnderWrites? Load/AllAtOnce?`},
	{"the index follows a write later", func(b *broken) {
		var mu sync.Mutex
		last := ""
		b.create = func(ctx context.Context, r store.Record) error {
			mu.Lock()
			defer mu.Unlock()
			err := b.plain.Create(ctx, r)
			if err == nil {
				last = r.Key
			}
			return err
		}
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			mu.Lock()
			defer mu.Unlock()
			rs, next, err := b.plain.List(ctx, label, after, limit)
			rs = slices.DeleteFunc(rs, func(r store.Record) bool { return r.Key == last })
			last = ""
			return rs, next, err
		}
	}, `Create/ErrExistsChangesNothing Create/KeepsNoSlice Swap/LeavesLabels List/EachOfItsLabels List/BytewiseOrder List/AfterIsAnyKey? List/SeesWrites List/SkipsTheSwept Expires/SwapAfterIt? Key/CaseMatters Key/LongestIsKept Key/PunctuationIsLiteral Key/NotNumbers Handles/SeeWritesAtOnce Load/AllAtOnce?`},
	{"the index outlives its records", func(b *broken) {
		var mu sync.Mutex
		index := make(map[string][]string)
		b.create = func(ctx context.Context, r store.Record) error {
			err := b.plain.Create(ctx, r)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				index[r.Key] = slices.Clone(r.Labels)
			}
			return err
		}
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			if err := ctx.Err(); err != nil || limit < 1 {
				return nil, "", cmp.Or(err, errors.New("limit"))
			}
			mu.Lock()
			defer mu.Unlock()
			var page []store.Record
			for _, k := range slices.Sorted(maps.Keys(index)) {
				if k <= after || !slices.Contains(index[k], label) {
					continue
				}
				if len(page) == limit {
					return page, page[limit-1].Key, nil
				}
				r, _ := b.peek(k)
				r.Key = k
				page = append(page, r)
			}
			return page, "", nil
		}
	}, `List/SkipsTheSwept List/PagesHoldUnderWrites? Load/AllAtOnce? List/CursorOutlivesItsRecord`},
	{"List returns what it keeps", func(b *broken) {
		b.list = func(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
			rs, next, err := b.plain.List(ctx, label, after, limit)
			b.mu.Lock()
			defer b.mu.Unlock()
			for i, r := range rs {
				if own, ok := b.m[r.Key]; ok {
					rs[i] = own
				}
			}
			return rs, next, err
		}
	}, `List/ResultIsPrivate`},
}
