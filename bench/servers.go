package main

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"
	fibercache "github.com/gofiber/fiber/v3/middleware/cache"
	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
)

// server is one of the programs that are compared: ours, or nginx before one of
// ours.
type server struct {
	name  string
	run   func(addr string) error
	nginx *nginxConfig
}

// What the others are compared with.
const (
	nameHTTP = "net/http"
	nameEcho = "Echo"
)

var servers = []server{
	{name: nameHTTP, run: serve(plainHandler(true))},
	{name: "net/http without Content-Length", run: serve(plainHandler(false))},
	{name: nameEcho, run: serve(echoWith(true))},
	{name: "Echo without Content-Length", run: serve(echoWith(false))},
	{name: "Echoic handler", run: cachedHandler},
	{name: "Echoic CachePage on Echo", run: cachedEcho},
	{name: "Fiber v3 cache", run: fiberServer},
	{name: "nginx proxy_cache", nginx: &nginxConfig{upstream: nameHTTP}},
	{name: "nginx proxy_cache, gzip on", nginx: &nginxConfig{upstream: nameHTTP, gzip: true}},
	{name: "nginx proxy_cache, gzipped upstream", nginx: &nginxConfig{upstream: "gzipping origin"}},
}

// origins run behind nginx only.
var origins = []server{{name: "gzipping origin", run: serve(http.HandlerFunc(gzipping))}}

func runServer(name, addr string) error {
	for _, s := range append(origins, servers...) {
		if s.name == name && s.run != nil {
			return s.run(addr)
		}
	}
	return fmt.Errorf("no server %q", name)
}

func serve(h http.Handler) func(addr string) error {
	return func(addr string) error {
		return (&http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 10 * time.Second}).ListenAndServe()
	}
}

// pages are texts of 1, 10 and 100 KB, under /1, /10 and /100. They are as
// monotonous as markup is: gzip makes about a fifth of them.
var pages = func() map[string][]byte {
	m := make(map[string][]byte)
	for _, kb := range allSizes {
		var b strings.Builder
		for i := 0; b.Len() < kb<<10; i++ {
			fmt.Fprintf(&b, "<article id=\"q%d\"><h2>Quotation %x</h2><p>%d</p></article>\n", i, i*2654435761, i*i)
		}
		m["/"+strconv.Itoa(kb)] = []byte(b.String()[:kb<<10])
	}
	return m
}()

const contentType = "text/html; charset=utf-8"

func plainHandler(length bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := pages[r.URL.Path]
		w.Header().Set("Content-Type", contentType)
		if length {
			w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		}
		_, _ = w.Write(page)
	})
}

func gzipping(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_, _ = w.Write(pages[r.URL.Path])
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	zw := gzip.NewWriter(w)
	_, _ = zw.Write(pages[r.URL.Path])
	_ = zw.Close()
}

func echoWith(length bool, mw ...echo.MiddlewareFunc) http.Handler {
	e := echo.New()
	e.GET("/:size", func(c echo.Context) error {
		page := pages[c.Request().URL.Path]
		if length {
			c.Response().Header().Set("Content-Length", strconv.Itoa(len(page)))
		}
		return c.Blob(http.StatusOK, contentType, page)
	}, mw...)
	return e
}

func cachedHandler(addr string) error {
	p, err := newPages()
	if err != nil {
		return err
	}
	return serve(p.Handler(plainHandler(true)))(addr)
}

func cachedEcho(addr string) error {
	p, err := newPages()
	if err != nil {
		return err
	}
	return serve(echoWith(true, middleware.CachePage(p, time.Hour)))(addr)
}

func newPages() (*pagecache.Pages, error) {
	store, err := memory.New(memory.Config{})
	if err != nil {
		return nil, err
	}
	c, err := cache.New(cache.Config{Store: store, IgnoreErrors: true})
	if err != nil {
		return nil, err
	}
	return pagecache.New(pagecache.Config{Cache: c, TTL: time.Hour})
}

// fiberServer is Fiber with its cache, in memory.
func fiberServer(addr string) error {
	app := fiber.New()
	app.Use(fibercache.New(fibercache.Config{Expiration: time.Hour, MaxBytes: 64 << 20}))
	app.Get("/:size", func(c fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, contentType)
		return c.Send(pages[c.Path()])
	})
	return app.Listen(addr, fiber.ListenConfig{DisableStartupMessage: true})
}
