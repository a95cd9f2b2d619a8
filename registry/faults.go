package registry

import (
	"errors"
	"fmt"
)

// faults are all that is wrong with something, so that whoever wrote it is told once.
type faults []error

// add records err, if there is one, as a fault of the named member.
func (f *faults) add(member string, err error) {
	if err != nil {
		*f = append(*f, fmt.Errorf("%s: %w", member, err))
	}
}

// join returns the faults as one error, a line each that begins with prefix, or nil.
func (f faults) join(prefix string) error {
	errs := make([]error, len(f))
	for i, err := range f {
		errs[i] = fmt.Errorf("%s%w", prefix, err)
	}
	return errors.Join(errs...)
}
