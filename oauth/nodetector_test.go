//go:build !race

package oauth_test

// raceEnabled is whether the race detector is on, which slows tests and makes them allocate.
const raceEnabled = false
