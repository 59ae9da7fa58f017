package echoic

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"
)

// ConfigFromEnv reads the environment, and the file .env in the working
// directory for variables that the environment does not have. A variable that is
// empty has its default; in the environment it hides the one in .env, so that
// REDIS_URL= switches Redis off. The error joins everything that is wrong, each
// part a *[ConfigError] that names variable, masked value and remedy.
func ConfigFromEnv() (Config, error) {
	environment, err := readEnvironment(".env")
	if err != nil {
		return Config{}, err
	}
	cfg, err := parseConfig(environment)
	if err == nil {
		return cfg, cfg.Validate()
	}
	return cfg, errors.Join(err, validateRest(cfg, err))
}

// validateRest checks what could be read, so that all problems are told at once.
func validateRest(cfg Config, unread error) error {
	known := map[string]bool{}
	for _, problem := range flatten(unread) {
		known[problem.Variable] = true
	}
	var rest []error
	for _, problem := range flatten(cfg.Validate()) {
		if !known[problem.Variable] {
			rest = append(rest, problem)
		}
	}
	return errors.Join(rest...)
}

// flatten takes joined errors apart.
func flatten(err error) []*ConfigError {
	if problem, ok := err.(*ConfigError); ok {
		return []*ConfigError{problem}
	}
	var all []*ConfigError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, part := range joined.Unwrap() {
			all = append(all, flatten(part)...)
		}
	}
	return all
}

// readEnvironment merges the file, if it exists, under the environment, and
// leaves out what is empty.
func readEnvironment(file string) (map[string]string, error) {
	merged, err := godotenv.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		merged = map[string]string{}
	} else if err != nil {
		// The parser's error quotes lines, which may hold passwords.
		return nil, &ConfigError{Variable: file, Problem: "cannot be read or parsed", Remedy: "write one NAME=value a line, values with spaces in quotes"}
	}
	for _, line := range os.Environ() {
		if name, value, ok := strings.Cut(line, "="); ok {
			merged[name] = value
		}
	}
	for name, value := range merged {
		if strings.TrimSpace(value) == "" {
			delete(merged, name)
		}
	}
	return merged, nil
}

// parseConfig turns strings into fields.
func parseConfig(environment map[string]string) (Config, error) {
	var cfg Config
	err := env.ParseWithOptions(&cfg, env.Options{
		Environment: environment,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[time.Duration](): func(s string) (any, error) { return parseDuration(s) },
			reflect.TypeFor[slog.Level]():    func(s string) (any, error) { return parseLevel(s) },
		},
	})
	trimAll(cfg.TrustedProxies)
	trimAll(cfg.AllowedHosts)
	trimAll(cfg.SecretKeys)
	if err == nil {
		return cfg, nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return cfg, fmt.Errorf("echoic: configuration: %w", err)
	}
	var problems []error
	for _, part := range all.Errors {
		problems = append(problems, configProblem(part, environment))
	}
	return cfg, errors.Join(problems...)
}

// trimAll lets lists have spaces behind their commas.
func trimAll(list []string) {
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
}

// configProblem says which variable a field's error comes from.
func configProblem(err error, environment map[string]string) error {
	var p env.ParseError
	if !errors.As(err, &p) {
		return fmt.Errorf("echoic: configuration: %w", err)
	}
	field, _ := reflect.TypeFor[Config]().FieldByName(p.Name)
	variable := field.Tag.Get("env")
	return &ConfigError{Variable: variable, Value: shown(environment[variable]), Problem: "cannot be read as " + kindName(field.Type), Remedy: remedyFor(field.Type)}
}

func kindName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration"
	case t == reflect.TypeFor[slog.Level]():
		return "a log level"
	case t.Kind() == reflect.Bool:
		return "a switch"
	}
	return "a whole number"
}

func remedyFor(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return `use 300s, 5m, 1h30m, or plain seconds like 300`
	case t == reflect.TypeFor[slog.Level]():
		return "use debug, info, warn or error"
	case t.Kind() == reflect.Bool:
		return "use true or false"
	}
	return "use digits only, without units"
}

// parseDuration takes Go's durations and plain seconds.
func parseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if n > int64(1<<63-1)/int64(time.Second) || n < 0 {
			return 0, errors.New("out of range")
		}
		return time.Duration(n) * time.Second, nil
	}
	return time.ParseDuration(s)
}

func parseLevel(s string) (slog.Level, error) {
	var l slog.Level
	err := l.UnmarshalText([]byte(strings.TrimSpace(s)))
	return l, err
}
