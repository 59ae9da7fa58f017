package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
)

// server is one of the programs that are compared.
type server struct {
	name  string
	build func() (http.Handler, error)
}

var servers = []server{
	{"echo", func() (http.Handler, error) { return echoWith(), nil }},
	{"echo+CachePage", func() (http.Handler, error) {
		pages, err := newPages()
		if err != nil {
			return nil, err
		}
		return echoWith(middleware.CachePage(pages, time.Hour)), nil
	}},
}

func names() []string {
	list := make([]string, len(servers))
	for i, s := range servers {
		list[i] = s.name
	}
	return list
}

func runServer(name, addr string) error {
	for _, s := range servers {
		if s.name == name {
			h, err := s.build()
			if err != nil {
				return err
			}
			return (&http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 10 * time.Second}).ListenAndServe()
		}
	}
	return fmt.Errorf("no server %q: known are %s", name, strings.Join(names(), ", "))
}

// echoWith is an Echo that writes 10 KB with their length.
func echoWith(mw ...echo.MiddlewareFunc) http.Handler {
	e := echo.New()
	page := []byte(strings.Repeat("0123456789", 1024))
	length := strconv.Itoa(len(page))
	e.GET("/", func(c echo.Context) error {
		c.Response().Header().Set("Content-Length", length)
		return c.Blob(http.StatusOK, "text/html; charset=utf-8", page)
	}, mw...)
	return e
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
	return pagecache.New(pagecache.Config{Cache: c})
}
