package threats_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// Requests that somebody makes up so that others get another page than theirs.
// pagecache.TestAttacks has the plain ones.
func requestSequences() []sequence {
	big := strings.Repeat("a", 100_000)
	return []sequence{
		{"host in capitals", []string{"GET /page HTTP/1.1\r\nHost: GOOD.test\r\nConnection: close\r\n\r\n"}, ""},
		{"host with the default port", []string{"GET /page HTTP/1.1\r\nHost: good.test:80\r\nConnection: close\r\n\r\n"}, ""},
		{"host with a dot at its end", []string{"GET /page HTTP/1.1\r\nHost: good.test.\r\nConnection: close\r\n\r\n"}, ""},
		{"host with an empty port", []string{"GET /page HTTP/1.1\r\nHost: good.test:\r\nConnection: close\r\n\r\n"}, ""},
		{"host with dot and port", []string{"GET /page HTTP/1.1\r\nHost: good.test.:80\r\nConnection: close\r\n\r\n"}, ""},
		{"host with zeros before the port", []string{"GET /page HTTP/1.1\r\nHost: good.test:0080\r\nConnection: close\r\n\r\n"}, ""},
		{"two hosts", []string{"GET /page HTTP/1.1\r\nHost: good.test\r\nHost: evil.test\r\nConnection: close\r\n\r\n"}, ""},
		{"host with user", []string{"GET /page HTTP/1.1\r\nHost: evil@good.test\r\nConnection: close\r\n\r\n"}, ""},
		{"host with a path", []string{"GET /page HTTP/1.1\r\nHost: good.test/page?\r\nConnection: close\r\n\r\n"}, ""},
		{"no host, HTTP/1.0", []string{"GET /page HTTP/1.0\r\nX-Forwarded-Host: good.test\r\n\r\n"}, ""},
		{"absolute target, same host", []string{req("GET http://good.test/page")}, ""},
		{"absolute target, https", []string{req("GET https://good.test/page")}, ""},
		{"absolute target, other scheme", []string{req("GET evil://good.test/page")}, ""},
		{"absolute target with user", []string{req("GET http://evil:evil@good.test/page")}, ""},
		{"absolute target in capitals", []string{req("GET HTTP://GOOD.TEST/page")}, ""},
		{"absolute target, other Host", []string{"GET http://good.test/page HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n"}, ""},
		{"raw angle brackets in the path", []string{req("GET /at/<evil>")}, req("GET /at/%3Cevil%3E")},
		{"raw quote in the path", []string{req(`GET /at/"evil`)}, req("GET /at/%22evil")},
		{"raw bytes in the path", []string{req("GET /at/\xc3\xa9")}, req("GET /at/%C3%A9")},
		{"raw bar and braces in the path", []string{req("GET /at/{a|b}^`")}, req("GET /at/%7Ba%7Cb%7D%5E%60")},
		{"coded letter in the path", []string{req("GET /p%61ge")}, ""},
		{"lower-case escapes", []string{req("GET /at/%c3%a9")}, req("GET /at/%C3%A9")},
		{"fragment", []string{req("GET /page#evil")}, ""},
		{"coded space at the end", []string{req("GET /page%20")}, ""},
		{"coded tab at the end", []string{req("GET /page%09")}, ""},
		{"path parameters", []string{req("GET /page;evil=1")}, ""},
		{"slash at the end", []string{req("GET /page/")}, ""},
		{"dots after the page", []string{req("GET /page/../page")}, ""},
		{"coded slash and dots", []string{req("GET /page%2f..%2fpage")}, ""},
		{"coded percent", []string{req("GET /%2570age")}, ""},
		{"overlong UTF-8", []string{req("GET /at/%c0%af")}, req("GET /at/%2F")},
		{"empty question", []string{req("GET /page?")}, ""},
		{"only ampersands", []string{req("GET /page?&&&")}, ""},
		{"ampersands around", []string{req("GET /page?&q=1&&")}, req("GET /page?q=1")},
		{"ampersands around an ignored parameter", []string{req("GET /page?utm_source=evil&&q=1&")}, req("GET /page?q=1")},
		{"ignored parameter alone, then a question mark", []string{req("GET /page?utm_source=evil?evil")}, ""},
		{"ignored parameter in capitals", []string{req("GET /page?UTM_SOURCE=evil")}, ""},
		{"ignored parameter hidden by a coded ampersand", []string{req("GET /page?utm_source=1%26q=evil")}, ""},
		{"ignored parameter with a coded underscore", []string{req("GET /page?utm%5fsource=evil")}, ""},
		{"ignored parameter with a plus", []string{req("GET /page?utm_+=evil")}, ""},
		{"another value in front", []string{req("GET /page?q=evil&q=1")}, req("GET /page?q=1")},
		{"another value behind", []string{req("GET /page?q=1&q=evil")}, req("GET /page?q=1")},
		{"name with brackets", []string{req("GET /page?q[]=evil")}, req("GET /page?q=1")},
		{"name in another case", []string{req("GET /page?Q=evil&q=1")}, req("GET /page?q=1")},
		{"parameter without a value", []string{req("GET /page?q")}, req("GET /page?q=")},
		{"raw NUL-like escapes in the query", []string{req("GET /page?q=1%00evil")}, req("GET /page?q=1")},
		{"semicolons for ampersands", []string{req("GET /page?q=1;q=evil")}, req("GET /page?q=1")},
		{"method parameter", []string{req("GET /page?_method=EVIL")}, ""},
		{"HEAD first", []string{req("HEAD /page")}, ""},
		{"HEAD with a query", []string{req("HEAD /page?q=evil")}, ""},
		{"HEAD with override", []string{req("HEAD /page", "X-HTTP-Method-Override: GET")}, ""},
		{"POST with override", []string{req("POST /page", "X-HTTP-Method-Override: GET", "Content-Length: 0")}, ""},
		{"POST with a form", []string{"POST /page HTTP/1.1\r\nHost: good.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\nConnection: close\r\n\r\nq=evil"}, ""},
		{"lower-case get", []string{req("get /page", "X-Forwarded-Host: evil")}, ""},
		{"unknown method", []string{req("EVIL /page")}, ""},
		{"TRACE", []string{req("TRACE /page")}, ""},
		{"OPTIONS *", []string{req("OPTIONS *")}, ""},
		{"OPTIONS of the page", []string{req("OPTIONS /page")}, ""},
		{"CONNECT", []string{"CONNECT good.test:80 HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n"}, ""},
		{"preface of HTTP/2", []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, ""},
		{"upgrade to h2c", []string{req("GET /page?q=evil", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")}, ""},
		{"Connection: upgrade alone", []string{req("GET /page", "Connection: upgrade")}, ""},
		{"Expect", []string{req("GET /page", "Expect: 100-continue")}, ""},
		{"Expect of something else", []string{req("GET /page", "Expect: evil")}, ""},
		{"JSON body that overrides the query", []string{"GET /page?q=1 HTTP/1.1\r\nHost: good.test\r\nContent-Type: application/json\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{\"q\":\"evil\"}"}, req("GET /page?q=1")},
		{"chunked body that overrides the query", []string{"GET /page?q=1 HTTP/1.1\r\nHost: good.test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nc;ext=evil\r\n{\"q\":\"evil\"}\r\n0\r\nX-T: evil\r\n\r\n"}, req("GET /page?q=1")},
		{"a second request in the body", []string{"GET /page HTTP/1.1\r\nHost: good.test\r\nContent-Length: 61\r\n\r\nGET /page?q=evil HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n"}, ""},
		{"two lengths", []string{"GET /page HTTP/1.1\r\nHost: good.test\r\nContent-Length: 0\r\nContent-Length: 5\r\nConnection: close\r\n\r\nevil!"}, ""},
		{"folded field", []string{req("GET /page", "X-Forwarded-Host:", " evil")}, ""},
		{"pipelined", []string{"GET /page HTTP/1.1\r\nHost: good.test\r\nX-Forwarded-Host: evil\r\n\r\nGET /page HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n"}, ""},
		{"a range", []string{req("GET /page", "Range: bytes=0-1")}, ""},
		{"a range beyond the end", []string{req("GET /page", "Range: bytes=99999999-")}, ""},
		{"many ranges", []string{req("GET /page", "Range: bytes="+strings.TrimSuffix(strings.Repeat("0-,", 200), ","))}, ""},
		{"a range that overflows", []string{req("GET /page", "Range: bytes=0-99999999999999999999")}, ""},
		{"suffix of nothing", []string{req("GET /page", "Range: bytes=-0")}, ""},
		{"a range of another unit", []string{req("GET /page", "Range: evil=0-1")}, ""},
		{"If-Range with a weak tag", []string{req("GET /page", "Range: bytes=0-1", `If-Range: W/"evil"`)}, ""},
		{"If-Range with a date", []string{req("GET /page", "Range: bytes=0-1", "If-Range: Mon, 02 Jan 2090 15:04:05 GMT")}, ""},
		{"If-None-Match: *", []string{req("GET /page", "If-None-Match: *")}, ""},
		{"If-Match: *", []string{req("GET /page", "If-Match: *")}, ""},
		{"a list of tags", []string{req("GET /page", `If-None-Match: "a", W/"b",,"c`)}, ""},
		{"a date to come", []string{req("GET /page", "If-Modified-Since: Fri, 31 Dec 2199 23:59:59 GMT")}, ""},
		{"unmodified since long", []string{req("GET /page", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT")}, ""},
		{"request no-store", []string{req("GET /page", "Cache-Control: no-store")}, ""},
		{"request only-if-cached", []string{req("GET /page", "Cache-Control: only-if-cached")}, ""},
		{"Authorization", []string{req("GET /page", "Authorization: Basic ZXZpbDpldmls")}, ""},
		{"empty Authorization", []string{req("GET /page", "Authorization:")}, ""},
		{"Proxy-Authorization", []string{req("GET /page", "Proxy-Authorization: Basic evil")}, ""},
		{"a cookie of somebody's", []string{req("GET /page", "Cookie: id=evil; $Version=1; a=\"b; session2=evil\"")}, ""},
		{"cookies in many lines", []string{req("GET /page", "Cookie: a=evil", "Cookie: b=evil", "Cookie: ;;=;evil")}, ""},
		{"a cookie that cannot be read", []string{req("GET /page", "Cookie: theme=\"ev\"il\xff, evil")}, ""},
		{"a parameter in Accept-Language", []string{req("GET /page", "Accept-Language: de;evil")}, req("GET /page", "Accept-Language: de")},
		{"a parameter with a value in Accept-Language", []string{req("GET /page", "Accept-Language: de;evil=1")}, req("GET /page", "Accept-Language: de")},
		{"a quality that is none", []string{req("GET /page", "Accept-Language: de;q=evil")}, req("GET /page", "Accept-Language: de;q=0")},
		{"a quality beyond one", []string{req("GET /page", "Accept-Language: de;q=7")}, req("GET /page", "Accept-Language: de;q=0")},
		{"order of languages of one quality", []string{req("GET /page", "Accept-Language: fr,de")}, req("GET /page", "Accept-Language: de,fr")},
		{"empty Vary field", []string{req("GET /page", "X-Mode:")}, ""},
		{"Vary field in two lines", []string{req("GET /page", "X-Mode: a", "X-Mode: b")}, req("GET /page", "X-Mode: a, b")},
		{"Vary field in another case", []string{req("GET /page", "x-MODE: EVIL")}, req("GET /page", "X-Mode: evil")},
		{"Connection names the Vary field", []string{req("GET /page", "Connection: X-Mode", "X-Mode: evil")}, req("GET /page", "X-Mode: evil")},
		{"a long field", []string{req("GET /page", "X-Forwarded-Host: "+big)}, ""},
		{"a long cookie", []string{req("GET /page", "Cookie: a="+big)}, ""},
		{"many fields", []string{req("GET /page", strings.Split(strings.TrimSuffix(strings.Repeat("X-Forwarded-For: evil|", 5000), "|"), "|")...)}, ""},
		{"too long a header", []string{req("GET /page", "X-Forwarded-Host: "+strings.Repeat(big, 12))}, ""},
		{"too long a target", []string{req("GET /page?q=" + strings.Repeat(big, 12))}, ""},
	}
}

// steering are fields by which proxies, frameworks and attackers tell an
// application what it was asked for.
var steering = []string{
	"X-Forwarded: host=evil", "X-Forwarded-By: evil", "X-Forwarded-Path: /evil", "X-Forwarded-Uri: /evil", "X-Forwarded-Method: EVIL", "X-Forwarded-Protocol: evil",
	"X-Forwarded-Ssl: on", "X-Forwarded-User: evil", "X-Forwarded-Email: evil", "X-Forwarded-Client-Cert: evil", "X-Forwarded-Host-Original: evil", "X-Forwarded-Tlsversion: evil",
	"X-Forwarded-PathPrefix: /evil", "X-Original-Host: evil", "X-Original-Uri: /evil", "X-Original-Forwarded-For: evil", "X-Original-Method: EVIL", "X-Original-Url: /evil",
	"X-Rewrite-Url: /evil", "X-Http-Host-Override: evil", "X-Host-Override: evil", "X-Cluster-Client-Ip: evil", "Cf-Connecting-Ip: evil", "Fastly-Client-Ip: evil",
	"X-Appengine-User-Ip: evil", "X-Azure-ClientIP: evil", "X-Originating-Ip: evil", "X-Remote-Ip: evil", "X-Remote-Addr: evil", "X-Backend-Host: evil",
	"X-Proxyuser-Ip: evil", "X-Script-Name: /evil", "X-Envoy-Original-Path: /evil", "X-Envoy-External-Address: evil", "Client-Ip: evil", "X-Scheme: evil",
	"Base-Url: evil", "X-Base-Url: evil", "Proxy-Host: evil",
}

// Rules 4 to 7: a made-up request, then a clean one, for every way of putting the
// cache before an application.
func TestMadeUpRequests(t *testing.T) {
	t.Parallel()
	list := requestSequences()
	for _, field := range steering {
		list = append(list, sequence{"field " + field, []string{req("GET /page", field)}, ""})
	}
	for _, way := range ways {
		for _, seq := range list {
			t.Run(fmt.Sprint(way, ": ", seq.name), func(t *testing.T) {
				t.Parallel()
				judge(t, seq, func() *pagesSite {
					return newPagesSite(t, way, func(s *pagesSite, cached echo.MiddlewareFunc) {
						s.echo.Any("/page", mirrorPage, cached)
						s.echo.Any("/at/*", mirrorPage, cached)
					})
				})
			})
		}
	}
}
