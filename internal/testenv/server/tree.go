package server

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// signal sends sig to every process of pids. One that has just ended is no
// error.
func signal(pids []int, sig syscall.Signal) error {
	var errs []error
	for _, pid := range pids {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("server: %v to process %d: %w", sig, pid, err))
		}
	}
	return errors.Join(errs...)
}

// children returns the direct children of pid. Postgres' backends are in
// sessions of their own, so that a signal to the process group would not
// reach them.
func children(pid int) []int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return childrenByPgrep(pid)
	}
	var found []int
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		// "pid (name) state ppid …", where name may hold anything.
		_, rest, ok := bytes.Cut(data, []byte(" ("))
		end := bytes.LastIndexByte(rest, ')')
		if !ok || end < 0 {
			continue
		}
		fields := strings.Fields(string(rest[end+1:]))
		if len(fields) < 2 || fields[0] == "Z" || fields[1] != strconv.Itoa(pid) {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			found = append(found, child)
		}
	}
	return found
}

func childrenByPgrep(pid int) []int {
	// It exits with 1 where there are none.
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil
	}
	var found []int
	for _, field := range strings.Fields(string(out)) {
		if child, err := strconv.Atoi(field); err == nil {
			found = append(found, child)
		}
	}
	return found
}
