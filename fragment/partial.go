package fragment

import (
	"errors"
	"fmt"
	"html/template"
)

// partial is the template function partialCached. It returns HTML, which
// html/template then fits to the place where it is printed: the cache holds the
// same bytes for all places.
//
// The partial is rendered at the end of the page's own buffer and taken off
// again, so that fragments inside it are parts of the same buffer too.
func (s *state) partial(name string, data any, ttl any, vary ...any) (template.HTML, error) {
	d, err := parseTTL(ttl)
	if err != nil {
		return "", fmt.Errorf("partialCached %q: %w", name, err)
	}
	id, ok := s.set.partials[name]
	if !ok {
		return "", fmt.Errorf("partialCached: %w: %q", ErrNoTemplate, name)
	}
	if d == 0 || s.set.frags == nil {
		return s.plainPartial(name, data)
	}
	depth := len(s.frames)
	body, err := s.open(id, d, vary)
	if err != nil {
		return "", err
	}
	if body != nil {
		return template.HTML(body), nil
	}
	return s.renderPartial(name, data, depth)
}

func (s *state) plainPartial(name string, data any) (template.HTML, error) {
	depth := len(s.frames)
	if err := s.pushPlain(name); err != nil {
		return "", err
	}
	return s.renderPartial(name, data, depth)
}

// renderPartial renders into the frame that was pushed last. After an error the
// frames stay open, and the end of the whole render gives them up.
func (s *state) renderPartial(name string, data any, depth int) (template.HTML, error) {
	start := s.buf.Len()
	if err := s.templates.ExecuteTemplate(&s.buf, name, data); err != nil {
		return "", err
	}
	if len(s.frames) != depth+1 {
		return "", errors.New("fragment: internal error: a partial left a fragment open")
	}
	s.end()
	html := template.HTML(s.buf.Bytes()[start:])
	s.buf.Truncate(start)
	return html, nil
}
