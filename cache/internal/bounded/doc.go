// Package bounded has what every store inside the process needs around otter: a
// clock that both agree on, and two bounds, in bytes and in entries, made into the
// one that otter knows.
package bounded
