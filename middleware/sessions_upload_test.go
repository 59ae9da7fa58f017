package middleware_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/session"
)

// upload is a form with a file that is too large for memory.
func upload(t *testing.T) (kind string, body io.Reader) {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, err := w.CreateFormFile("picture", "large.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(make([]byte, 33<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), &form
}

// TestUploads: what a form leaves on the disk goes with its request, as without
// sessions, whatever becomes of it.
func TestUploads(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	onDisk := func() int {
		files, err := os.ReadDir(os.TempDir())
		if err != nil {
			t.Error(err)
		}
		return len(files)
	}
	m, _ := newSessions(t, session.Config{})
	kept := make(chan int, 1)
	keep := func(r *http.Request) error {
		_, _, err := r.FormFile("picture")
		kept <- onDisk()
		return err
	}
	e := newEcho()
	e.Use(middleware.Sessions(m))
	e.POST("/kept", func(c echo.Context) error { return keep(c.Request()) })
	e.POST("/panic", func(c echo.Context) error {
		_ = keep(c.Request())
		panic(http.ErrAbortHandler)
	})
	e.POST("/refused", nil, middleware.CSRF(newCSRF(t, m)))
	plain := m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := keep(r); err != nil {
			t.Error(err)
		}
	}))
	for name, test := range map[string]struct {
		site    http.Handler
		path    string
		handled bool
	}{
		"handler":   {e, "/kept", true},
		"panic":     {e, "/panic", true},
		"CSRF":      {e, "/refused", false},
		"net/http":  {plain, "/", true},
		"two of it": {m.LoadAndSave(plain), "/", true},
	} {
		server := httptest.NewServer(test.site)
		kind, body := upload(t)
		if answer, err := http.Post(server.URL+test.path, kind, body); err == nil {
			_ = answer.Body.Close()
		}
		server.Close()
		if test.handled && <-kept == 0 {
			t.Errorf("%s: the form fits into memory: make it larger", name)
		}
		testenv.Eventually(t, time.Minute, func() bool { return onDisk() == 0 }, "%s: no file is left", name)
	}
}
