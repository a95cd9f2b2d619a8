package storetest

import (
	"errors"
	"sync"
)

// rounds is how often a race is run. A real fault may show in two rounds of ten.
const rounds = 20

// race runs f in n goroutines that start together, and returns what each returned.
func (c *tester) race(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-start
			errs[i] = f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return errs
}

// winner fails the case unless exactly one of errs is nil and the others are lost, and returns which.
func (c *tester) winner(call string, errs []error, lost error) int {
	c.Helper()
	won := -1
	for i, err := range errs {
		switch {
		case err == nil && won < 0:
			won = i
		case err == nil:
			c.Fatalf("%s by %d at once: two succeeded, want one", call, len(errs))
		case !errors.Is(err, lost):
			c.Fatalf("%s by %d at once: one loser got %v, want %v", call, len(errs), err, lost)
		}
	}
	if won < 0 {
		c.Fatalf("%s by %d at once: none succeeded, want one", call, len(errs))
	}
	return won
}

// chains runs f for 0 to n-1 in 16 goroutines, each for its share in order, and fails the case if one returns
// an error.
func (c *tester) chains(n int, f func(i int) error) {
	c.Helper()
	const by = 16
	for _, err := range c.race(by, func(w int) error {
		for i := w; i < n; i += by {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			c.Errorf("%v", err)
		}
	}
}
