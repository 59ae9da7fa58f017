package fragment

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
)

// buildID tells builds of the program apart: a function that templates call
// may have changed, which no digest of templates can see. It is the same on
// all servers that run the same binary.
var buildID = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	h := sha256.New()
	if ok {
		io.WriteString(h, info.String())
	}
	if !ok || !pinned(info) {
		hashProgram(h)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
})

// pinned reports whether the build information names the source exactly.
func pinned(info *debug.BuildInfo) bool {
	if v := info.Main.Version; v != "" && v != "(devel)" && !strings.Contains(v, "+dirty") {
		return true
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	return settings["vcs.revision"] != "" && settings["vcs.modified"] == "false"
}

// hashProgram reads the binary, and failing that a random number: then nothing
// is shared with other processes, but nothing stale either.
func hashProgram(h io.Writer) {
	if path, err := os.Executable(); err == nil {
		if file, err := os.Open(path); err == nil {
			defer file.Close()
			if _, err = io.Copy(h, file); err == nil {
				return
			}
		}
	}
	io.WriteString(h, rand.Text())
}
