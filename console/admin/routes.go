package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/echoic-go/echoic/console"
)

// The questions that need more than one word.
type (
	keyQuestion struct {
		Key string `json:"key"`
	}
	entryAnswer struct {
		Found bool          `json:"found"`
		Entry console.Entry `json:"entry"`
	}
	userQuestion struct {
		User string   `json:"user"`
		IDs  []string `json:"ids,omitempty"`
	}
	endedAnswer struct {
		Ended int `json:"ended"`
	}
)

// routes has a path for everything that the source can do.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	source := s.cfg.Source
	get(mux, "overview", source.Overview)
	get(mux, "activity", source.Activity)
	if i, ok := source.(console.Inspector); ok {
		post(mux, "search", i.Search)
		post(mux, "inspect", func(ctx context.Context, q keyQuestion) (entryAnswer, error) {
			e, found, err := i.Inspect(ctx, q.Key)
			return entryAnswer{found, e}, err
		})
	}
	if x, ok := source.(console.Explainer); ok {
		post(mux, "explain", x.Explain)
	}
	if p, ok := source.(console.Purger); ok {
		post(mux, "preview", p.Preview)
		post(mux, "purge", func(ctx context.Context, q console.Purge) (console.Purged, error) {
			done, err := p.Purge(ctx, q)
			s.cfg.Logger.InfoContext(ctx, "admin: purge", "by", q.By, "target", q.Target, "soft", q.Soft, "error", err)
			return done, err
		})
	}
	if u, ok := source.(console.Sessions); ok {
		post(mux, "sessions", func(ctx context.Context, q userQuestion) ([]console.UserSession, error) {
			return u.UserSessions(ctx, q.User)
		})
		post(mux, "revoke", func(ctx context.Context, q userQuestion) (endedAnswer, error) {
			n, err := u.RevokeSessions(ctx, q.User, q.IDs...)
			s.cfg.Logger.InfoContext(ctx, "admin: sessions revoked", "user", q.User, "ended", n, "error", err)
			return endedAnswer{n}, err
		})
	}
	if w, ok := source.(Warmer); ok {
		mux.HandleFunc("POST /"+Version+"/warm", s.warm(w))
	}
	return mux
}

func get[A any](mux *http.ServeMux, name string, f func(context.Context) (A, error)) {
	mux.HandleFunc("GET /"+Version+"/"+name, func(w http.ResponseWriter, r *http.Request) {
		a, err := f(r.Context())
		reply(w, a, err)
	})
}

func post[Q, A any](mux *http.ServeMux, name string, f func(context.Context, Q) (A, error)) {
	mux.HandleFunc("POST /"+Version+"/"+name, func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if !read(w, r, &q) {
			return
		}
		a, err := f(r.Context(), q)
		reply(w, a, err)
	})
}

// read decodes a question, or says what is wrong with it.
func read(w http.ResponseWriter, r *http.Request, q any) bool {
	err := json.NewDecoder(r.Body).Decode(q)
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, "the question is too long: 64 KiB at most")
	default:
		refuse(w, http.StatusBadRequest, "the question is no JSON of the right form")
	}
	return false
}

func reply(w http.ResponseWriter, a any, err error) {
	var target *console.TargetError
	switch {
	case errors.As(err, &target):
		answer(w, http.StatusUnprocessableEntity, failure{Error: target.Reason, Target: true})
	case err != nil:
		answer(w, http.StatusInternalServerError, failure{Error: err.Error()})
	default:
		answer(w, http.StatusOK, a)
	}
}

// warm tells of each URL as soon as it is known: one JSON value a line, and at the
// end a failure, whose Error is empty if all went well.
func (s *Server) warm(source Warmer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q WarmOrder
		if !read(w, r, &q) {
			return
		}
		if problem := q.problem(); problem != "" {
			refuse(w, http.StatusBadRequest, problem)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		encoder, flusher := json.NewEncoder(w), http.NewResponseController(w)
		err := source.Warm(r.Context(), q, func(one Warmed) {
			_ = encoder.Encode(one) // who asked has gone, and its context ends
			_ = flusher.Flush()
		})
		var last failure
		if err != nil {
			var wrong *console.TargetError
			if last.Error = err.Error(); errors.As(err, &wrong) {
				last.Error, last.Target = wrong.Reason, true
			}
		}
		_ = encoder.Encode(struct {
			Done failure `json:"done"`
		}{last})
	}
}
