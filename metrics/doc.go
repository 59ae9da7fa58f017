// Package metrics is what the parts of Echoic count with: counters that many
// processors add to at once, histograms of durations, and a bounded table of what
// comes up most. Counting takes some nanoseconds and allocates nothing; reading
// takes a snapshot.
//
// Nothing here knows a monitoring system: packages metrics/prom and metrics/otel
// turn the numbers into metrics of theirs, and package console into a page.
package metrics
