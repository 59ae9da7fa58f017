// Package echoic is the caching and session toolkit for Echo v4, wired: [Open]
// takes a [Config], usually from the environment, and returns an [App] with
// named caches, a page cache, a fragment cache and a session manager on the
// backends that the configuration chooses. It is the only library package that
// imports drivers; each part works without it, too.
//
//	cfg, err := echoic.ConfigFromEnv()
//	…
//	app, err := echoic.Open(ctx, cfg)
//	…
//	defer app.Close()
//	e.Use(middleware.Sessions(app.Sessions))
//	e.GET("/", home, middleware.CachePage(app.Pages, 15*time.Minute))
package echoic
