package main

import (
	"runtime"
	"runtime/debug"
)

// versionCommand is echoic version.
type versionCommand struct{}

// versionInfo is what it prints.
type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Run prints what the build has left in the program.
func (c *versionCommand) Run(g *globals, s streams) error {
	v := versionInfo{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version = info.Main.Version
		for _, setting := range info.Settings {
			switch setting.Key {
			case "vcs.revision":
				v.Revision = setting.Value
			case "vcs.modified":
				v.Modified = setting.Value == "true"
			}
		}
	}
	if g.JSON {
		return printJSON(s.out, v)
	}
	text := "echoic " + v.Version
	if v.Revision != "" {
		text += " (" + v.Revision[:min(len(v.Revision), 12)] + ")"
	}
	newScreen(s.out).line("%s, %s, %s", text, v.Go, v.Platform)
	return nil
}
