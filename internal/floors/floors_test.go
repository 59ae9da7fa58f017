package floors_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/echoic-go/echoic"

// outside is the floor of what no package of the product may import: helpers
// of tests and of the Makefile. What only tests import is not checked.
const outside = 100

// floors says on which floor each package stands; the path is relative to the
// module, and "" is its root. A package may be here before it has code.
// Packages below an internal directory of a package stand on that package's
// floor: the compiler keeps others out.
var floors = map[string]int{
	// Ground: knows nothing of the rest.
	"metrics":            0,
	"templates":          0,
	"internal/redisconn": 0,
	"internal/breaker":   0,
	"internal/sqlconn":   0,
	"internal/peer":      0,

	// The core and its suite.
	"cache":           1,
	"cache/cachetest": 1,

	// Where values live, and what keeps servers in agreement.
	"cache/live":     2,
	"cache/memory":   2,
	"cache/null":     2,
	"cache/database": 2,
	"cache/redis":    2,
	"cache/near":     2,
	"cache/failover": 2,
	"journal":        2,
	"internal/audit": 2,

	// Features; no Echo here.
	"pagecache":           3,
	"fragment":            3,
	"session":             3,
	"session/memory":      3,
	"session/sqlite":      3,
	"session/postgres":    3,
	"session/redis":       3,
	"session/durable":     3,
	"session/sessiontest": 3,
	"session/scssuite":    3,
	"ratelimit":           3,
	"ratelimit/memory":    3,
	"ratelimit/redis":     3,
	"pubsub":              3,
	"pubsub/memory":       3,
	"pubsub/postgres":     3,
	"pubsub/redis":        3,
	"pubsub/pubsubtest":   3,

	// Echo, and pages for people.
	"middleware":    4,
	"console":       4,
	"console/admin": 4,

	// Wiring. Exporters stand beside it, so that it cannot import them.
	"":                        5,
	"metrics/prom":            5,
	"metrics/otel":            5,
	"metrics/internal/series": 5,

	// Programs.
	"cmd/echoic":       6,
	"example-app":      6,
	"example-app/data": 6,

	"example-app/internal/databasetest": outside,
	"docs":                              outside,
	"internal/chaos":                    outside,
	"internal/faultproxy":               outside,
	"internal/floors":                   outside,
	"internal/sim":                      outside,
	"internal/testenv":                  outside,
	"internal/threats":                  outside,
	"internal/testenv/sealed":           outside,
	"internal/testenv/server":           outside,
	"scripts/growth":                    outside,
	"scripts/servers":                   outside,
	"scripts/smoke":                     outside,
}

// floorOf returns the floor of the package at path.
func floorOf(path string) (int, bool) {
	if floor, ok := floors[path]; ok {
		return floor, true
	}
	if at := strings.LastIndex(path, "/internal/"); at >= 0 {
		return floorOf(path[:at])
	}
	return 0, false
}

// drivers must not come with middleware: who uses the page cache with the
// memory store has neither a database's nor Redis' client in the binary.
var drivers = []string{
	"github.com/jackc/pgx",
	"github.com/lib/pq",
	"github.com/gomodule/redigo",
	"github.com/redis/rueidis",
	"github.com/redis/go-redis",
	"modernc.org/sqlite",
	"github.com/mattn/go-sqlite3",
	"github.com/alexedwards/scs/pgxstore",
	"github.com/alexedwards/scs/redisstore",
	"github.com/alexedwards/scs/sqlite3store",
}

// echoFloor is the lowest floor that may know Echo.
const (
	echo      = "github.com/labstack/echo"
	echoFloor = 4
)

// goPackage is what `go list -json` says of a package.
type goPackage struct {
	ImportPath string
	Dir        string
	Imports    []string
	Error      *struct{ Err string }
}

