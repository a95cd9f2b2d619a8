package platform

import (
	"errors"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
)

// ErrStale means that what was to be changed is not what the caller has seen. The other errors are those of
// package registry, an [*Invalid], and of [Platform.Once]; any else means that the store gave no answer.
var ErrStale = errors.New("platform: changed since it was read")

// Invalid says what is wrong with what the caller sent.
type Invalid struct {
	Faults []string // one each, beginning with the name of the member
}

func (e *Invalid) Error() string { return "platform: " + strings.Join(e.Faults, "; ") }

// invalid makes an Invalid of an error of the registry, which has one fault on each line.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	var faults []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		faults = append(faults, strings.TrimPrefix(line, "registry: "))
	}
	return &Invalid{faults}
}

// refused returns an error of a registry's transition: as it is if it is about actor or state, else as what
// is wrong with what the caller sent. Transitions do no I/O, so nothing else is left.
func refused(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{registry.ErrForbidden, registry.ErrState, registry.ErrNotFound} {
		if errors.Is(err, known) {
			return err
		}
	}
	if _, ok := errors.AsType[*Invalid](err); ok {
		return err
	}
	return invalid(err)
}

// checkCursor refuses what no list has given out: a key of records of that kind. Longer ones would be none
// of a store's any more.
func checkCursor(after string, kinds ...string) error {
	if after == "" {
		return nil
	}
	mine := slices.ContainsFunc(kinds, func(k string) bool { return strings.HasPrefix(after, k) })
	if !mine || len(after) > 100 || (store.Record{Key: after, Version: 1}).Check() != nil {
		return &Invalid{[]string{"cursor: not one that was given out"}}
	}
	return nil
}
