// Package middleware joins Echoic to Echo v4: decorators and middlewares, each
// a few lines over the packages that do the work. It is the only package below
// the wiring that knows Echo, and it brings no database or Redis driver along.
//
//	e := echo.New()
//	e.Use(middleware.Sessions(sessions))
//	e.GET("/quotes/:id", showQuote, middleware.CachePage(pages, 15*time.Minute))
package middleware
