package fragment

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
)

// ParseConfig says which files make template sets. Patterns are those of
// fs.Glob; one that matches nothing is an error. Templates have the names of
// their files without the directories, so no two files of a set can share one.
type ParseConfig struct {
	// Shared are the files that every page can use: layouts and partials.
	Shared []string
	// Pages are files that each get a set of their own with all of Shared, so
	// that two pages can define a block of the same name. Empty: Shared make
	// the only set.
	Pages []string
	// Funcs are further functions of the templates.
	Funcs template.FuncMap
	// ContextFuncs are those that the Renderer binds; their names are made
	// known to the parser here.
	ContextFuncs ContextFuncs
}

// Parse reads template sets for [NewRenderer] and [Renderer.Load].
func Parse(fsys fs.FS, cfg ParseConfig) ([]*template.Template, error) {
	shared := template.New("").Funcs(Funcs(cfg.ContextFuncs)).Funcs(cfg.Funcs)
	files, err := match(fsys, cfg.Shared)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if _, err = parseFile(shared, fsys, file); err != nil {
			return nil, err
		}
	}
	pages, err := match(fsys, cfg.Pages)
	switch {
	case err != nil:
		return nil, err
	case len(pages) > 0:
		return parsePages(shared, fsys, pages)
	case len(files) == 0:
		return nil, errors.New("fragment: Parse: neither Shared nor Pages name files")
	}
	return []*template.Template{shared}, nil
}

func parsePages(shared *template.Template, fsys fs.FS, pages []string) ([]*template.Template, error) {
	sets := make([]*template.Template, len(pages))
	names := map[string]string{}
	for i, file := range pages {
		if other, ok := names[path.Base(file)]; ok {
			return nil, fmt.Errorf("fragment: pages %s and %s have the same name: rename one", other, file)
		}
		names[path.Base(file)] = file
		set, err := shared.Clone()
		if err != nil {
			return nil, fmt.Errorf("fragment: %s: %w", file, err)
		}
		if sets[i], err = parseFile(set, fsys, file); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

func parseFile(set *template.Template, fsys fs.FS, file string) (*template.Template, error) {
	name := path.Base(file)
	if t := set.Lookup(name); t != nil && t.Tree != nil {
		return nil, fmt.Errorf("fragment: %s: the set has another template named %q: rename one", file, name)
	}
	src, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, fmt.Errorf("fragment: template: %w", err)
	}
	t, err := set.New(name).Parse(string(src))
	if err != nil {
		return nil, fmt.Errorf("fragment: %s: %w", file, err)
	}
	return t, nil
}

// match returns the files of the patterns, sorted, each once.
func match(fsys fs.FS, patterns []string) ([]string, error) {
	var all []string
	for _, pattern := range patterns {
		files, err := fs.Glob(fsys, pattern)
		if err != nil {
			return nil, fmt.Errorf("fragment: pattern %q: %w", pattern, err)
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("fragment: pattern %q matches no file", pattern)
		}
		all = append(all, files...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
