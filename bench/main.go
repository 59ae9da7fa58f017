// Command bench measures Echoic beside others over real sockets.
//
//	go run . [-rounds 7] [-duration 3s] [-connections 64]
//
// It runs each server as a process of its own, loads them with wrk in turns, so
// that what else the machine does hits all alike, and prints medians and their
// ratio to the first.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 7, "runs of each server, of which the median counts")
	duration := flag.Duration("duration", 3*time.Second, "length of one run")
	connections := flag.Int("connections", 64, "open connections")
	serve := flag.String("serve", "", "run one of the servers instead of measuring: "+strings.Join(names(), ", "))
	addr := flag.String("addr", "127.0.0.1:0", "where -serve listens")
	flag.Parse()
	var err error
	if *serve != "" {
		err = runServer(*serve, *addr)
	} else {
		err = measure(*rounds, *duration, *connections)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure loads all servers in turns and prints the table.
func measure(rounds int, duration time.Duration, connections int) error {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		return errors.New("wrk is not installed: apt-get install wrk, or brew install wrk")
	}
	urls := make(map[string]string)
	for _, name := range names() {
		url, stop, err := start(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer stop()
		urls[name] = url
	}
	rates := make(map[string][]float64)
	for round := range rounds + 1 {
		for _, name := range names() {
			rate, err := load(wrk, urls[name], duration, connections)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if round > 0 { // the first warms up
				rates[name] = append(rates[name], rate)
			}
		}
	}
	base := median(rates[names()[0]])
	fmt.Printf("10 KB page, %d connections, medians of %d interleaved runs of %v\n\n| server | requests/s | ratio |\n|---|---|---|\n", connections, rounds, duration)
	for _, name := range names() {
		m := median(rates[name])
		fmt.Printf("| %s | %.0f | %.3f |\n", name, m, m/base)
	}
	return nil
}

// start runs this program as one of the servers and waits until it answers.
func start(name string) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr := l.Addr().String()
	_ = l.Close()
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, self, "-serve", name, "-addr", addr)
	cmd.Stderr = os.Stderr
	if err = cmd.Start(); err != nil {
		cancel()
		return "", nil, err
	}
	stop = func() {
		cancel()
		_ = cmd.Wait()
	}
	url = "http://" + addr + "/"
	for range 100 {
		if r, err := http.Get(url); err == nil {
			_ = r.Body.Close()
			return url, stop, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return "", nil, errors.New("it does not answer")
}

var requestsPerSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

func load(wrk, url string, duration time.Duration, connections int) (float64, error) {
	out, err := exec.Command(wrk, "-t2", "-c", strconv.Itoa(connections), "-d", duration.String(), url).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if strings.Contains(string(out), "Non-2xx") {
		return 0, fmt.Errorf("wrk saw errors: %s", out)
	}
	m := requestsPerSecond.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("wrk printed no rate: %s", out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
