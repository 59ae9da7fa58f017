// Package proxy puts a page cache before an HTTP server: requests that the cache
// cannot answer go to the origin once, as they came, and its answers come back as
// it gave them.
package proxy
