// Package standards holds what the RFCs ask of this library against the tests that prove it.
//
// checklist.md has the requirements, each with an id such as R6749-3.1.2-1. A test names those that it proves
// by a comment line of ids and nothing else, in its doc comment or right above one of its subtests, rows or
// checks; a case in a JSON file under testdata by a member "requirements", a list of ids. reasons.md says of the others why
// no test can prove them. STANDARDS.md is the table of all three:
//
//	go test ./internal/standards -update
//
// # Design
//
// The test fails on an id that does not exist, on a requirement with neither a test nor a reason, on a reason
// that is not needed, on a core MUST that is not built, and on a table that is out of date. Whether a test
// really fails when its requirement is broken is for its reader to judge: an id stands where the sentence of
// the requirement and the assertion can be read together. A list of test names beside the requirements was
// rejected, because a test that is renamed or changed would not take its ids along.
package standards
