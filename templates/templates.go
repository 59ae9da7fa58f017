// Package templates holds the HTML templates and static files of the example
// site. It has no code beyond the embedding: parsing and serving are the
// business of who uses them.
package templates

import "embed"

// App are the templates of the example site (app/*.html) and what its pages
// load (app/static).
//
//go:embed app
var App embed.FS
