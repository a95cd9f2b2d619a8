// Package soak runs a server at full speed under mixed traffic, for as long as asked, and looks at what stays
// behind: memory, goroutines, records. It holds tests only.
//
//	go test ./internal/soak                                  # some seconds
//	OAUTHCORE_SOAK=30m go test -v -timeout 40m ./internal/soak   # the whole
//
// # Design
//
// The server's clock runs 1,200 times as fast as ours, so that everything it issues has expired many times over
// by the end, and the sweep has had to keep up. What expires is swept while the traffic goes on, as a host does.
// One call of the store in some hundreds fails, before its effect or after it: there may be no more answers of 503
// than such faults, and none of 500.
package soak
