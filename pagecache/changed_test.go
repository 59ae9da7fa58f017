package pagecache

import (
	"fmt"
	"hash/maphash"
	"sync"
	"testing"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	c := &changes{seed: maphash.MakeSeed()}
	before := c.making("a")
	c.add("never made", false)
	if c.now("a") != before {
		t.Fatal("the change of a URL without pages counted") // one in half a million
	}
	c.add("a", false)
	if c.now("a") == before {
		t.Fatal("a change was lost")
	}
	var wg sync.WaitGroup
	begun := c.making("b")
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				c.add("b", false)
				c.making("b")
			}
		})
	}
	wg.Wait()
	if got := c.now("b").hard - begun.hard; got != 8000 {
		t.Fatalf("%d of 8000 changes", got)
	}
	hit := 0
	for i := range 1000 {
		c.making(fmt.Sprint("page", i))
	}
	for i := range 1000 {
		at := c.now(fmt.Sprint("page", i))
		c.add(fmt.Sprint("form", i), false)
		if c.now(fmt.Sprint("page", i)) != at {
			hit++
		}
	}
	if hit > 0 {
		t.Errorf("%d of 1000 pages fell to forms", hit)
	}
}
