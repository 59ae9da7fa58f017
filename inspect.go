package echoic

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/pagecache"
)

const (
	// searchPatience is how long a search looks at keys.
	searchPatience = 60 * time.Millisecond
	// mostFound and usualFound bound what it finds.
	mostFound, usualFound = 1000, 100
	// mostShown is how much of a content is shown, in bytes.
	mostShown = 64 << 10
)

// Search finds keys of values by a glob or a part of their names, and pages by
// their URL. It looks at keys for some milliseconds and then says that it gave up.
// Sessions are not found.
func (a *App) Search(ctx context.Context, q console.Query) (console.Found, error) {
	if q.Limit <= 0 {
		q.Limit = usualFound
	}
	q.Limit = min(q.Limit, mostFound)
	if strings.HasPrefix(q.Text, "http://") || strings.HasPrefix(q.Text, "https://") {
		return a.searchURL(ctx, q.Text)
	}
	matches := func(name string) bool { return cache.MatchKey(q.Text, name) }
	if part := strings.ToLower(q.Text); !isGlob(q.Text) {
		matches = func(name string) bool { return strings.Contains(strings.ToLower(name), part) }
	}
	found := console.Found{Keys: []console.Key{}, Complete: true}
	seen := map[string]bool{}
	all, err := a.browse(ctx, a.Config.CachePrefix+":", searchPatience, func(physical string) bool {
		found.Looked++
		kind, name := a.named(physical)
		if matches(name) && !seen[physical] {
			if len(found.Keys) == q.Limit {
				found.Complete = false
				return false
			}
			seen[physical] = true
			found.Keys = append(found.Keys, console.Key{Key: physical, Kind: kind, Name: name})
		}
		return true
	})
	found.Complete = found.Complete && all
	slices.SortFunc(found.Keys, func(a, b console.Key) int { return strings.Compare(a.Name, b.Name) })
	return found, err
}

func (a *App) searchURL(ctx context.Context, address string) (console.Found, error) {
	found := console.Found{Keys: []console.Key{}, Complete: true, Looked: 1}
	physical, err := a.Pages.Locate(ctx, address)
	if err != nil {
		return found, targetError(err)
	}
	if _, there, err := a.Cache.Inspect(ctx, physical); err != nil || !there {
		return found, err
	}
	found.Keys = append(found.Keys, console.Key{Key: physical, Kind: cache.KindPage, Name: address})
	return found, nil
}

// targetError is what whoever asks has got wrong, or err.
func targetError(err error) error {
	var address *pagecache.URLError
	var key *cache.KeyError
	if errors.As(err, &address) || errors.As(err, &key) {
		return &console.TargetError{Reason: err.Error()}
	}
	return err
}

// named says what a physical key is: of values the caller's key.
func (a *App) named(physical string) (kind, name string) {
	kind = a.kindOf(physical)
	name = strings.TrimPrefix(physical, a.Config.CachePrefix+":")
	if kind == "value" {
		_, name, _ = strings.Cut(name, ":v:")
		if at := strings.LastIndexByte(name, '@'); at >= 0 {
			name = name[:at]
		}
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
	}
	return kind, name
}

func isGlob(text string) bool { return strings.ContainsAny(text, "*?[") }

// browse gives keys of the store to use until that returns false, all have been
// seen, or patience is over.
func (a *App) browse(ctx context.Context, prefix string, patience time.Duration, use func(key string) bool) (all bool, err error) {
	if a.monitor.primary != nil && !a.Failover.Degraded() {
		return a.monitor.primary.Browse(ctx, prefix, patience, use)
	}
	lister, ok := a.Cache.Store().(cache.Lister)
	if !ok {
		return false, nil
	}
	end, n := time.Now().Add(patience), 0
	for key, err := range lister.Keys(ctx, prefix) {
		if err != nil {
			return false, err
		}
		if n++; !use(key) || n%256 == 0 && time.Now().After(end) {
			return false, nil
		}
	}
	return true, nil
}

