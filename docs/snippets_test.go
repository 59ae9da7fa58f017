// Package docs_test compiles every Go snippet of the documentation: what a
// reader copies must build.
//
// A snippet is a fenced block of "go": a whole file, declarations, or statements.
// Packages are imported by themselves; those whose names are not unique, and the
// variables that statements take for granted, stand in a comment before the block:
//
//	<!-- go: db *sql.DB; import redis "github.com/gomodule/redigo/redis" -->
package docs_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/echoic-go/echoic"

// given are the variables that every snippet of statements may use.
const given = "ctx context.Context, app *echoic.App, cfg echoic.Config, e *echo.Echo, c echo.Context, w http.ResponseWriter, r *http.Request, err error"

// known says where packages are that snippets use without an import. Those of
// this module need no line unless their names are not unique.
var known = map[string]string{
	"context": "context", "errors": "errors", "fmt": "fmt", "http": "net/http", "io": "io", "log": "log", "os": "os", "rand": "crypto/rand",
	"signal": "os/signal", "slog": "log/slog", "sql": "database/sql", "strconv": "strconv", "strings": "strings", "syscall": "syscall", "template": "html/template", "time": "time",
	"echo": "github.com/labstack/echo/v4", "pgx": "github.com/jackc/pgx/v5", "pgxpool": "github.com/jackc/pgx/v5/pgxpool", "scs": "github.com/alexedwards/scs/v2",
	"echoic": module,
}

var own = []string{
	"cache", "cache/cachetest", "cache/failover", "cache/live", "cache/near", "console", "fragment", "journal", "metrics/otel", "metrics/prom", "middleware",
	"pagecache", "pubsub", "ratelimit", "session", "session/sessiontest",
}

// snippet is one block.
type snippet struct {
	file      string
	line      int
	text      string
	variables string
	imports   map[string]string
}

var (
	fence   = regexp.MustCompile("(?ms)(?:^<!-- go: ([^\n]*) -->\n+)?^```go\n(.*?)^```$")
	imports = regexp.MustCompile(`^import (\w+) "([^"]+)"$`)
)

func TestSnippets(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "../README.md")
	var all []snippet
	for _, file := range files {
		all = append(all, snippetsOf(t, file)...)
	}
	if len(all) == 0 {
		t.Fatal("no snippet was found: is the pattern right?")
	}
	for _, s := range all {
		t.Run(fmt.Sprintf("%s:%d", path.Base(s.file), s.line), func(t *testing.T) {
			t.Parallel()
			if err := s.check(); err != nil {
				t.Errorf("%v\nin\n%s", err, s.text)
			}
		})
	}
}

// A snippet with a mistake is found.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"syntax":         "app.Cache.Get(ctx,, key)\n",
		"unknown method": "app.Cache.Fetch(ctx, \"key\")\n",
		"wrong type":     "func f() int { return \"one\" }\n",
		"unknown name":   "nowhere.Do()\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := (snippet{text: text}).check(); err == nil {
				t.Errorf("nothing was found wrong with\n%s", text)
			}
		})
	}
}

func snippetsOf(t *testing.T, file string) []snippet {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []snippet
	for _, at := range fence.FindAllSubmatchIndex(text, -1) {
		s := snippet{file: file, line: 1 + bytes.Count(text[:at[4]], []byte("\n")), text: string(text[at[4]:at[5]]), imports: map[string]string{}}
		if at[2] >= 0 {
			for part := range strings.SplitSeq(string(text[at[2]:at[3]]), ";") {
				part = strings.TrimSpace(part)
				if m := imports.FindStringSubmatch(part); m != nil {
					s.imports[m[1]] = m[2]
				} else {
					s.variables += ", " + part
				}
			}
		}
		list = append(list, s)
	}
	if n := bytes.Count(text, []byte("\n```go\n")); n != len(list) {
		t.Errorf("%s: %d of %d snippets were found", file, len(list), n)
	}
	return list
}

// check builds the snippet. What is not used is no mistake in a snippet.
func (s snippet) check() error {
	files := token.NewFileSet()
	file, err := s.parse(files)
	if err != nil {
		return err
	}
	var problems []error
	conf := types.Config{Importer: importer.ForCompiler(files, "gc", compiled), Error: func(err error) {
		var problem types.Error
		if errors.As(err, &problem) && !problem.Soft && !strings.HasPrefix(problem.Msg, "missing return") {
			problems = append(problems, err)
		}
	}}
	_, _ = conf.Check("snippet", files, []*ast.File{file}, nil) // its error is the first of problems
	return errors.Join(problems...)
}

// parse takes the text for a file, for declarations, or for statements.
func (s snippet) parse(files *token.FileSet) (*ast.File, error) {
	if strings.HasPrefix(s.text, "package ") {
		return parser.ParseFile(files, "snippet", s.text, 0)
	}
	body, problem := s.text, error(nil)
	file, err := parser.ParseFile(files, "snippet", "package p\n"+body, 0)
	if err != nil {
		problem = err
		body = "func _(" + given + s.variables + ") RESULT {{\n" + s.text + "}}\n"
		if file, err = parser.ParseFile(files, "snippet", "package p\n"+strings.Replace(body, "RESULT", "", 1), 0); err != nil {
			return nil, errors.Join(problem, err)
		}
		result := ""
		if returns(file) {
			result = "error"
		}
		body = strings.Replace(body, "RESULT", result, 1)
	}
	head := "package p\n"
	for name, from := range s.needs(body, file) {
		head += fmt.Sprintf("import %s %q\n", name, from)
	}
	return parser.ParseFile(files, "snippet", head+body, 0)
}

// returns reports whether the statements return a value.
func returns(file *ast.File) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			found = found || len(n.Results) > 0
		}
		return true
	})
	return found
}

// needs returns the packages that a snippet uses and does not import.
func (s snippet) needs(body string, file *ast.File) map[string]string {
	has := map[string]bool{}
	for _, spec := range file.Imports {
		from := strings.Trim(spec.Path.Value, `"`)
		if has[path.Base(from)] = true; spec.Name != nil {
			has[spec.Name.Name] = true
		}
	}
	list := map[string]string{}
	for _, ident := range file.Unresolved {
		name := ident.Name
		from := s.imports[name]
		if from == "" {
			from = known[name]
		}
		for _, p := range own {
			if from == "" && path.Base(p) == name {
				from = module + "/" + p
			}
		}
		if from != "" && !has[name] && strings.Contains(body, name+".") {
			list[name] = from
		}
	}
	return list
}

// compiled opens what the compiler has made of a package.
func compiled(name string) (io.ReadCloser, error) {
	paths, err := archives()
	if err != nil {
		return nil, err
	}
	if paths[name] == "" {
		return nil, fmt.Errorf("docs: package %q is not among those that the module builds: is the path right?", name)
	}
	return os.Open(paths[name])
}

// archives says where the compiled packages are: those of the module, and all
// that they import.
var archives = sync.OnceValues(func() (map[string]string, error) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{if .Export}}{{.ImportPath}}\t{{.Export}}{{end}}", module+"/...")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("docs: go list: %w: %s", err, problems.String())
	}
	paths := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, file, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			paths[name] = file
		}
	}
	return paths, nil
})
