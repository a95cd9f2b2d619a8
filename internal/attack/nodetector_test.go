//go:build !race

package attack

// slower is how many times as long things may take under the race detector.
const slower = 1
