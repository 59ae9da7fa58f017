package echoic

import (
	"io/fs"
	"os"
)

// Templates says where a renderer finds its templates: in the program, where
// embedded are those that it was built with, or in Config.TemplatesDir, and then
// at every request anew. The directory is laid out as embedded is.
//
//	files, reload := cfg.Templates(embedded)
//	e.Renderer, err = middleware.NewRenderer(middleware.RendererConfig{Files: files, Reload: reload, Parse: …, Fragments: app.Fragments})
func (cfg Config) Templates(embedded fs.FS) (files fs.FS, reload bool) {
	if cfg.TemplatesDir == "" {
		return embedded, false
	}
	return os.DirFS(cfg.TemplatesDir), true
}
