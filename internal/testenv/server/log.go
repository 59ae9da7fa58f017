package server

import (
	"os"
	"strings"
)

// logTail returns the last lines of the server's log.
func (p *process) logTail() string {
	data, err := os.ReadFile(p.logPath())
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) > 20 {
		lines = lines[len(lines)-20:]
	}
	return strings.Join(lines, "\n")
}

// portTaken says whether the last start failed because something else listens
// on the port.
func (p *process) portTaken() bool {
	return strings.Contains(p.logTail(), "Address already in use")
}

// mayComeFree says whether the last start failed for something that passes:
// a port or the shared memory of a predecessor whose children are still
// ending.
func (p *process) mayComeFree() bool {
	tail := p.logTail()
	return strings.Contains(tail, "Address already in use") ||
		strings.Contains(tail, "pre-existing shared memory block")
}
