package fragment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"regexp"
	"sync"

	"github.com/echoic-go/echoic/cache"
)

// source is where the template sets of a Renderer come from, for development:
// before a render it looks whether the files are other than those that were
// loaded. Contents are compared, not times: a few small files are read in less
// time than a page takes, and nothing has to run in the background.
type source struct {
	fsys fs.FS
	cfg  ParseConfig

	mu     sync.Mutex
	seen   [sha256.Size]byte
	broken error // what is wrong with the files as they were seen
}

// refresh loads the files if they have changed. The error says what is wrong
// with them; then the last good sets are still there.
func (s *source) refresh(load func(...*template.Template) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := s.stamp()
	if err != nil {
		s.seen, s.broken = now, err
		return err
	}
	if now == s.seen {
		return s.broken
	}
	sets, err := Parse(s.fsys, s.cfg)
	if err == nil {
		err = load(sets...)
	}
	s.seen, s.broken = now, err
	return err
}

// stamp identifies the contents of all files.
func (s *source) stamp() (stamp [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, patterns := range [][]string{s.cfg.Shared, s.cfg.Pages} {
		files, err := match(s.fsys, patterns)
		if err != nil {
			return stamp, err
		}
		for _, file := range files {
			src, err := fs.ReadFile(s.fsys, file)
			if err != nil {
				return stamp, fmt.Errorf("fragment: template: %w", err)
			}
			h.Write(appendFramed(appendFramed(nil, file), string(src)))
		}
	}
	h.Sum(stamp[:0])
	return stamp, nil
}

// renderReloaded is Render with the files as they are now. The page is not kept
// by anybody: a page cache would not look at the files.
func (r *Renderer) renderReloaded(ctx context.Context, w io.Writer, name string, data any) error {
	broken := r.source.refresh(r.Load)
	cache.ScopeOf(ctx).Unstorable("templates are reloaded")
	if broken == nil {
		return r.renderLoaded(ctx, w, name, data)
	}
	var b bytes.Buffer
	if err := r.renderLoaded(ctx, &b, name, data); err != nil {
		return errors.Join(err, broken)
	}
	_, err := w.Write(withOverlay(b.Bytes(), broken))
	return err
}

const overlay = `<div role="alert" style="position:fixed;inset:auto 0 0 0;z-index:2147483647;max-height:60%%;overflow:auto;` +
	`padding:1em;background:#300;color:#fff;font:14px/1.5 monospace;white-space:pre-wrap">` +
	"The templates cannot be loaded; this page is made of the last good ones.\n\n%s</div>"

var (
	bodyEnd   = regexp.MustCompile(`(?i)</body\s*>`)
	pageBegin = regexp.MustCompile(`(?i)^\s*<(!doctype|html)\b[^>]*>`)
)

// withOverlay shows the error on a whole page, before its </body> if it has one. A
// part of one, that a script asked for, stays as it is.
func withOverlay(page []byte, broken error) []byte {
	end := len(page)
	if all := bodyEnd.FindAllIndex(page, -1); len(all) > 0 {
		end = all[len(all)-1][0]
	} else if !pageBegin.Match(page) {
		return page
	}
	out := bytes.NewBuffer(nil)
	out.Write(page[:end])
	fmt.Fprintf(out, overlay, template.HTMLEscapeString(broken.Error()))
	out.Write(page[end:])
	return out.Bytes()
}
