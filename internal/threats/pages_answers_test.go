package threats_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/middleware"
)

// trick makes a request that a handler below answers in a way nobody else must see.
const trick = "X-Trick: evil"

func tricked(c echo.Context) bool { return c.Request().Header.Get("X-Trick") != "" }

func plainPage(c echo.Context) error { return c.HTML(http.StatusOK, "<p>the page") }

// onTrick is a handler that does something else for tricked requests.
func onTrick(do echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if tricked(c) {
			return do(c)
		}
		return plainPage(c)
	}
}

// failures are what handlers do when a request is too much for them. Each has begun
// to say "evil", or nothing.
func failures() map[string]echo.HandlerFunc {
	status := func(code int) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set("Cache-Control", "public, max-age=3600")
			return c.HTML(code, "evil")
		}
	}
	list := map[string]echo.HandlerFunc{
		"an error": func(echo.Context) error { return errors.New("evil") },
		"an error after half an answer": func(c echo.Context) error {
			_, _ = c.Response().Write([]byte("evil"))
			return errors.New("evil")
		},
		"an error after a flush": func(c echo.Context) error {
			_, _ = c.Response().Write([]byte("evil"))
			c.Response().Flush()
			return errors.New("evil")
		},
		"an error with a status": func(echo.Context) error { return echo.NewHTTPError(http.StatusNotFound, "evil") },
		"a panic":                func(echo.Context) error { panic("evil") },
		"a panic after half an answer": func(c echo.Context) error {
			_ = c.HTML(http.StatusOK, "evil")
			panic("evil")
		},
		"a panic after a flush": func(c echo.Context) error {
			_ = c.HTML(http.StatusOK, "evil")
			c.Response().Flush()
			panic("evil")
		},
		"an abort": func(c echo.Context) error {
			_ = c.HTML(http.StatusOK, "evil")
			panic(http.ErrAbortHandler)
		},
		"a length that is too long": func(c echo.Context) error {
			c.Response().Header().Set("Content-Length", "1000")
			return c.HTML(http.StatusOK, "evil")
		},
		"a length that is too short": func(c echo.Context) error {
			c.Response().Header().Set("Content-Length", "2")
			return c.HTML(http.StatusOK, "evil")
		},
		"a deadline": echomw.ContextTimeout(time.Millisecond)(func(c echo.Context) error {
			_, _ = c.Response().Write([]byte("evil"))
			<-c.Request().Context().Done()
			return c.Request().Context().Err()
		}),
		"nothing at all":    func(echo.Context) error { return nil },
		"an empty page":     func(c echo.Context) error { return c.HTML(http.StatusOK, "") },
		"a part":            func(c echo.Context) error { return c.HTML(http.StatusPartialContent, "evil") },
		"an unasked 304":    func(c echo.Context) error { return c.NoContent(http.StatusNotModified) },
		"a loop":            func(c echo.Context) error { return c.Redirect(http.StatusMovedPermanently, c.Request().RequestURI) },
		"a loop by port":    loop("http://good.test:80/page"),
		"a loop by case":    loop("http://GOOD.test/page"),
		"a loop by nothing": loop("#evil"),
		"a loop by dots":    loop("/x/../page"),
		"a loop by query":   loop("/page?utm_source=evil"),
		"events": func(c echo.Context) error {
			c.Response().Header().Set("Content-Type", "text/event-stream")
			_, err := c.Response().Write([]byte("data: evil\n\n"))
			return err
		},
		"a hijack": func(c echo.Context) error {
			conn, _, err := c.Response().Hijack()
			if err != nil {
				return err
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			return conn.Close()
		},
		"early hints": func(c echo.Context) error {
			c.Response().Header().Set("Link", "<evil>; rel=preload")
			c.Response().Writer.WriteHeader(http.StatusEarlyHints)
			c.Response().Header().Set("Set-Cookie", "evil=1")
			return c.HTML(http.StatusOK, "evil")
		},
		"a cookie in a trailer": func(c echo.Context) error {
			c.Response().Header().Set("Trailer", "Set-Cookie")
			err := c.HTML(http.StatusOK, "evil")
			c.Response().Header().Set("Set-Cookie", "evil=1")
			return err
		},
		"a cookie in a trailer that nobody announced": func(c echo.Context) error {
			c.Response().Header().Set(http.TrailerPrefix+"Set-Cookie", "evil=1")
			return c.HTML(http.StatusOK, "evil")
		},
		"a cookie that came late": func(c echo.Context) error {
			err := c.HTML(http.StatusOK, "evil")
			c.SetCookie(&http.Cookie{Name: "evil", Value: "1"})
			return err
		},
		"a page of two megabytes": func(c echo.Context) error { return c.HTML(http.StatusOK, strings.Repeat("evil", 1<<19)) },
	}
	for _, code := range []int{400, 401, 403, 405, 406, 408, 411, 413, 414, 415, 416, 417, 421, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 511} {
		list[fmt.Sprint("status ", code)] = status(code)
	}
	return list
}

