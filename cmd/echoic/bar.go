package main

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// newBar is a progress bar on the standard error, as wide as that, or nil if it is
// no terminal or a dumb one. The total is -1 if it is not known. The bar goes away
// when it is finished.
func newBar(s streams, total int, what string) *progressbar.ProgressBar {
	if !isTerminal(s.err) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(s.err), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionFullWidth(), progressbar.OptionThrottle(65*time.Millisecond),
	)
}
