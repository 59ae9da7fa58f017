package session

import (
	"context"
	"encoding/json"
)

// flashKey is where the session keeps messages for the next page.
const flashKey = "__flash"

// mostFlashes bounds the messages that wait for a page which does not come.
const mostFlashes = 16

// Flash is a message that is shown once, on the page after a form for example.
type Flash struct {
	// Kind says how to show it: "error", "success", whatever the templates know.
	Kind string `json:"k"`
	// Text is what it says. Templates escape it.
	Text string `json:"t"`
}

// AddFlash keeps a message for the page that asks for it next. At most 16 wait:
// then the oldest goes. All are under one key: of two requests that add one at the
// same time, the later wins. It counts as writing to the session.
func (m *Manager) AddFlash(ctx context.Context, kind, text string) {
	all := append(flashes(m.SessionManager.GetBytes(ctx, flashKey)), Flash{kind, text})
	data, _ := json.Marshal(all[max(len(all)-mostFlashes, 0):]) // never fails for strings
	m.SessionManager.Put(ctx, flashKey, data)
}

// Flashes returns the messages that wait, oldest first, and removes them. A page
// that asks is private, whether or not there were any.
func (m *Manager) Flashes(ctx context.Context) []Flash {
	return flashes(m.SessionManager.PopBytes(ctx, flashKey))
}

// flashes decodes; what cannot be read is no message.
func flashes(data []byte) (all []Flash) {
	if len(data) > 0 && json.Unmarshal(data, &all) != nil {
		return nil
	}
	return all
}