func loop(location string) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "max-age=3600")
		return c.Redirect(http.StatusMovedPermanently, location)
	}
}

// Rules 1, 8 and 10: what went wrong for one request is not what the next one gets.
func TestFailuresOfOthers(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		for name, do := range failures() {
			t.Run(way+": "+name, func(t *testing.T) {
				t.Parallel()
				judge(t, sequence{attack: []string{req("GET /page", trick), req("HEAD /page", trick), req("GET /page", trick)}}, func() *pagesSite {
					return newPagesSite(t, way, func(s *pagesSite, cached echo.MiddlewareFunc) {
						s.echo.Use(echomw.Recover())
						s.echo.Any("/page", onTrick(do), cached)
					})
				})
			})
		}
	}
}

// forbidding are fields of an answer that may not be kept, however they are written.
var forbidding = []string{
	`Cache-Control: private=""`, `Cache-Control: PRIVATE`, `Cache-Control: private="x", public, max-age=60`, `Cache-Control: max-age=60,private`,
	`Cache-Control: max-age=60, ,, private`, "Cache-Control: \tno-store\t", `Cache-Control: no-store="x"`, `Cache-Control: no-store=0`,
	`Cache-Control: no-cache=""`, `Cache-Control: no-cache=x`, `Cache-Control: no-cache="a b"`, `Cache-Control: public; private`, `Cache-Control: no-store; max-age=60`,
	`Cache-Control: "no-store"`, `Cache-Control: max-age=60; no-cache`, `Cache-Control: 'private'`, "Cache-Control: \u00a0no-store", `Cache-Control: no-store max-age=60`, `Cache-Control: max-age=60 no-store`,
	`Cache-Control: max-age=-1`, `Cache-Control: max-age=1.5`, `Cache-Control: max-age=1e9`, `Cache-Control: max-age="60`, `Cache-Control: max-age=60, max-age=0`,
	`Cache-Control: s-maxage=0, max-age=60`, `Cache-Control: max-age=`, `Cache-Control: max-age`, `Cache-Control: max-age=0x10`, `Cache-Control: x="a, max-age=60", no-store`,
	`Cache-Control: x="a\", no-store`, `CDN-Cache-Control: no-store`, `CDN-Cache-Control: private, max-age=60`, `CDN-Cache-Control: max-age=60, ???, no-store`,
	`Pragma: no-cache`, `Expires: 0`, `Expires: -1`, `Expires: yesterday`, `Expires: Thu, 01 Jan 1970 00:00:00 GMT`, `Expires: Fri, 31 Dec 9999 23:59:59 GMT|Expires: 0`,
	`Cache-Control: max-age=60|Age: 61`, `Cache-Control: max-age=60|Age: 99999999999999999999`, `Cache-Control: max-age=60|Cache-Control: no-store`,
	`Vary: *`, `Vary: X-A, *`, `Vary: X-A|Vary: *`, `Vary: Cookie`, `Vary: cookie, x-a`, `Vary: X A`, "Vary: X-A;q=1", `Set-Cookie: evil=1`, `Set-Cookie:`, `Content-Encoding: gzip`,
	`Connection: Cache-Control|Cache-Control: private`, `Trailer: X-T`, "X-Evil: a\rb", "X-Evil: a\x00b", "X Evil: a", `Content-Range: bytes 0-1/2|Cache-Control: no-store`,
}

