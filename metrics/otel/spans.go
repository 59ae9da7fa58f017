package otel

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Spans makes spans of requests for pages: one of the whole, and, where the handler
// ran, one within of that. Their names are methods and route templates, never URLs.
//
//	spans := otel.NewSpans(provider)
//	handler := spans.Page(app.Pages.Handler(spans.Handler(site)))
//
// With Echo they are middleware around CachePage and behind it, by
// echo.WrapMiddleware.
type Spans struct{ tracer trace.Tracer }

// NewSpans makes spans with a tracer of the provider; nil makes none.
func NewSpans(provider trace.TracerProvider) *Spans {
	if provider == nil {
		provider = noop.NewTracerProvider()
	}
	return &Spans{tracer: provider.Tracer(scope)}
}

// The attributes of spans.
const (
	attrMethod = attribute.Key("http.request.method")
	attrRoute  = attribute.Key("http.route")
	attrStatus = attribute.Key("http.response.status_code")
	attrCache  = attribute.Key("echoic.cache_status")
	attrHit    = attribute.Key("echoic.hit")
)

// Page makes a span around a page cache, which says what the cache did.
func (s *Spans) Page(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := s.tracer.Start(r.Context(), nameOf("page", r), trace.WithSpanKind(trace.SpanKindInternal))
		defer span.End()
		if !span.IsRecording() {
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		out := &watcher{ResponseWriter: w}
		r = r.WithContext(ctx)
		next.ServeHTTP(out, r)
		describe(span, r, out)
		if status := strings.Join(w.Header()["Cache-Status"], ", "); status != "" {
			span.SetAttributes(attrCache.String(status), attrHit.Bool(strings.Contains(status, "; hit")))
		}
		span.SetName(nameOf("page", r)) // a router within may know the route now
	})
}

// Handler makes a span around what makes the pages.
func (s *Spans) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := s.tracer.Start(r.Context(), nameOf("handler", r))
		defer span.End()
		if !span.IsRecording() {
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		out := &watcher{ResponseWriter: w}
		r = r.WithContext(ctx)
		next.ServeHTTP(out, r)
		describe(span, r, out)
		span.SetName(nameOf("handler", r))
	})
}

func nameOf(what string, r *http.Request) string {
	name := what + " " + method(r)
	if r.Pattern != "" {
		name += " " + r.Pattern
	}
	return name
}

// method is one of those that are known: visitors may write any.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return r.Method
	}
	return "_OTHER"
}

func describe(span trace.Span, r *http.Request, out *watcher) {
	status := out.status
	if status == 0 {
		status = http.StatusOK
	}
	span.SetAttributes(attrMethod.String(method(r)), attrStatus.Int(status))
	if r.Pattern != "" {
		span.SetAttributes(attrRoute.String(r.Pattern))
	}
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
}

// watcher sees the status.
type watcher struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the first final status.
func (w *watcher) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Flush is for handlers that ask for http.Flusher itself.
func (w *watcher) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the writers below.
func (w *watcher) Unwrap() http.ResponseWriter { return w.ResponseWriter }
