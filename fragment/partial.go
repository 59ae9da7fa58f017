package fragment

import (
	"fmt"
	"html/template"

	"github.com/echoic-go/echoic/cache/live"
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
	text, err := s.open(id, d, vary)
	if err != nil {
		return "", err
	}
	if text.IsZero() {
		return s.renderPartial(name, data, depth)
	}
	if len(text.Holes) == 0 {
		return template.HTML(text.Bytes), nil
	}
	start := s.buf.Mark()
	if err := s.buf.Splice(s.ctx, s.set.live, text); err != nil {
		return "", err
	}
	return s.takeOff(start), nil
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
	start := s.buf.Mark()
	if err := s.writePartial(name, data, depth); err != nil {
		return "", err
	}
	return s.takeOff(start), nil
}

// writePartial renders into the frame that was pushed last, and closes it.
func (s *state) writePartial(name string, data any, depth int) error {
	if err := s.templates.ExecuteTemplate(&s.buf, name, data); err != nil {
		return err
	}
	if len(s.frames) != depth+1 {
		return errFrame
	}
	s.end()
	return nil
}

// takeOff returns what was written since start and takes it off the page. Where it
// is going to be printed nobody knows: holes in it make private what is around.
func (s *state) takeOff(start live.Mark) template.HTML {
	html := template.HTML(s.buf.Bytes()[start.Len():])
	if s.buf.Live(start) {
		s.set.live.Lost(s.ctx)
	}
	s.buf.Cut(start)
	return html
}
