package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/internal/chaos"
)

// The pages name tests as `package/path.TestName`, and rows of the fault table as
// row `name`.
var (
	namedTest = regexp.MustCompile("`([a-z][a-z0-9/-]*|\\.)\\.((?:Test|Fuzz|Example)[A-Za-z0-9_]*)`")
	namedRow  = regexp.MustCompile("row `([a-z0-9-]+)`")
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)[A-Za-z0-9_]*)\(`)
)

// testsIn returns the tests of the package in dir.
func testsIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
	}
	return names
}

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every test that a page calls proof is there.
func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, row := range chaos.Rows() {
		rows[row.Name] = true
	}
	for name, least := range map[string]int{"RESILIENCE.md": 20, "SECURITY.md": 40, "fuzzing.md": 30} {
		text, seen := page(t, name), map[string]bool{}
		packages := map[string]map[string]bool{}
		for _, m := range namedTest.FindAllStringSubmatch(text, -1) {
			dir, test := m[1], m[2]
			if packages[dir] == nil {
				packages[dir] = testsIn(t, dir)
			}
			if !packages[dir][test] {
				t.Errorf("%s names %s of %s, which is not there", name, test, dir)
			}
			seen[m[0]] = true
		}
		for _, m := range namedRow.FindAllStringSubmatch(text, -1) {
			if !rows[m[1]] {
				t.Errorf("%s names row %s of the fault table, which is not there", name, m[1])
			}
			seen[m[0]] = true
		}
		if len(seen) < least {
			t.Errorf("%s names %d tests; the pattern may not find them", name, len(seen))
		}
	}
}

// Every numbered rule has a test or the word that there is none yet, and each cell of
// the matrix a promise and a test.
func TestRulesAndCellsAreComplete(t *testing.T) {
	t.Parallel()
	rules := page(t, "SECURITY.md")
	for n := 1; n <= 23; n++ {
		row := regexp.MustCompile(`(?m)^\| ` + strconv.Itoa(n) + ` \|.*\|$`).FindString(rules)
		if !namedTest.MatchString(row) && !strings.Contains(row, "not proven here yet") {
			t.Errorf("SECURITY.md names no test for rule %d", n)
		}
	}
	matrix := page(t, "RESILIENCE.md")
	for _, backend := range []string{"Redis", "The database"} {
		for _, state := range []string{"down", "slow", "answers with errors", "read-only", "full"} {
			_, section, found := strings.Cut(matrix, "## "+backend+" "+state)
			section, _, _ = strings.Cut(section, "\n## ")
			for _, thing := range []string{"cached page", "uncached page", "fragment", "login", "session page", "logout", "limiter", "purge", "console", "CLI"} {
				row := regexp.MustCompile(`(?m)^\| ` + thing + ` \| .+ \| .+ \|$`).FindString(section)
				if !found || !namedTest.MatchString(row) && !namedRow.MatchString(row) {
					t.Errorf("RESILIENCE.md has no cell for %s with %s %s", thing, backend, state)
				}
			}
		}
	}
}

// Every fuzz target of the repository is in the list.
func TestFuzzingPageIsComplete(t *testing.T) {
	t.Parallel()
	text, found := page(t, "fuzzing.md"), 0
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		dir, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, m := range testFunc.FindAllStringSubmatch(page(t, path), -1) {
			if target := "`" + filepath.ToSlash(dir) + "." + m[1] + "`"; strings.HasPrefix(m[1], "Fuzz") {
				if found++; !strings.Contains(text, target) {
					t.Errorf("fuzzing.md does not have %s", target)
				}
			}
		}
		return nil
	})
	if err != nil || found < 40 {
		t.Errorf("%d fuzz targets found, %v", found, err)
	}
}
