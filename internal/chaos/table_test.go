package chaos_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/chaos"
)

// The flags of `make chaos` and `make soak`, behind -args.
var (
	rowsFlag     = flag.String("rows", "ci", `rows to run, separated by blanks: names, "ci", "all", or faults such as redis.link:latency=200ms,cut=701`)
	seedFlag     = flag.Uint64("seed", 0, "seed of everything that happens at random; 0: any")
	durationFlag = flag.Duration("duration", 0, "how long all rows together take; 0: as short as they can")
	rateFlag     = flag.Int("rate", 0, "requests per second; 0: 400, and without -duration fewer, for a busy machine")
	jsonFlag     = flag.String("json", "", "file to write the results to, as JSON")
	noteFlag     = flag.String("note", "", "a sentence for the page, about the machine for example")
	markdownFlag = flag.String("markdown", "", "file to write the results to, as docs/RELIABILITY.md has them")
	fromFlag     = flag.String("from", "", "file with results of -json: write -markdown from it, and run nothing")
)

const (
	// shortestFault is how long a fault lasts at least.
	shortestFault = 1200 * time.Millisecond
	// rowOverhead is what a row takes beside its load: servers that start and
	// end, pages that are warmed up, apps that recover.
	rowOverhead = 6 * time.Second
)

// TestFaultTable runs rows of the fault table. Without flags these are the ones
// that no other test covers.
func TestFaultTable(t *testing.T) {
	if *fromFlag != "" {
		writeMarkdown(t, readRun(t, *fromFlag))
		return
	}
	rows, err := chaos.Choose(*rowsFlag)
	if err != nil {
		t.Fatal(err)
	}
	run := chaos.Run{
		Schema: chaos.Schema, Date: time.Now().UTC().Format(time.RFC3339), Command: command("chaos"), Seed: seed(t), Note: *noteFlag,
		Go: runtime.Version(), CPUs: runtime.NumCPU(),
	}
	begun := time.Now()
	opt := chaos.Options{Fault: shortestFault, Rate: rate()}
	if share := *durationFlag / time.Duration(len(rows)); share > rowOverhead {
		opt.Fault = max(opt.Fault, (share-rowOverhead)/2)
	}
	for _, row := range rows {
		result := chaos.RowResult{Name: row.Name, Fault: row.Fault, Faults: row.Faults}
		passed := t.Run(row.Name, func(t *testing.T) {
			result = *row.Run(t, opt)
		})
		result.Passed = passed
		run.Rows = append(run.Rows, result)
		fmt.Fprintf(os.Stderr, "%-22s %s\n", row.Name, result.Summary())
		run.Seconds = time.Since(begun).Round(time.Second).Seconds()
		writeRun(t, run)
	}
	if *markdownFlag != "" {
		writeMarkdown(t, run)
	}
}

// lowRate is that of the tests, which have the race detector and neighbours.
const lowRate = 120

// rate is that of -rate; without any flags the low one.
func rate() int {
	if *rateFlag == 0 && *durationFlag == 0 && *jsonFlag == "" {
		return lowRate
	}
	return *rateFlag
}

// seed returns that of -seed, or any, and makes it that of all worlds.
func seed(t *testing.T) uint64 {
	t.Helper()
	if os.Getenv(chaos.SeedVariable) != "" && *seedFlag == 0 {
		return chaos.Seed(t)
	}
	n := *seedFlag
	if n == 0 {
		n = rand.Uint64N(1_000_000) + 1
	}
	t.Setenv(chaos.SeedVariable, strconv.FormatUint(n, 10))
	fmt.Fprintf(os.Stderr, "seed %d\n", n)
	return n
}

// command is how the run was started, without where its results go.
func command(target string) string {
	var args []string
	flag.Visit(func(f *flag.Flag) {
		if strings.HasPrefix(f.Name, "test.") || f.Name == "json" || f.Name == "markdown" || f.Name == "note" || f.Name == "seed" {
			return
		}
		args = append(args, fmt.Sprintf("-%s '%s'", f.Name, f.Value))
	})
	if len(args) == 0 {
		return "make " + target
	}
	return "make " + target + ` ` + strings.ToUpper(target) + `FLAGS="` + strings.Join(args, " ") + `"`
}

func writeRun(t *testing.T, run any) {
	t.Helper()
	if *jsonFlag == "" {
		return
	}
	text, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*jsonFlag, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readRun(t *testing.T, path string) (run chaos.Run) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &run); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if run.Schema != chaos.Schema {
		t.Fatalf("%s is of schema %q; this program writes %q", path, run.Schema, chaos.Schema)
	}
	return run
}

func writeMarkdown(t *testing.T, run chaos.Run) {
	t.Helper()
	if err := os.WriteFile(*markdownFlag, []byte(run.Markdown()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The page is what was measured, not what somebody wrote.
func TestReliabilityPageIsGenerated(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/RELIABILITY.md")
	if err != nil {
		t.Fatal(err)
	}
	run := readRun(t, "../../docs/reliability.json")
	if string(page) != run.Markdown() {
		t.Error("docs/RELIABILITY.md is not what docs/reliability.json makes: run make reliability")
	}
	for _, row := range chaos.Rows() {
		if !strings.Contains(string(page), "`"+row.Name+"`") {
			t.Errorf("docs/RELIABILITY.md does not have row %s: run make chaos with -json and then make reliability", row.Name)
		}
	}
}

func TestRowsAreSound(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, row := range chaos.Rows() {
		if names[row.Name] {
			t.Errorf("row %s is there twice", row.Name)
		}
		names[row.Name] = true
		if _, err := chaos.ParseFaults(row.Faults); err != nil {
			t.Errorf("row %s: %v", row.Name, err)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want int // -1: an error
	}{
		{"all", len(chaos.Rows())},
		{"redis-killed postgres-locked", 2},
		{"redis.link:latency=200ms,cut=701,to=client,app=A+postgres.lock", 1},
		{"redis.pause", 1},
		{"", -1},
		{"redis.nothing", -1},
		{"redis.link:latency=fast", -1},
		{"redis.link:speed=1", -1},
		{"redis.link:cut=1,cut=2", -1},
		{"redis.link:to=nobody", -1},
	} {
		rows, err := chaos.Choose(test.text)
		if (err != nil) != (test.want < 0) || err == nil && len(rows) != test.want {
			t.Errorf("Choose(%q) = %d rows, %v; want %d", test.text, len(rows), err, test.want)
		}
	}
}

func FuzzParseFaults(f *testing.F) {
	for _, row := range chaos.Rows() {
		f.Add(row.Faults)
	}
	f.Add("redis.link:latency=200ms,cut=701+postgres.stop")
	f.Fuzz(func(t *testing.T, text string) {
		specs, err := chaos.ParseFaults(text)
		if err != nil {
			return
		}
		var words []string
		for _, spec := range specs {
			words = append(words, spec.String())
		}
		again, err := chaos.ParseFaults(strings.Join(words, "+"))
		if err != nil {
			t.Fatalf("%q became %q: %v", text, words, err)
		}
		if fmt.Sprint(again) != fmt.Sprint(specs) {
			t.Fatalf("%q became %v", text, again)
		}
	})
}
