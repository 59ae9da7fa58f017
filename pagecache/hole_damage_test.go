package pagecache_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/internal/testenv/sealed"
	"github.com/echoic-go/echoic/pagecache"
)

// keptBytes is a store outside of the process, whose content a test can change.
type keptBytes struct {
	cache.Store
	cache.Counter
	cache.Swapper
	page string // the key of the last page
	kept []byte
}

func (s *keptBytes) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	if strings.Contains(key, ":p:") {
		s.page, s.kept = key, bytes.Clone(value)
	}
	return s.Store.Set(ctx, key, value, ttl, when)
}

// damagedSite has a stored page with holes in body and header, made for ann.
func damagedSite(t *testing.T) (*site, *keptBytes) {
	t.Helper()
	store, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	far := &keptBytes{Store: store, Counter: store, Swapper: store}
	set := holes(t)
	s := newSite(t, policyHoles(set), func(cfg *pagecache.Config) {
		c, err := cache.New(cache.Config{Store: far, IgnoreErrors: true, Now: cfg.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(); _ = far.Close() })
		cfg.Cache, cfg.StoreBudget, cfg.Live = c, time.Minute, set
	})
	s.get("http://a.test/", "X-User", "ann")
	if far.page == "" {
		t.Fatal("nothing was stored")
	}
	return s, far
}

// look asks for the page after the store has kept bad in its place, and wants
// bob's page, made anew or not.
func (s *keptBytes) look(t *testing.T, site *site, bad []byte, what string) (hit bool) {
	t.Helper()
	if _, err := s.Store.Set(t.Context(), s.page, bad, time.Minute, cache.Always); err != nil {
		t.Fatal(err)
	}
	runs := site.runs.Load()
	res := site.get("http://a.test/", "X-User", "bob")
	got := body(t, res)
	policy := res.Header.Get("Content-Security-Policy")
	nonce := strings.TrimSuffix(strings.TrimPrefix(policy, "script-src 'nonce-"), "'")
	if want := holeText("bob") + `<script nonce="` + nonce + `"></script>`; res.StatusCode != http.StatusOK || got != want || nonce == "" {
		t.Errorf("%s: bob got %d, policy %q, %q", what, res.StatusCode, policy, got)
	}
	wantPrivate(t, res)
	hit = isHit(t, res)
	if hit == (site.runs.Load() > runs) {
		t.Errorf("%s: hit: %v, but the handler ran %d times", what, hit, site.runs.Load()-runs)
	}
	return hit
}

// SAFETY, rule 12: every cut and every flipped bit is a miss.
func TestDamagedPagesWithHolesAreMisses(t *testing.T) {
	t.Parallel()
	s, far := damagedSite(t)
	whole := far.kept
	if !far.look(t, s, whole, "whole") {
		t.Fatal("the whole page is no hit")
	}
	for at := range whole {
		bad := bytes.Clone(whole)
		bad[at] ^= 1 << (at % 8)
		if far.look(t, s, bad, fmt.Sprintf("a bit of byte %d flipped", at)) {
			t.Errorf("a bit of byte %d flipped: a hit", at)
		}
		if far.look(t, s, whole[:at], fmt.Sprintf("cut after %d bytes", at)) {
			t.Errorf("cut after %d bytes: a hit", at)
		}
	}
}

// What is wrong with the holes themselves is noticed although the checksum of what
// is stored is right.
func TestImpossibleHolesOfPagesAreMisses(t *testing.T) {
	t.Parallel()
	s, far := damagedSite(t)
	whole := far.kept
	text := holeText("")
	first, second := len(text)-len("</p>"), len(text)+len(`<script nonce="`)
	good := []live.Hole{{At: first, Name: "username", Kind: live.HTML}, {At: second, Name: "nonce", Kind: live.Token}}
	policy := []live.Hole{{At: len("script-src 'nonce-"), Name: "nonce", Kind: live.Token}}
	replace := func(old, with []byte) []byte {
		t.Helper()
		found := false
		bad, ok := sealed.Edit(whole, func(value []byte) []byte {
			found = bytes.Count(value, old) == 1
			return bytes.Replace(value, old, with, 1)
		})
		if !ok || !found {
			t.Fatalf("%q is not there once", old)
		}
		return bad
	}
	body, header := live.AppendHoles(nil, good), live.AppendHoles(nil, policy)
	if !far.look(t, s, replace(body, body), "as it was") {
		t.Fatal("what was sealed anew is no hit: the test tests nothing")
	}
	crowd := make([]live.Hole, live.MaxHoles+1)
	for i := range crowd {
		crowd[i] = live.Hole{At: first, Name: "username", Kind: live.HTML}
	}
	end := second + len(`"></script>`)
	for name, c := range map[string]struct {
		old   []byte
		holes []live.Hole
	}{
		"behind the body":          {body, []live.Hole{good[0], {At: end + 1, Name: "nonce", Kind: live.Token}}},
		"far behind":               {body, []live.Hole{good[0], {At: 1 << 40, Name: "nonce", Kind: live.Token}}},
		"many steps of 2 GiB":      {body, []live.Hole{{At: 1 << 31, Name: "nonce", Kind: live.Token}, {At: 1 << 32, Name: "nonce", Kind: live.Token}}},
		"descending":               {body, []live.Hole{good[1], good[0]}},
		"before the body":          {body, []live.Hole{{At: -1, Name: "username", Kind: live.HTML}}},
		"a name nobody has":        {body, []live.Hole{{At: first, Name: "nobody", Kind: live.HTML}, good[1]}},
		"no name":                  {body, []live.Hole{{At: first, Name: "", Kind: live.HTML}, good[1]}},
		"no name at all":           {body, []live.Hole{{At: first, Name: "a b<c", Kind: live.HTML}, good[1]}},
		"a kind that it is not":    {body, []live.Hole{{At: first, Name: "username", Kind: live.Token}, good[1]}},
		"a token as HTML":          {body, []live.Hole{good[0], {At: second, Name: "nonce", Kind: live.HTML}}},
		"no kind":                  {body, []live.Hole{{At: first, Name: "username", Kind: 7}, good[1]}},
		"too many":                 {body, crowd},
		"header: behind the value": {header, []live.Hole{{At: 500, Name: "nonce", Kind: live.Token}}},
		"header: HTML":             {header, []live.Hole{{At: 3, Name: "username", Kind: live.HTML}}},
		"header: nobody's":         {header, []live.Hole{{At: 3, Name: "nobody", Kind: live.Token}}},
		"header: none":             {header, nil},
	} {
		if far.look(t, s, replace(c.old, live.AppendHoles(nil, c.holes)), name) {
			t.Errorf("%s: a hit", name)
		}
	}
	for name, with := range map[string][]byte{
		"a count beyond all":    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"a count without end":   bytes.Repeat([]byte{0xff}, 11),
		"a count and nothing":   {2},
		"a name without an end": {1, 1, byte(live.HTML), 255, 'u'},
	} {
		if far.look(t, s, replace(body, with), name) {
			t.Errorf("%s: a hit", name)
		}
	}
	for name, with := range map[string]string{
		"a field that no entry can have": "Transfer-Encoding",
		"a field that is there already":  "Content-Type",
		"a field that is none":           "Content Security Policy",
	} {
		old := append([]byte{byte(len("Content-Security-Policy"))}, "Content-Security-Policy"...)
		if far.look(t, s, replace(old, append([]byte{byte(len(with))}, with...)), name) {
			t.Errorf("%s: a hit", name)
		}
	}
}
