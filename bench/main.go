// Command bench measures Echoic beside others over real sockets.
//
//	go run . [-short] [-rounds 7] [-duration 1s] [-connections 64] [-sizes 1,10,100] [-only regexp] [-out RESULTS.md]
//
// It runs each server as a process of its own and loads them with wrk in turns,
// so that what else the machine does hits all alike. It prints medians and their
// ratios to bare net/http and bare Echo, and writes them to RESULTS.md. Peers that
// are not installed are left out and named. All of it takes some nine minutes;
// -short, three runs with pages of 10 KB, less than one and a half.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are the flags of a measurement.
type options struct {
	rounds      int
	duration    time.Duration
	connections int
	sizes       []int // KB
	only        *regexp.Regexp
	out         string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 7, "runs of each server, of which the median counts")
	flag.DurationVar(&o.duration, "duration", time.Second, "length of one run, in whole seconds")
	flag.IntVar(&o.connections, "connections", 64, "open connections")
	flag.StringVar(&o.out, "out", "RESULTS.md", "where the tables are written; empty prints only")
	sizes := flag.String("sizes", "1,10,100", "sizes of the pages in KB, of these three")
	short := flag.Bool("short", false, "the same as -rounds 3 -sizes 10")
	only := flag.String("only", "", "measure servers whose name matches")
	serve := flag.String("serve", "", "run one of the servers instead of measuring")
	addr := flag.String("addr", "127.0.0.1:0", "where -serve listens")
	flag.Parse()
	if *short {
		o.rounds, *sizes = 3, "10"
	}
	err := o.read(*sizes, *only)
	switch {
	case err != nil:
	case *serve != "":
		err = runServer(*serve, *addr)
	default:
		err = measure(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// read checks the options and reads the last two.
func (o *options) read(sizes, only string) (err error) {
	if o.rounds < 1 || o.connections < 2 || o.duration < time.Second || o.duration%time.Second != 0 {
		return errors.New("give at least one round, two connections and whole seconds")
	}
	for text := range strings.SplitSeq(sizes, ",") {
		kb, err := strconv.Atoi(text)
		if err != nil || !slices.Contains(allSizes[:], kb) {
			return fmt.Errorf("-sizes %q: give one or more of 1,10,100", sizes)
		}
		o.sizes = append(o.sizes, kb)
	}
	o.only, err = regexp.Compile(only)
	return err
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
	allSizes = [...]int{1, 10, 100}
	clients  = []client{{"plain", ""}, {"gzip, br", "gzip, br"}}
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
	runs := (o.rounds + 1) * len(o.sizes) * len(clients) * len(running)
	fmt.Fprintf(os.Stderr, "%d runs of %v: about %v\n", runs, o.duration, (time.Duration(runs) * (o.duration + 100*time.Millisecond)).Round(time.Second))
	results := make(map[cell][]sample)
	for round := range o.rounds + 1 {
		for _, size := range o.sizes {
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
	fmt.Fprintf(&b, "# Pages per second beside others\n\n`make bench-peers` writes this file. %s. %d connections, medians of %d interleaved runs of %v each: requests per second, their ratio to bare net/http and to bare Echo, 99th percentile, and its ratio to that of bare Echo.\n",
		machine(), o.connections, o.rounds, o.duration)
	for _, m := range missing {
		fmt.Fprintf(&b, "\nNot measured: %s.\n", m)
	}
	for _, size := range o.sizes {
		for _, c := range clients {
			fmt.Fprintf(&b, "\n## %d KB, %s client\n\n| server | requests/s | of net/http | of Echo | p99 | of Echo |\n|---|---:|---:|---:|---:|---:|\n", size, c.name)
			bare, _ := medians(results[cell{nameHTTP, size, c.coding}])
			echo, slowest := medians(results[cell{nameEcho, size, c.coding}])
			for _, s := range running {
				rate, slow := medians(results[cell{s.name, size, c.coding}])
				fmt.Fprintf(&b, "| %s | %.0f | %s | %s | %v | %s |\n",
					s.name, rate, ratio(rate, bare), ratio(rate, echo), slow.Round(10*time.Microsecond), ratio(slow.Seconds(), slowest.Seconds()))
			}
		}
	}
	return b.String()
}

// ratio is a to b in digits; a dash where b was not measured.
func ratio(a, b float64) string {
	if b == 0 {
		return "-"
	}
	return strconv.FormatFloat(a/b, 'f', 3, 64)
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
	return rates[len(rates)/2], slow[len(slow)/2]
}
