package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/internal/testenv"
)

// listen opens a live connection as the operator "anna".
func (h *house) listen(ctx context.Context) *http.Response {
	h.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.server.URL+h.page.Path()+"/live", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set(operatorHeader, "anna")
	res, err := h.server.Client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	return res
}

func TestLiveEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	res := h.listen(t.Context())
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		t.Fatalf("%s, %s", res.Status, kind)
	}
	events, lines := 0, bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for events < 3 && lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		events++
		var parts map[string]string
		if err := json.Unmarshal([]byte(data), &parts); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		for _, part := range []string{"live-tiles", "live-charts", "live-stores", "live-invalidation", "live-problems", "live-clock"} {
			if _, ok := parts[part]; !ok {
				t.Errorf("an event has no %s", part)
			}
		}
	}
	if events < 3 {
		t.Fatalf("%d events: %v", events, lines.Err())
	}
}

func TestLiveConnectionsAreBoundedAndEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 32 {
		res := h.listen(ctx)
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("one of 32 connections: %s", res.Status)
		}
	}
	res := h.listen(ctx)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("the 33rd connection: %s, want 503 with Retry-After", res.Status)
	}
	cancel() // they leave, and others may come
	testenv.Eventually(t, patience, func() bool {
		res := h.listen(t.Context())
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, "there is room again")

	last := h.listen(t.Context())
	defer last.Body.Close()
	if err := h.page.Close(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(last.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() { // it ends, or the test does not
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil, nil)
	h.login("bert", hostile)
	h.login("bert", "another browser")
	code, body := h.ask("GET", "/sessions?user=bert", nil)
	if code != http.StatusOK || !strings.Contains(body, "another browser") || !strings.Contains(body, "192.0.2.1") || strings.Contains(body, "<script>window") {
		t.Fatalf("%d\n%s", code, body)
	}
	list, err := h.app.UserSessions(t.Context(), "bert")
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	form := url.Values{"token": {h.token()}, "user": {"bert"}}
	if code, _ := h.ask("POST", "/sessions/revoke", form); code != http.StatusUnprocessableEntity {
		t.Errorf("nothing was chosen: %d, want 422", code)
	}
	form.Set("id", list[0].ID)
	if code, body := h.ask("POST", "/sessions/revoke", form); code != http.StatusOK || !strings.Contains(body, "1 of 2") || !strings.Contains(body, `name="id" value="`+list[0].ID) {
		t.Errorf("one is to be ended, and nobody asks: %d\n%s", code, body)
	}
	if left, err := h.app.UserSessions(t.Context(), "bert"); err != nil || len(left) != 2 {
		t.Errorf("the question ended %+v, %v", left, err)
	}
	form.Set("sure", "1")
	if code, body := h.ask("POST", "/sessions/revoke", form); code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", code, body)
	}
	if left, err := h.app.UserSessions(t.Context(), "bert"); err != nil || len(left) != 1 || left[0].ID != list[1].ID {
		t.Errorf("one was ended, left are %+v, %v", left, err)
	}
	form.Del("id")
	form.Set("all", "1")
	form.Del("sure")
	if code, body := h.ask("POST", "/sessions/revoke", form); code != http.StatusOK || !strings.Contains(body, "all sessions of this user") || !strings.Contains(body, `name="all" value="1"`) || strings.Contains(body, "<script>window") {
		t.Errorf("all are to be ended, and nobody asks: %d\n%s", code, body)
	}
	form.Set("sure", "1")
	if code, _ := h.ask("POST", "/sessions/revoke", form); code != http.StatusSeeOther {
		t.Errorf("all: %d", code)
	}
	if left, err := h.app.UserSessions(t.Context(), "bert"); err != nil || len(left) != 0 {
		t.Errorf("all were ended, left are %+v, %v", left, err)
	}
	if done := h.page.Actions(); len(done) != 2 || done[0].What != "revoke sessions" || done[0].Target != "bert" {
		t.Errorf("actions: %+v", done)
	}
}
