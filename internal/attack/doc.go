// Package attack holds the attacks that this library is to withstand, each as a test that carries its number in
// catalogue.md:
//
//	go test ./... -run A124
//
// # Design
//
// A case is data, in a file of testdata for each surface: what is in order, one fault put into it, and the outcome
// that is wanted. A runner does the rest for all cases alike. A request goes to a server over HTTP, and for one that is
// refused the runner checks that nothing was created, changed or spent, that exactly one event tells of it, that the
// answer has the headers of its kind, that no secret of this world is in any answer, event or log line, and that what
// was attacked still works afterwards. A token (jose_cases.json, guard_cases.json) is signed with its fault and shown
// to every verifier, or to an API that needs a scope. A manifest (registry_cases.json) is created and proposed, and a
// URI (fetch_cases.json) is fetched as an app's would be.
//
// Lines that need a race, a clock, a crash, a second server or a key of their own are written out as tests: most of
// those about faults of the store, and about keys and operations.
//
// Every line of the catalogue has a test, here or in another package, or a reason in testdata/waived.json: a test
// holds the three to each other. The rejected choice, a table in each package beside what it tests, left nobody
// able to say which attacks are missing.
package attack
