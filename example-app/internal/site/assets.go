package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// staticPath is where files are served from.
const staticPath = "/static/"

// assets are the files that pages load. Each has an address with a hash of its
// content, and browsers keep it for a year: a changed file has another address.
type assets struct {
	url   map[string]string // by name: "site.css"
	files map[string]asset  // by what stands behind staticPath
}

type asset struct {
	content []byte
	kind    string
	etag    string
}

// kinds are the media types; those of the operating system may lack some.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

var cssURL = regexp.MustCompile(`url\("([^":]+)"\)`)

// loadAssets reads all files under dir. Style sheets come last, because they
// name others.
func loadAssets(fsys fs.FS, dir string) (*assets, error) {
	a := &assets{url: map[string]string{}, files: map[string]asset{}}
	var sheets []string
	err := fs.WalkDir(fsys, dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if path.Ext(file) == ".css" {
			sheets = append(sheets, file)
			return nil
		}
		return a.load(fsys, dir, file)
	})
	for _, sheet := range sheets {
		if err == nil {
			err = a.load(fsys, dir, sheet)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("site: static files: %w", err)
	}
	return a, nil
}

func (a *assets) load(fsys fs.FS, dir, file string) error {
	content, err := fs.ReadFile(fsys, file)
	if err != nil {
		return err
	}
	name, ext := strings.TrimPrefix(file, dir+"/"), path.Ext(file)
	kind, ok := kinds[ext]
	if !ok {
		kind = mime.TypeByExtension(ext)
	}
	if kind == "" {
		return fmt.Errorf("%s: the type of %q is not known: add it to kinds", file, ext)
	}
	if ext == ".css" {
		if content, err = a.linked(content); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:6])
	hashed := strings.TrimSuffix(name, ext) + "." + hash + ext
	a.url[name] = staticPath + hashed
	a.files[hashed] = asset{content: content, kind: kind, etag: `"` + hash + `"`}
	return nil
}

// linked gives the files that a style sheet names their hashed addresses.
func (a *assets) linked(css []byte) ([]byte, error) {
	var missing error
	css = cssURL.ReplaceAllFunc(css, func(match []byte) []byte {
		name := string(cssURL.FindSubmatch(match)[1])
		url, ok := a.url[name]
		if !ok {
			missing = fmt.Errorf("no file %q", name)
		}
		return []byte(`url("` + url + `")`)
	})
	return css, missing
}

// address is the template function "asset".
func (a *assets) address(name string) (string, error) {
	url, ok := a.url[name]
	if !ok {
		return "", fmt.Errorf("no file %q in static", name)
	}
	return url, nil
}

// serve answers requests for files.
func (a *assets) serve(c echo.Context) error {
	file, ok := a.files[c.Param("*")]
	if !ok {
		return echo.ErrNotFound
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, file.kind)
	h.Set(echo.HeaderCacheControl, "public, max-age=31536000, immutable")
	h.Set("ETag", file.etag)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(file.content))
	return nil
}
