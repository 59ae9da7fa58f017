// Package sim simulates how the toolkit's cache behaves when a site grows: many
// servers, many pages, a few of which get most of the requests. It counts what
// each request costs Redis, what the servers have to be told, and what they hold,
// beside a plain page cache in Redis that keeps nothing in the processes.
//
// It is a model, not a measurement: one event after the other, in virtual time,
// without network and without Redis. docs/growth.md says what is modelled and
// what is not. The same [Config] gives the same [Result].
package sim
