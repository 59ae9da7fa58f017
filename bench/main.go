// Command bench measures Echoic beside others over real sockets.
//
//	go run . [-rounds 7] [-duration 1s] [-connections 64] [-only regexp] [-out RESULTS.md]
//
// It runs each server as a process of its own and loads them with wrk in turns,
// so that what else the machine does hits all alike. It prints medians and their
// ratio to the first of each table, and writes them to RESULTS.md. Peers that are
// not installed are left out and named.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// options are the flags of a measurement.
type options struct {
	rounds      int
	duration    time.Duration
	connections int
	only        *regexp.Regexp
	out         string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 7, "runs of each server, of which the median counts")
	flag.DurationVar(&o.duration, "duration", time.Second, "length of one run, in whole seconds")
	flag.IntVar(&o.connections, "connections", 64, "open connections")
	flag.StringVar(&o.out, "out", "RESULTS.md", "where the tables are written; empty prints only")
	only := flag.String("only", "", "measure servers whose name matches")
	serve := flag.String("serve", "", "run one of the servers instead of measuring")
	addr := flag.String("addr", "127.0.0.1:0", "where -serve listens")
	flag.Parse()
	var err error
	if *serve != "" {
		err = runServer(*serve, *addr)
	} else if o.only, err = regexp.Compile(*only); err == nil {
		err = measure(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// cell is one measurement: a server, a size and a kind of client.
type cell struct {
	server string
	size   int // KB
	coding string
}

// client is a kind of client.
type client struct{ name, coding string }

var (
	sizes   = []int{1, 10, 100}
	clients = []client{{"plain", ""}, {"gzip, br", "gzip, br"}}
)

// measure starts all servers, loads them in turns and reports.
func measure(o options) error {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		return errors.New("wrk is not installed: apt-get install wrk, or brew install wrk")
	}
	running, missing, stop, err := startAll(o)
	defer stop()
	if err != nil {
		return err
	}
	results := make(map[cell][]sample)
	for round := range o.rounds + 1 {
		for _, size := range sizes {
			for _, c := range clients {
				for _, s := range running {
					got, err := load(wrk, fmt.Sprint(s.url, "/", size), c.coding, o)
					if err != nil {
						return fmt.Errorf("%s: %w", s.name, err)
					}
					if round > 0 { // the first warms up
						at := cell{s.name, size, c.coding}
						results[at] = append(results[at], got)
					}
				}
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round, o.rounds)
	}
	text := report(o, running, missing, results)
	fmt.Print(text)
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(text), 0o644)
}

// report is the tables in Markdown.
func report(o options, running []process, missing []string, results map[cell][]sample) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Pages per second beside others\n\n`make bench-peers` writes this file. %s. %d connections, medians of %d interleaved runs of %v each; requests per second, ratio to the first line, median 99th percentile.\n",
		machine(), o.connections, o.rounds, o.duration)
	for _, m := range missing {
		fmt.Fprintf(&b, "\nNot measured: %s.\n", m)
	}
	for _, size := range sizes {
		for _, c := range clients {
			fmt.Fprintf(&b, "\n## %d KB, %s client\n\n| server | requests/s | ratio | p99 |\n|---|---:|---:|---:|\n", size, c.name)
			base := 0.0
			for _, s := range running {
				rate, slow := medians(results[cell{s.name, size, c.coding}])
				if base == 0 {
					base = rate
				}
				fmt.Fprintf(&b, "| %s | %.0f | %.3f | %v |\n", s.name, rate, rate/base, slow)
			}
		}
	}
	return b.String()
}

func medians(list []sample) (rate float64, p99 time.Duration) {
	if len(list) == 0 {
		return 0, 0
	}
	rates, slow := make([]float64, len(list)), make([]time.Duration, len(list))
	for i, s := range list {
		rates[i], slow[i] = s.rate, s.p99
	}
	slices.Sort(rates)
	slices.Sort(slow)
	return rates[len(rates)/2], slow[len(slow)/2].Round(10 * time.Microsecond)
}