// Rule 1 and the promises about what is never stored: an answer to one request that
// says in some way that it is nobody else's.
func TestForbidden(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		for _, fields := range forbidding {
			t.Run(way+": "+fields, func(t *testing.T) {
				t.Parallel()
				judge(t, sequence{attack: []string{req("GET /page", trick)}}, func() *pagesSite {
					return newPagesSite(t, way, func(s *pagesSite, cached echo.MiddlewareFunc) {
						s.echo.GET("/page", onTrick(func(c echo.Context) error {
							for line := range strings.SplitSeq(fields, "|") {
								name, value, _ := strings.Cut(line, ":")
								h := c.Response().Header()
								name = http.CanonicalHeaderKey(name)
								h[name] = append(h[name], strings.TrimPrefix(value, " "))
							}
							return c.HTML(http.StatusOK, "evil")
						}), cached)
					})
				})
			})
		}
	}
}

// Routes by host: Echo compares them byte for byte, keys do not.
func TestHostsOfOneEcho(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"decorator", "site-wide", "handler", "handler and decorator"} {
		for _, host := range []string{"GOOD.test", "good.test.", "good.test:80", "good.test:443", "evil.test", "good.test:8080", "Evil.GOOD.test"} {
			t.Run(way+": "+host, func(t *testing.T) {
				t.Parallel()
				judge(t, sequence{attack: []string{"GET /page HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"}}, func() *pagesSite {
					return newPagesSite(t, way, func(s *pagesSite, cached echo.MiddlewareFunc) {
						s.echo.GET("/page", func(c echo.Context) error { return c.HTML(http.StatusOK, "evil") }, cached)
						s.echo.Host("good.test").GET("/page", plainPage, cached)
					})
				})
			})
		}
	}
}

