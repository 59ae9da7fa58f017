package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// sample is what one run of wrk said.
type sample struct {
	rate float64 // requests a second
	p99  time.Duration
}

var (
	requestsPerSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	slowest           = regexp.MustCompile(`99%\s+([0-9.]+(?:us|ms|s))`)
)

// load runs wrk once. Accept-Encoding is left out if coding is empty.
func load(wrk, url, coding string, o options) (sample, error) {
	args := []string{"-t2", "-c", strconv.Itoa(o.connections), "-d", o.duration.String(), "--latency"}
	if coding != "" {
		args = append(args, "-H", "Accept-Encoding: "+coding)
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.duration+30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, wrk, append(args, url)...).CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		return sample{}, fmt.Errorf("wrk saw errors: %s", out)
	}
	rate, slow := requestsPerSecond.FindSubmatch(out), slowest.FindSubmatch(out)
	if rate == nil || slow == nil {
		return sample{}, fmt.Errorf("wrk printed no rate: %s", out)
	}
	var s sample
	if s.rate, err = strconv.ParseFloat(string(rate[1]), 64); err != nil {
		return s, err
	}
	s.p99, err = time.ParseDuration(string(slow[1]))
	return s, err
}

// machine says where the figures are from.
func machine() string {
	return fmt.Sprintf("%s, %s/%s, %d processors, which servers and wrk share", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}
