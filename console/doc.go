// Package console is the page on which operators watch an application's caches and
// sessions, and purge: a handler of net/http for any path. It shows what a [Source]
// knows; package echoic (the root) makes one of an App, and serves the same types
// as JSON to the command line.
//
//	page, err := app.Console(console.Config{Authorize: onlyAdmins})
//	e.Any(page.Path()+"*", echo.WrapHandler(page))
//
// It is off unless mounted, and does not start without an authoriser. Reading works
// without JavaScript.
package console