// Middlewares of Echo that put something of the request into the answer.
func TestMiddlewaresThatReflect(t *testing.T) {
	t.Parallel()
	cors := func(creds bool, origins ...string) echo.MiddlewareFunc {
		return echomw.CORSWithConfig(echomw.CORSConfig{AllowOrigins: origins, AllowCredentials: creds})
	}
	for name, mw := range map[string]echo.MiddlewareFunc{
		"CORS of all":       cors(false),
		"CORS of two":       cors(true, "https://good.test", "https://evil.test"),
		"CORS of a pattern": cors(true, "https://*.test"),
		"request id":        echomw.RequestID(),
		"Secure":            echomw.Secure(),
		"Gzip":              echomw.GzipWithConfig(echomw.GzipConfig{MinLength: 1}),
		"BodyDump":          echomw.BodyDump(func(echo.Context, []byte, []byte) {}),
		"method override":   echomw.MethodOverride(),
		"override by query": echomw.MethodOverrideWithConfig(echomw.MethodOverrideConfig{Getter: echomw.MethodFromQuery("_method")}),
		"slash":             echomw.AddTrailingSlash(),
		"timeout":           echomw.ContextTimeout(time.Minute),
		"body limit":        echomw.BodyLimit("1K"),
		"Decompress":        echomw.Decompress(),
		"Basic":             echomw.BasicAuthWithConfig(echomw.BasicAuthConfig{Skipper: func(c echo.Context) bool { return c.Request().Header.Get("Authorization") == "" }, Validator: func(string, string, echo.Context) (bool, error) { return true, nil }}),
		"ETag":              middleware.ETag(),
		"Conditional":       middleware.Conditional(),
		"Cache-Control":     middleware.CacheControl("public", "max-age=60"),
		"NoCache":           middleware.NoCache(),
		"VaryOn":            middleware.VaryOn("X-Mode"),
		"VaryOnCookie":      middleware.VaryOnCookie("theme"),
	} {
		for _, way := range []string{"decorator", "handler"} {
			for _, place := range []string{"around", "inside", "before routing"} {
				t.Run(name+" "+place+": "+way, func(t *testing.T) {
					t.Parallel()
					attack := []string{
						req("GET /page", "Origin: https://evil.test", "X-Request-Id: evil", "Accept-Encoding: gzip", "Authorization: Basic ZXZpbDpldmls", "Cookie: theme=evil"),
						req("GET /page", "Origin: https://evil.test", "X-Request-Id: evil", "X-Forwarded-Proto: https"),
						req("GET /page", "Accept-Encoding: gzip;q=0"), req("GET /page", "Accept-Encoding: identity;q=0, *;q=0"), req("GET /page", "Accept-Encoding: gzip"),
						req("POST /page", "X-HTTP-Method-Override: GET", "Content-Length: 0"), req("POST /page?_method=GET", "Content-Length: 0"),
						"GET /page HTTP/1.1\r\nHost: good.test\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\nConnection: close\r\n\r\nevil",
						req("OPTIONS /page", "Origin: https://evil.test", "Access-Control-Request-Method: GET"), req("GET /page", "Cookie: theme=evil"),
					}
					for _, clean := range []string{req("GET /page"), req("GET /page", "Origin: https://good.test"), req("GET /page", "Accept-Encoding: gzip"), req("HEAD /page")} {
						judgeNoHits(t, sequence{attack: attack, clean: clean}, func() *pagesSite {
							return newPagesSite(t, way, func(s *pagesSite, cached echo.MiddlewareFunc) {
								s.echo.Use(echomw.Recover())
								chain := []echo.MiddlewareFunc{cached, mw}
								switch place {
								case "around":
									chain = []echo.MiddlewareFunc{mw, cached}
								case "before routing":
									s.echo.Pre(mw)
									chain = []echo.MiddlewareFunc{cached}
								}
								s.echo.Any("/page", plainPage, chain...)
								s.echo.Any("/page/", plainPage, chain...)
							})
						})
					}
				})
			}
		}
	}
}

// reflectOrigin is what applications write that want to be called from everywhere.
func reflectOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if origin := c.Request().Header.Get("Origin"); origin != "" {
			c.Response().Header().Set("Access-Control-Allow-Origin", origin)
			c.Response().Header().Set("Access-Control-Allow-Credentials", "true")
		}
		return next(c)
	}
}

// One site's leave to read a page is not what the next site gets.
func TestReflectedOrigins(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		judgeNoHits(t, sequence{attack: []string{req("GET /page", "Origin: https://evil.test"), req("GET /page", "Origin: null")}, clean: req("GET /page", "Origin: https://good.test")}, func() *pagesSite {
			return newPagesSite(t, way, func(s *pagesSite, cached echo.MiddlewareFunc) { s.echo.GET("/page", plainPage, cached, reflectOrigin) })
		})
	}
}

// judgeNoHits is judge where it does not matter when the page is kept.
func judgeNoHits(t *testing.T, seq sequence, newSite func() *pagesSite) {
	t.Helper()
	virgin, s := newSite(), newSite()
	for _, raw := range seq.attack {
		s.send(raw)
	}
	if rest, head := strings.CutPrefix(seq.clean, "HEAD"); head { // it is answered from what is kept for GET
		virgin.send("GET" + rest)
		s.send("GET" + rest)
	}
	for i := range 2 {
		if want, now := virgin.send(seq.clean), s.send(seq.clean); now.essence() != want.essence() {
			t.Fatalf("after the attack, clean request %d, %q, got\n%s\ninstead of\n%s", i+1, seq.clean, now.essence(), want.essence())
		}
	}
}
