package storetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"

	"github.com/oauthcore/oauthcore/store"
)

var valueMutants = []mutant{
	{"versions have 31 bits", func(b *broken) {
		b.writes(func(r *store.Record) { r.Version &= 1<<31 - 1 })
	}, `Create/VersionIsTheCallers Swap/FutureVersionConflicts Swap/CreatedAgainIsAnother Record/VersionHas53Bits Load/AllAtOnce?`},
	{"versions are 32-bit floats", func(b *broken) {
		b.writes(func(r *store.Record) { r.Version = int64(float32(r.Version)) })
	}, `Create/VersionIsTheCallers Record/VersionHas53Bits Load/AllAtOnce?`},
	{"times have 31 bits", func(b *broken) {
		b.writes(func(r *store.Record) { r.Expires = min(r.Expires, 1<<31-1) })
	}, `Create/IsRead Get/HasNoEffect Swap/AddsOne Expires/Exact Context/DoneBeforeTheCall`},
	{"keys fold case", func(b *broken) { b.keys(strings.ToLower) }, `List/BytewiseOrder Key/CaseMatters Key/LongestIsKept Key/NotNumbers`},
	{"keys are cut at 127 bytes", func(b *broken) {
		b.keys(func(k string) string { return k[:min(len(k), 127)] })
	}, `Key/LongestIsKept`},
	{"keys are cut at 14 bytes", func(b *broken) {
		b.keys(func(k string) string { return k[:min(len(k), 14)] })
	}, `Create/KeysAreApart Key/LongestIsKept`},
	{"keys are paths", func(b *broken) {
		b.keys(func(k string) string { return strings.ReplaceAll(strings.TrimSuffix(k, "/"), "./", "") })
	}, `List/BytewiseOrder Key/PunctuationIsLiteral`},
	{"keys are numbers where they look it", func(b *broken) {
		b.keys(func(k string) string {
			if t := strings.TrimLeft(k, "0"); t != "" && strings.Trim(t, "0123456789") == "" {
				return t
			}
			return k
		})
	}, `Key/NotNumbers`},
	{"values are C strings", func(b *broken) {
		b.values(func(v []byte) []byte { v, _, _ = bytes.Cut(v, []byte{0}); return v })
	}, `Value/EveryByte Value/NUL Value/InvalidUTF8 Value/Longest`},
	{"values are UTF-8", func(b *broken) {
		b.values(func(v []byte) []byte { return bytes.ToValidUTF8(v, []byte("?")) })
	}, `Value/EveryByte Value/InvalidUTF8 Value/Longest`},
	{"values lose spaces at the end", func(b *broken) {
		b.values(func(v []byte) []byte { return bytes.TrimRight(v, " \t\r\n") })
	}, `Value/SpacesStay Load/AllAtOnce?`},
	{"values are normalised", func(b *broken) {
		b.values(func(v []byte) []byte { return bytes.ReplaceAll(v, []byte("e\u0301"), []byte("\u00e9")) })
	}, `Value/NotNormalised`},
	{"values are JSON where they look it", func(b *broken) {
		b.values(func(v []byte) []byte {
			var x map[string]any
			if json.Unmarshal(v, &x) == nil && x != nil {
				v, _ = json.Marshal(x)
			}
			return v
		})
	}, `Value/JSONStays`},
	{"values end at 65535 bytes", func(b *broken) {
		b.values(func(v []byte) []byte { return v[:min(len(v), 65535)] })
	}, `Value/Longest`},
	{"an empty value is refused", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			if len(r.Value) == 0 {
				return errors.New("value is null")
			}
			return b.plain.Create(ctx, r)
		}
	}, `Value/NilAndEmpty`},
	{"what is too long ends the goroutine", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			if len(r.Value) > 64<<10 {
				runtime.Goexit()
			}
			return b.plain.Create(ctx, r)
		}
	}, `Record/BeyondTheLimits Errors/HoldNoValue`},
	{"what is too long is cut", func(b *broken) {
		b.create = func(ctx context.Context, r store.Record) error {
			r.Value = r.Value[:min(len(r.Value), 64<<10)]
			return b.plain.Create(ctx, r)
		}
	}, `Record/BeyondTheLimits`},
}
