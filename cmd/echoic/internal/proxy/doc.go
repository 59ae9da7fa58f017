// Package proxy puts a page cache before an HTTP server: requests that the cache
// cannot answer go to the origin once, as they came, and its answers come back as
// it gave them.
//
// What is added: Cache-Status and Age to answers, Via to requests, and unless
// Config.Forwarded is off, X-Forwarded-For, -Host and -Proto. CONNECT is refused.
// See package pagecache for what is never kept.
package proxy
