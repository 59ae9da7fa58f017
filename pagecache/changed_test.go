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

// Directories are known by name; beyond the bound everything falls, and nothing
// comes back.
func TestPurgedDirectories(t *testing.T) {
	t.Parallel()
	c := &changes{seed: maphash.MakeSeed()}
	const url = "http://a.test/x/y"
	last := c.making(url)
	for i := range 2 * maxPurgedDirectories {
		c.addBelow(fmt.Sprint("http://a.test/", i, "/"), i%2 == 0)
		now := c.now(url)
		if now.hard < last.hard || i%maxPurgedDirectories != 0 && now != last {
			t.Fatalf("purge %d: %v after %v", i, now, last)
		}
		last = now
	}
	if c.addBelow("http://a.test/x/", false); c.now(url).hard == last.hard {
		t.Fatal("a purge was lost")
	}
}
