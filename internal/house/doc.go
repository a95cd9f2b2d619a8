// Package house holds the rules of this repository as tests: which way imports run, what the root
// module depends on, what packages may not do, what they export, and that the README is true. It has no
// code of its own.
//
// # Design
//
// The rules are Go tests rather than scripts, so that they fail where all else fails, with a line that
// says what to do. They look at the tree as the go command sees it and need no tool beside it. A rule with
// an exception keeps the exception in its own table, with the reason.
package house
