// Package audit asks Redis and Postgres about themselves, and says what of the
// answers endangers an application: its visitors' data, its sessions, or its
// speed. It changes nothing on the servers.
//
// [Redis] and [Postgres] connect, collect, and return what they found as facts
// for people and findings for programs. Collecting is separate from judging:
// what a server says is a value, and every rule is a function of it.
//
// A server that forbids a question (managed ones forbid CONFIG) is not a failed
// one: the rules that need the answer say that they could not be checked.
package audit
