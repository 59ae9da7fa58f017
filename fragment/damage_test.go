package fragment_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/internal/testenv/sealed"
)

// keptBytes is a store that keeps bytes, which a test can change.
type keptBytes struct {
	bytesOnly
	mu   sync.Mutex
	last map[string][]byte // fragments
}

func (s *keptBytes) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	s.note(key, value)
	return s.bytesOnly.Store.Set(ctx, key, value, ttl, when)
}

func (s *keptBytes) SetMany(ctx context.Context, items []cache.Item) ([]string, error) {
	for _, item := range items {
		s.note(item.Key, item.Value)
	}
	return s.bytesOnly.SetMany(ctx, items)
}

func (s *keptBytes) note(key string, value []byte) {
	if strings.Contains(key, ":f:") {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last[key] = bytes.Clone(value)
	}
}

const damagedTemplate = `{{define "p"}}<p>{{if cache "a" "1h"}}{{hit}}a{{live "name"}}b<i title="{{live "token"}}">c</i>{{end}}</p>{{end}}`

func damagedPage(who string) string { return `<p>a` + who + `b<i title="` + who + `">c</i></p>` }

// damagedSite has a stored fragment with holes, made for ann.
func damagedSite(t *testing.T) (s *site, far *keptBytes, key string) {
	t.Helper()
	far = &keptBytes{last: map[string][]byte{}}
	s = newSite(t, damagedTemplate, withHoles(t), withStore(func(store cache.Store) cache.Store {
		far.bytesOnly = asBytes(store).(bytesOnly)
		return far
	}))
	equal(t, "page", s.page(seenBy(t.Context(), "ann"), "p", nil), damagedPage("ann"))
	equal(t, "stored fragments", len(far.last), 1)
	for key = range far.last {
	}
	return s, far, key
}

// look renders the page after the store has kept bad in the fragment's place, and
// wants bob's, made anew or not.
func (s *keptBytes) look(t *testing.T, site *site, key string, bad []byte, what string) (hit bool) {
	t.Helper()
	_, err := s.bytesOnly.Store.Set(t.Context(), key, bad, time.Minute, cache.Always)
	must(t, err)
	runs := site.hits.Load()
	equal(t, what, site.page(seenBy(t.Context(), "bob"), "p", nil), damagedPage("bob"))
	return site.hits.Load() == runs
}

func TestDamagedFragmentsWithHolesAreMisses(t *testing.T) {
	t.Parallel()
	s, far, key := damagedSite(t)
	whole := far.last[key]
	equal(t, "the whole is a hit", far.look(t, s, key, whole, "whole"), true)
	for at := range whole {
		for bit := range 8 {
			bad := bytes.Clone(whole)
			bad[at] ^= 1 << bit
			equal(t, fmt.Sprintf("hit: bit %d of byte %d flipped", bit, at), far.look(t, s, key, bad, "page"), false)
		}
		equal(t, fmt.Sprintf("hit: cut after %d bytes", at), far.look(t, s, key, whole[:at], "page"), false)
	}
}

// What is wrong with the holes themselves is noticed although the checksum of what
// is stored is right.
func TestImpossibleHolesOfFragmentsAreMisses(t *testing.T) {
	t.Parallel()
	s, far, key := damagedSite(t)
	whole := far.last[key]
	first := live.Hole{At: len("a"), Name: "name", Kind: live.HTML}
	second := live.Hole{At: len(`ab<i title="`), Name: "token", Kind: live.Token}
	end := len(`ab<i title="">c</i>`)
	good := live.AppendHoles(nil, []live.Hole{first, second})
	replaced := func(with []byte) []byte {
		t.Helper()
		found := 0
		bad, ok := sealed.Edit(whole, func(value []byte) []byte {
			found = bytes.Count(value, good)
			return bytes.Replace(value, good, with, 1)
		})
		equal(t, "the holes were found", ok && found == 1, true)
		return bad
	}
	equal(t, "sealed as it was: a hit", far.look(t, s, key, replaced(good), "as it was"), true)
	crowd := make([]live.Hole, live.MaxHoles+1)
	for i := range crowd {
		crowd[i] = first
	}
	for name, holes := range map[string][]live.Hole{
		"behind the body":      {first, {At: end + 1, Name: "token", Kind: live.Token}},
		"far behind":           {first, {At: 1 << 40, Name: "token", Kind: live.Token}},
		"many steps of 2 GiB":  {{At: 1 << 31, Name: "token", Kind: live.Token}, {At: 1 << 32, Name: "token", Kind: live.Token}},
		"descending":           {second, first},
		"before the body":      {{At: -1, Name: "name", Kind: live.HTML}},
		"a name nobody has":    {{At: first.At, Name: "nobody", Kind: live.HTML}, second},
		"no name":              {{At: first.At, Name: "", Kind: live.HTML}, second},
		"a name that is none":  {{At: first.At, Name: "a b<c", Kind: live.HTML}, second},
		"a kind that it's not": {{At: first.At, Name: "name", Kind: live.Token}, second},
		"a token as HTML":      {first, {At: second.At, Name: "token", Kind: live.HTML}},
		"no kind":              {{At: first.At, Name: "name", Kind: 9}, second},
		"too many":             crowd,
	} {
		equal(t, name+": hit", far.look(t, s, key, replaced(live.AppendHoles(nil, holes)), name), false)
	}
	for name, with := range map[string][]byte{
		"a count beyond all":    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"a count without end":   bytes.Repeat([]byte{0xff}, 11),
		"a name without an end": {1, 1, byte(live.HTML), 255, 'u'},
	} {
		equal(t, name+": hit", far.look(t, s, key, replaced(with), name), false)
	}
}

// FuzzDecodeEntry reads any bytes as a stored fragment: it is an error, or one that
// is written as it was and whose holes lie in it.
func FuzzDecodeEntry(f *testing.F) {
	holes := []live.Hole{{At: 1, Name: "name", Kind: live.HTML}, {At: 1, Name: "token", Kind: live.Token}}
	for _, text := range []live.Text{{Bytes: []byte("plain")}, {Bytes: []byte("abc"), Holes: holes}, {Bytes: []byte{}}} {
		for _, fresh := range []time.Time{{}, time.Unix(1700000000, 1)} {
			b, err := fragment.EncodeEntry(text, fresh)
			must(f, err)
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		text, fresh, err := fragment.DecodeEntry(b)
		if err != nil {
			return
		}
		at := 0
		for _, h := range text.Holes {
			if h.At < at || h.At > len(text.Bytes) {
				t.Fatalf("%+v in %d bytes", text.Holes, len(text.Bytes))
			}
			at = h.At
		}
		again, err := fragment.EncodeEntry(text, fresh)
		must(t, err)
		back, freshBack, err := fragment.DecodeEntry(again)
		must(t, err)
		if !bytes.Equal(back.Bytes, text.Bytes) || len(back.Holes) != len(text.Holes) || !freshBack.Equal(fresh) {
			t.Fatalf("%q came back as %q", b, again)
		}
	})
}
