package fragment

import "github.com/echoic-go/echoic/metrics"

// Tops returns the n fragments, by name, that were shown from the store most often,
// and the n that took longest to render, with what is inside of them, since
// Fragments were made.
func (f *Fragments) Tops(n int) metrics.Tops {
	if f == nil {
		return metrics.Tops{}
	}
	return f.ranks.List(n)
}

// hitOf counts a fragment that was found.
func (f *Fragments) hitOf(name string) { f.ranks.Hit(f.count.hits.Add(1), name) }
