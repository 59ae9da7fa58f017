package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/echoic-go/echoic/templates"
)

// files are what pages load. Each has an address with a hash of its content.
type files struct {
	address map[string]string // by name: "console.css"
	content map[string]file   // by what stands behind static/
}

type file struct {
	content []byte
	kind    string
}

var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func loadFiles(at string) (*files, error) {
	f := &files{address: map[string]string{}, content: map[string]file{}}
	entries, err := fs.ReadDir(templates.Console, "console/static")
	if err != nil {
		return nil, fmt.Errorf("console: static files: %w", err)
	}
	for _, entry := range entries {
		content, err := fs.ReadFile(templates.Console, "console/static/"+entry.Name())
		if err != nil {
			return nil, fmt.Errorf("console: static files: %w", err)
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(entry.Name())
		hashed := strings.TrimSuffix(entry.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		f.address[entry.Name()] = at + "/static/" + hashed
		f.content[hashed] = file{content, kinds[ext]}
	}
	return f, nil
}

// url is the template function "asset".
func (f *files) url(name string) (string, error) {
	address, ok := f.address[name]
	if !ok {
		return "", fmt.Errorf("no file %q in static", name)
	}
	return address, nil
}

func (f *files) serve(w http.ResponseWriter, r *http.Request) error {
	found, ok := f.content[r.PathValue("name")]
	if !ok {
		return &statusError{http.StatusNotFound, "There is no such file."}
	}
	w.Header().Set("Content-Type", found.kind)
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(found.content))
	return nil
}
