package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mode is a configuration that the app is tried in.
type mode struct {
	name string
	env  []string
}

// page is an answer, read to its end.
type page struct {
	status int
	header http.Header
	body   []byte
}

func get(ctx context.Context, url string) (page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return page{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return page{status: resp.StatusCode, header: resp.Header, body: body}, err
}

// mode starts the app in m, checks site and CLI, and stops it.
func (s *smoke) mode(ctx context.Context, m mode) {
	dir := filepath.Join(s.dir, m.name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.report(m.name, err)
		return
	}
	m.env = append(m.env, "ADMIN_SOCKET=./admin.sock") // of the app and of the CLI, which work in dir
	a, err := s.start(ctx, dir, m.env)
	s.report(m.name+": the app starts", err)
	if err != nil {
		return
	}
	s.report(m.name+": home page twice, the second from the cache", homeTwice(ctx, a))
	s.report(m.name+": unknown page", unknownPage(ctx, a))
	s.report(m.name+": echoic check", s.cliCheck(ctx, dir, m))
	s.running(ctx, dir, m, a)
	s.report(m.name+": the app ends on SIGTERM", a.stop())
	s.report(m.name+": its socket is gone", gone(filepath.Join(dir, "admin.sock")))
}

func homeTwice(ctx context.Context, a *app) error {
	first, err := get(ctx, a.base+"/")
	if err != nil {
		return err
	}
	second, err := get(ctx, a.base+"/")
	if err != nil {
		return err
	}
	switch status := second.header.Get("Cache-Status"); {
	case first.status != http.StatusOK || second.status != http.StatusOK:
		return fmt.Errorf("status %d, then %d", first.status, second.status)
	case len(first.body) == 0:
		return errors.New("the page is empty")
	case isHit(first.header.Get("Cache-Status")):
		return errors.New("the first answer claims to be a hit")
	case !isHit(status):
		return fmt.Errorf("the second answer is no hit: Cache-Status %q", status)
	case !bytes.Equal(first.body, second.body):
		return fmt.Errorf("the second answer has another body (%d bytes, then %d)", len(first.body), len(second.body))
	}
	if age, err := strconv.Atoi(second.header.Get("Age")); err != nil || age < 0 {
		return fmt.Errorf("the second answer has Age %q", second.header.Get("Age"))
	}
	return nil
}

// isHit says whether a Cache-Status of one cache has the parameter hit.
func isHit(status string) bool {
	for _, parameter := range strings.Split(status, ";")[1:] {
		if strings.TrimSpace(parameter) == "hit" {
			return true
		}
	}
	return false
}

func unknownPage(ctx context.Context, a *app) error {
	for range 2 {
		p, err := get(ctx, a.base+"/no/such/page")
		if err != nil {
			return err
		}
		kind, _, err := mime.ParseMediaType(p.header.Get("Content-Type"))
		switch {
		case err != nil || kind != "text/html":
			return fmt.Errorf("Content-Type %q, want text/html", p.header.Get("Content-Type"))
		case p.status != http.StatusNotFound:
			return fmt.Errorf("status %d, want 404", p.status)
		case !bytes.Contains(p.body, []byte("stylesheet")):
			return errors.New("the page has no style sheet")
		case p.header.Get("Age") != "" || isHit(p.header.Get("Cache-Status")):
			return errors.New("it was cached")
		}
	}
	return nil
}

// cliCheck runs `echoic check` with the app's configuration.
func (s *smoke) cliCheck(ctx context.Context, dir string, m mode) error {
	out, err := s.command(ctx, dir, "echoic", m.env, "check").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
