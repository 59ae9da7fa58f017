package chaos

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Spec is one elementary fault and its parameters, as text
// "redis.link:latency=200ms,cut=701,app=A".
type Spec struct {
	Name   string
	Params map[string]string
}

// maxFaults bounds how many faults act at the same time.
const maxFaults = 8

// ParseFaults takes "fault:param=value,…+fault…" apart. What acts together is
// joined with "+"; the empty text is no fault.
func ParseFaults(text string) ([]Spec, error) {
	if text == "" {
		return nil, nil
	}
	parts := strings.Split(text, "+")
	if len(parts) > maxFaults {
		return nil, fmt.Errorf("chaos: %d faults at the same time; at most %d", len(parts), maxFaults)
	}
	var specs []Spec
	for _, part := range parts {
		name, list, _ := strings.Cut(part, ":")
		spec := Spec{Name: name, Params: map[string]string{}}
		for param := range strings.SplitSeq(list, ",") {
			if param == "" {
				continue
			}
			key, value, _ := strings.Cut(param, "=")
			if _, twice := spec.Params[key]; twice {
				return nil, fmt.Errorf("chaos: %s has %s twice", name, key)
			}
			spec.Params[key] = value
		}
		specs = append(specs, spec)
	}
	for _, spec := range specs {
		if err := spec.check(); err != nil {
			return nil, err
		}
	}
	return specs, nil
}

// check compares the names with those that there are, and tries the values.
func (s Spec) check() error {
	k, ok := kinds()[s.Name]
	if !ok {
		return fmt.Errorf("chaos: there is no fault %q; there are %s", s.Name, strings.Join(slices.Sorted(maps.Keys(kinds())), ", "))
	}
	for name := range s.Params {
		if !slices.Contains(k.params, name) {
			return fmt.Errorf("chaos: %s has no parameter %q; it has %s", s.Name, name, strings.Join(k.params, ", "))
		}
	}
	p := &params{spec: s}
	if k.try != nil {
		k.try(p)
	}
	return p.err()
}

// String is the text that ParseFaults reads.
func (s Spec) String() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		if value := s.Params[name]; value != "" {
			name += "=" + value
		}
		list = append(list, name)
	}
	if len(list) == 0 {
		return s.Name
	}
	return s.Name + ":" + strings.Join(list, ",")
}

// params reads the parameters of a Spec, and keeps what is wrong with them.
type params struct {
	spec     Spec
	problems []error
}

func (p *params) err() error { return errors.Join(p.problems...) }

func (p *params) bad(name, want string) {
	p.problems = append(p.problems, fmt.Errorf("chaos: %s: %s=%s is no %s", p.spec.Name, name, p.spec.Params[name], want))
}

func (p *params) text(name, fallback string, allowed ...string) string {
	value, ok := p.spec.Params[name]
	if !ok {
		return fallback
	}
	if len(allowed) > 0 && !slices.Contains(allowed, value) {
		p.bad(name, "one of "+strings.Join(allowed, ", "))
	}
	return value
}

// longest bounds the durations of faults.
const longest = time.Hour

func (p *params) duration(name string, fallback time.Duration) time.Duration {
	value, ok := p.spec.Params[name]
	if !ok {
		return fallback
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > longest {
		p.bad(name, "duration from 0 to "+longest.String())
		return fallback
	}
	return d
}

func (p *params) number(name string, fallback int) int {
	value, ok := p.spec.Params[name]
	if !ok {
		return fallback
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > 1<<30 {
		p.bad(name, "number from 0 to 1073741824")
		return fallback
	}
	return n
}

// flag is true if the parameter is there without a value, or with "true".
func (p *params) flag(name string) bool {
	_, ok := p.spec.Params[name]
	return ok && p.text(name, "", "", "true", "false") != "false"
}
