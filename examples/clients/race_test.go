//go:build race

package clients_test

// raceEnabled says that the server is to be built with the race detector, as this test was.
const raceEnabled = true