// list runs go list in the module's root.
func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-json=ImportPath,Dir,Imports,Error"}, args...)...)
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.String())
	}
	var packages []goPackage
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("%v: %v", cmd.Args, err)
		}
		packages = append(packages, p)
		// go test answers from its cache unless something changed that the
		// test looked at, and it does not see what go list looks at.
		if _, ok := relative(p.ImportPath); ok {
			if _, err := os.ReadDir(p.Dir); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// relative returns path without the module, and whether it is in the module.
func relative(path string) (string, bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

// violations says which of p's imports do not go down.
func violations(p goPackage) []string {
	own, ok := relative(p.ImportPath)
	if !ok {
		return nil
	}
	floor, ok := floorOf(own)
	if !ok {
		return []string{fmt.Sprintf("%s has no floor: add it to the table in internal/floors/floors_test.go", own)}
	}
	var found []string
	for _, path := range p.Imports {
		if isOrBelow(path, echo) && floor < echoFloor {
			found = append(found, fmt.Sprintf("%s (floor %d) imports %s: only floor %d and above know Echo", own, floor, path, echoFloor))
		}
		imported, ok := relative(path)
		if !ok {
			continue
		}
		below, ok := floorOf(imported)
		if !ok || below < floor || (below == floor && sameTree(own, imported)) {
			continue // an unknown one is reported for itself
		}
		found = append(found, fmt.Sprintf("%s (floor %d) imports %s (floor %d): import only from lower floors, or move what both need down", own, floor, imported, below))
	}
	return found
}

// sameTree says whether one of the paths is above the other, as session is
// above session/sqlite, or both are outside. The root is above everything, and
// that does not count.
func sameTree(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if floors[a] == outside && floors[b] == outside {
		return true
	}
	// session/internal/x belongs to session.
	a, _, _ = strings.Cut(a, "/internal/")
	b, _, _ = strings.Cut(b, "/internal/")
	return isOrBelow(a, b) || isOrBelow(b, a)
}

func isOrBelow(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	packages := list(t, "./...")
	if len(packages) < 5 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	for _, p := range packages {
		for _, violation := range violations(p) {
			t.Error(violation)
		}
	}
}

func TestMiddlewareHasNoDriver(t *testing.T) {
	t.Parallel()
	packages := list(t, "-deps", "./middleware")
	if !slices.ContainsFunc(packages, func(p goPackage) bool { return p.ImportPath == module+"/middleware" && p.Error == nil }) {
		t.Fatal("there is no package middleware")
	}
	for _, p := range packages {
		for _, driver := range drivers {
			if isOrBelow(p.ImportPath, driver) {
				t.Errorf("middleware depends on %s; drivers belong into the packages of stores", p.ImportPath)
			}
		}
	}
}

// Who wants no exporter has none of their libraries in the program.
func TestExportersStayOutside(t *testing.T) {
	t.Parallel()
	packages := list(t, "-deps", ".", "./middleware", "./console", "./cmd/echoic", "./example-app")
	if len(packages) < 50 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	for _, p := range packages {
		for _, exporter := range []string{"github.com/prometheus", "go.opentelemetry.io"} {
			if isOrBelow(p.ImportPath, exporter) {
				t.Errorf("%s comes without metrics/prom or metrics/otel being imported", p.ImportPath)
			}
		}
	}
}

func TestViolations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, importer, imported, want string
	}{
		{"down", "middleware", module + "/session", ""},
		{"down, several floors", "cmd/echoic", module + "/cache", ""},
		{"to the root of the module", "example-app", module, ""},
		{"up", "cache", module + "/cache/memory", "imports cache/memory (floor 2)"},
		{"up, to the root", "middleware", module, "(floor 5)"},
		{"sideways", "pagecache", module + "/fragment", "imports fragment (floor 3)"},
		{"sideways, from the root", "", module + "/metrics/prom", "imports metrics/prom (floor 5)"},
		{"to the parent", "session/redis", module + "/session", ""},
		{"to a sibling", "session/redis", module + "/session/sqlite", "imports session/sqlite (floor 3)"},
		{"to an internal package of the tree", "session/redis", module + "/session/internal/x", ""},
		{"from an internal package, up", "session/internal/x", module + "/middleware", "imports middleware (floor 4)"},
		{"product to tests", "echoic", module + "/internal/testenv", "add it to the table"},
		{"program to tests", "cmd/echoic", module + "/internal/testenv", "imports internal/testenv (floor 100)"},
		{"among tests", "internal/testenv", module + "/internal/testenv/server", ""},
		{"unknown package", "internal/newcomer", "fmt", "internal/newcomer has no floor: add it to the table"},
		{"Echo below its floor", "session", "github.com/labstack/echo/v4", "only floor 4 and above know Echo"},
		{"Echo's packages below its floor", "session", "github.com/labstack/echo/v4/middleware", "only floor 4"},
		{"Echo on its floor", "middleware", "github.com/labstack/echo/v4", ""},
		{"another module that looks like ours", "cache", module + "x/cache", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := strings.TrimSuffix(module+"/"+test.importer, "/")
			got := strings.Join(violations(goPackage{ImportPath: path, Imports: []string{test.imported}}), "\n")
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("violations: %q; want %q", got, test.want)
			}
		})
	}
}
