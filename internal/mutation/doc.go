// Package mutation shows that the tests would notice if a decision about security were weakened. It holds tests
// only.
//
// weakenings.txt has the weakenings: single lines in which a check is taken out or turned round, or a bound
// widened. Each is applied in turn, and the tests of the file's own package have to fail:
//
//	go test ./internal/mutation                                    # each still applies, compiles, and is in REPORT.md
//	go test ./internal/mutation -v -apply -timeout 3h                    # each is caught
//	go test ./internal/mutation -v -apply -run 'TestEachIsCaught/^token$'   # those whose names begin with token/
//
// REPORT.md says which test caught each; a run writes the rows of what it applied.
//
// # Design
//
// The weakenings are written by hand. A generator of mutants makes thousands, most of which weaken nothing or
// change nothing, and hides the few that survive among them; here each has a sentence that says what it gives
// away, and none may survive. One that changes nothing that can be seen is not listed: the list is of what an
// attacker would gain by.
//
// A weakening is a part of one line that is in its file once, and what takes its place. So it survives edits
// around it, and one that no longer fits fails the ordinary run at once, with no tests run. The tree is never
// touched: the go command reads the changed file through an overlay.
//
// Only the package's own tests count, though others would often notice too: who changes the package runs those.
// Caught means that a test failed or panicked. A build that fails is a fault of the list, and running out of time
// says nothing.
package mutation
