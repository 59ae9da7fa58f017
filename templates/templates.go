// Package templates holds the HTML templates and static files of the example
// site and of the console. It has no code beyond the embedding: parsing and serving are the
// business of who uses them.
package templates

import "embed"

// App are the templates of the example site (app/*.html) and what its pages
// load (app/static).
//
//go:embed app
var App embed.FS

// Console are the templates of the console (console/*.html, console/pages) and what
// its pages load (console/static).
//
//go:embed console
var Console embed.FS
