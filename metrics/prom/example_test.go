package prom_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/metrics/prom"
)

// numbers are those of an application; an *echoic.App has them, too.
type numbers struct{}

func (numbers) Overview(context.Context) (console.Overview, error) {
	return console.Overview{Journal: console.Journal{Alive: true}}, nil
}

func (numbers) Activity(context.Context) (console.Activity, error) { return console.Activity{}, nil }

func ExampleHandler() {
	handler := prom.Handler(prom.Config{Source: numbers{}})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "echoic_journal_alive") {
			fmt.Print(line)
		}
	}
	// Output: echoic_journal_alive 1
}