// Inspect returns what is stored under a key that Search found, decoded. Of what
// was made for one visitor it shows no content, and keys of sessions are refused.
func (a *App) Inspect(ctx context.Context, key string) (console.Entry, bool, error) {
	now := time.Now()
	i, found, err := a.Cache.Inspect(ctx, key)
	if err != nil || !found {
		return console.Entry{}, false, targetError(err)
	}
	e := console.Entry{
		Key: console.Key{Key: i.Physical, Kind: i.Kind, Name: i.Key}, Created: i.Created, Expires: i.Expires,
		Current: i.Current, Why: i.Why, Stored: i.Stored, Size: i.Size, Tags: i.Tags, Private: i.Private,
	}
	if !i.Expires.IsZero() {
		e.TTL = max(i.Expires.Sub(now), 0)
	}
	fact := func(name, value string) { e.Facts = append(e.Facts, console.Fact{Name: name, Value: value}) }
	for _, p := range i.Vary {
		if p.Absent {
			fact("made for", p.Name+" absent")
		} else {
			fact("made for", p.Name+" = "+p.Value)
		}
	}
	switch i.Kind {
	case cache.KindPage:
		describePage(&e, i, now, fact)
	case cache.KindFragment:
		describeFragment(&e, i, fact)
	default:
		fact("version", strconv.Itoa(i.Version))
		e.Text = textOf(i.Value)
	}
	if e.Name == "" {
		e.Name = strings.TrimPrefix(i.Physical, a.Config.CachePrefix+":")
	}
	if len(e.Text) > mostShown {
		e.Text, e.Truncated = strings.ToValidUTF8(e.Text[:mostShown], ""), true
	}
	return e, true, nil
}

func describePage(e *console.Entry, i cache.Inspection, now time.Time, fact func(name, value string)) {
	if len(i.Fields) > 1 {
		e.Name = i.Fields[1]
	}
	d, ok := pagecache.Describe(i, now)
	if !ok {
		return
	}
	if d.Variants > 0 {
		fact("variants", strconv.Itoa(d.Variants))
		fact("by request headers", strings.Join(d.Fields, ", "))
		return
	}
	fact("status", strconv.Itoa(d.Status))
	fact("age", d.Age.Round(time.Millisecond).String())
	fact("fresh for", d.Life.String())
	fact("handler took", d.Render.String())
	if d.Coded != "" {
		fact("kept in "+d.Coded, strconv.Itoa(d.CodedSize)+" bytes")
	}
	names := make([]string, 0, len(d.Header))
	for name := range d.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range d.Header[name] {
			fact(name, value)
		}
	}
	e.Size = len(d.Body)
	kind, _, _ := mime.ParseMediaType(d.Header.Get("Content-Type"))
	if strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "xml") || strings.HasSuffix(kind, "javascript") {
		e.Text = readable(d.Body)
	} else if len(d.Body) > 0 {
		e.Text = hex.Dump(d.Body[:min(len(d.Body), 1024)])
	}
}

func describeFragment(e *console.Entry, i cache.Inspection, fact func(name, value string)) {
	e.Name = strings.Join(i.Fields, " · ")
	body, fresh, ok := fragment.Describe(i)
	if !ok {
		return
	}
	if !fresh.IsZero() {
		fact("fresh until", fresh.UTC().Format(time.RFC3339))
	}
	e.Size, e.Text = len(body), readable(body)
}

// textOf writes a decoded value for people.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return readable([]byte(v))
	case []byte:
		return readable(v)
	}
	text, err := json.MarshalIndent(plainKeys(v), "", "  ")
	if err != nil {
		return fmt.Sprintf("%v", v)
	}
	return string(text)
}

// plainKeys makes of maps with keys of any kind what JSON can write.
func plainKeys(v any) any {
	switch v := v.(type) {
	case map[any]any:
		plain := make(map[string]any, len(v))
		for key, value := range v {
			plain[fmt.Sprint(key)] = plainKeys(value)
		}
		return plain
	case map[string]any:
		for key, value := range v {
			v[key] = plainKeys(value)
		}
	case []any:
		for i := range v {
			v[i] = plainKeys(v[i])
		}
	}
	return v
}

// readable is text as it is, and other bytes as a dump.
func readable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return hex.Dump(b[:min(len(b), 4096)])
}
