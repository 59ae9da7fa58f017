package pagecache

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxSitemap is the longest sitemap that is read. sitemaps.org allows 50 MB; one of
// the pages that a warm-up takes is much shorter.
const maxSitemap = 16 << 20

// collecting keeps what a handler answers, up to a bound.
type collecting struct {
	discarding
	body bytes.Buffer
}

func (w *collecting) Write(b []byte) (int, error) {
	if _, err := w.discarding.Write(b); err != nil {
		return 0, err
	}
	if w.body.Len()+len(b) > maxSitemap {
		return 0, errors.New("the sitemap is too long")
	}
	return w.body.Write(b)
}

// sitemap lets the server answer with a sitemap and returns the pages of its host.
// Indexes are followed depth levels down.
func (w *warming) sitemap(ctx context.Context, rawURL string, depth int) ([]string, error) {
	answer := &collecting{discarding: discarding{header: make(http.Header)}}
	if err := w.get(ctx, rawURL, nil, answer); err != nil {
		return nil, err
	}
	if answer.status != http.StatusOK {
		return nil, fmt.Errorf("status %d", answer.status)
	}
	pages, indexed, err := parseSitemap(&answer.body)
	pages = sameHost(rawURL, pages)
	if depth == 0 || err != nil {
		return pages, err
	}
	for _, next := range sameHost(rawURL, indexed) {
		if len(pages) >= maxWarm {
			break
		}
		more, err := w.sitemap(ctx, next, depth-1)
		if pages = append(pages, more...); err != nil {
			return pages, fmt.Errorf("%s: %w", quoted(next), err)
		}
	}
	return pages, nil
}

// parseSitemap reads the locations of a sitemap or of an index. What is read before
// an error counts.
func parseSitemap(r io.Reader) (pages, indexed []string, err error) {
	in := xml.NewDecoder(r)
	var within []string
	for {
		token, err := in.Token()
		if err == io.EOF {
			return pages, indexed, nil
		}
		if err != nil {
			return pages, indexed, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if within = append(within, t.Name.Local); len(within) > 8 {
				return pages, indexed, errors.New("too deep to be a sitemap")
			}
		case xml.EndElement:
			within = within[:len(within)-1]
		case xml.CharData:
			loc := strings.TrimSpace(string(t))
			if len(within) != 3 || within[2] != "loc" || loc == "" || len(pages)+len(indexed) >= maxWarm {
				continue
			}
			switch within[1] {
			case "url":
				pages = append(pages, loc)
			case "sitemap":
				indexed = append(indexed, loc)
			}
		}
	}
}

// sameHost leaves out what is not on the host of base.
func sameHost(base string, list []string) (same []string) {
	own, err := url.Parse(base)
	if err != nil {
		return nil
	}
	for _, raw := range list {
		if u, err := url.Parse(raw); err == nil && u.Scheme == own.Scheme && hostOf(u.Host, u.Scheme) == hostOf(own.Host, own.Scheme) {
			same = append(same, raw)
		}
	}
	return same
}
