// Command growth simulates sites of several sizes and prints the table of
// docs/growth.md, or JSON.
//
//	go run ./scripts/growth [-seed 1] [-servers 1,10,100,1000] [-pages 10000000] [-requests 20000] [-json]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/echoic-go/echoic/internal/sim"
)

func main() {
	seed := flag.Uint64("seed", 1, "seed of everything that happens at random")
	servers := flag.String("servers", "1,10,100,1000", "numbers of servers, separated by commas")
	pages := flag.Int("pages", 10_000_000, "different pages")
	requests := flag.Int("requests", 20_000, "requests for each server, after as many to warm up")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	var results []*sim.Result
	for text := range strings.SplitSeq(*servers, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			fail(fmt.Errorf("-servers: %q is no number", text))
		}
		r, err := sim.Run(sim.Config{Servers: n, Pages: *pages, Requests: n * *requests, Seed: *seed})
		if err != nil {
			fail(err)
		}
		results = append(results, r)
	}
	if *asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(results); err != nil {
			fail(err)
		}
		return
	}
	table(results)
}

func table(results []*sim.Result) {
	fmt.Println("| servers | near hits | Redis hits | handler runs | Redis commands a request | plain: commands a request | round trips a request | messages a server and second | pages held a server | MiB a server | pages in Redis |")
	fmt.Println("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, r := range results {
		per := func(n int) float64 { return float64(n) / float64(r.Requests) }
		fmt.Printf("| %d | %.1f %% | %.1f %% | %.1f %% | %.2f | %.2f | %.2f | %.0f | %d | %.0f | %d |\n", r.Config.Servers,
			100*per(r.NearHits), 100*per(r.RedisHits), 100*per(r.Runs), per(r.Commands), per(r.Plain.Commands), per(r.Trips),
			float64(r.Messages)/float64(r.Config.Servers)/r.Seconds, r.HeldMean, float64(r.HeldMean*r.Config.PageBytes)/(1<<20), r.InRedis)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "growth:", err)
	os.Exit(1)
}
