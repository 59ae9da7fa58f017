package echoic

import (
	"context"
	"fmt"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/console"
)

// What package pagecache may be able to do, too.
type (
	softPurger interface {
		PurgeSoft(ctx context.Context, tags ...string) error
	}
	prefixPurger interface {
		PurgePrefix(ctx context.Context, rawURL string) error
		PurgePrefixSoft(ctx context.Context, rawURL string) error
	}
	softURLPurger interface {
		PurgeURLSoft(ctx context.Context, rawURL string) error
	}
)

// Preview says what a purge would touch. It changes nothing.
func (a *App) Preview(ctx context.Context, p console.Purge) (console.Preview, error) {
	v := console.Preview{Purge: p}
	if err := a.checkPurge(p); err != nil {
		return v, err
	}
	switch p.By {
	case console.ByTag:
		v.Touches = "every value, fragment and page that carries the tag, on all servers"
		for _, rank := range a.Pages.Tops(mostFound).Tags {
			if rank.Name == p.Target {
				v.Count, v.Known, v.Estimate = int(rank.Weight), true, true
				v.Touches += "; this server has stored about so many pages with it since it was started"
			}
		}
	case console.ByURL:
		v.Touches = "the page of this URL, in all variants and codings, on all servers"
		found, err := a.searchURL(ctx, p.Target)
		if err != nil {
			return v, err
		}
		v.Count, v.Known, v.Examples = len(found.Keys), true, found.Keys
	case console.ByPrefix:
		v.Touches = "all pages whose URL starts so, on all servers"
	case console.ByKey:
		if err := a.previewKeys(ctx, &v); err != nil {
			return v, err
		}
	case console.ByAll:
		v.Touches = fmt.Sprintf("everything that is cached under the prefix %q: values, fragments and pages; sessions stay", a.Config.CachePrefix)
		v.Count, v.Known = a.countAll(ctx), true
		v.Estimate = true
	}
	return v, nil
}

// previewKeys finds the values that a purge by key removes.
func (a *App) previewKeys(ctx context.Context, v *console.Preview) error {
	v.Touches, v.Known = "the value under this key", true
	if !isGlob(v.Target) {
		physical, err := a.Cache.PhysicalValue(ctx, v.Target)
		if err != nil {
			return targetError(err)
		}
		i, found, err := a.Cache.Inspect(ctx, physical)
		if found {
			v.Count, v.Examples = 1, []console.Key{{Key: physical, Kind: i.Kind, Name: v.Target}}
		}
		return targetError(err)
	}
	found, err := a.Search(ctx, console.Query{Text: v.Target, Limit: mostFound})
	if err != nil {
		return err
	}
	v.Touches, v.Estimate = "the values whose keys match", !found.Complete
	for _, key := range found.Keys {
		if key.Kind == cache.KindValue {
			v.Examples = append(v.Examples, key)
		}
	}
	v.Count = len(v.Examples)
	v.Examples = v.Examples[:min(v.Count, 10)]
	return nil
}

// countAll is about how many things are cached.
func (a *App) countAll(ctx context.Context) int {
	asked := a.askStores(ctx, time.Now())
	if k := asked.keyspace; k != nil {
		return int(k.Kinds["value"] + k.Kinds["page"] + k.Kinds["fragment"])
	}
	var n int64
	for _, s := range asked.list {
		n += s.Entries
	}
	return int(n)
}

func (a *App) checkPurge(p console.Purge) error {
	switch p.By {
	case console.ByTag, console.ByURL, console.ByKey:
	case console.ByPrefix:
		if _, ok := any(a.Pages).(prefixPurger); !ok {
			return &console.TargetError{Reason: "purging by prefix is not possible with this store: purge by tag"}
		}
	case console.ByAll:
		if p.Soft {
			return &console.TargetError{Reason: "everything cannot be purged softly: purge tags"}
		}
		return nil
	default:
		return &console.TargetError{Reason: fmt.Sprintf("purge by %q: give tag, url, prefix, key or all", p.By)}
	}
	if p.Target == "" {
		return &console.TargetError{Reason: "the target is empty: give the " + p.By}
	}
	return nil
}

// Purge makes what p names miss from now on, on all servers, and returns when it
// is acknowledged. Unlike the methods of Pages and Cache it takes an operator's
// words.
func (a *App) Purge(ctx context.Context, p console.Purge) (console.Purged, error) {
	done := console.Purged{Purge: p}
	if err := a.checkPurge(p); err != nil {
		return done, err
	}
	began := time.Now()
	err := a.purge(ctx, p, &done)
	done.Took = time.Since(began)
	return done, targetError(err)
}

func (a *App) purge(ctx context.Context, p console.Purge, done *console.Purged) error {
	done.Detail = "all servers serve it anew"
	switch p.By {
	case console.ByTag:
		if p.Soft {
			soft, ok := any(a.Pages).(softPurger)
			if !ok {
				return errNoSoft
			}
			return soft.PurgeSoft(ctx, p.Target)
		}
		return a.Pages.Purge(ctx, p.Target)
	case console.ByURL:
		if p.Soft {
			soft, ok := any(a.Pages).(softURLPurger)
			if !ok {
				return errNoSoft
			}
			return soft.PurgeURLSoft(ctx, p.Target)
		}
		return a.Pages.PurgeURL(ctx, p.Target)
	case console.ByPrefix:
		prefixes := any(a.Pages).(prefixPurger) // checkPurge has asked
		if p.Soft {
			return prefixes.PurgePrefixSoft(ctx, p.Target)
		}
		return prefixes.PurgePrefix(ctx, p.Target)
	case console.ByKey:
		return a.purgeKeys(ctx, p.Target, done)
	}
	return a.Cache.Clear(ctx)
}

// errNoSoft is a soft purge that cannot be done.
var errNoSoft = &console.TargetError{Reason: "a soft purge of this is not possible: purge without it"}

func (a *App) purgeKeys(ctx context.Context, pattern string, done *console.Purged) error {
	if !isGlob(pattern) {
		removed, err := a.Cache.Delete(ctx, pattern)
		if done.Detail = "the value was removed"; !removed {
			done.Detail = "nothing was there"
		}
		return err
	}
	n, err := a.Cache.DeletePattern(ctx, pattern)
	done.Detail = fmt.Sprintf("%d values were removed", n)
	return err
}
