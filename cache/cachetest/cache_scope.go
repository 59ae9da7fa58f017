package cachetest

import (
	"context"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var scopeChecks = []cacheCheck{
	{"TagsFlow", "A value's tags flow into the open Scope, when it is made and on hits too.", func(e *cacheEnv) {
		load := func(ctx context.Context) (string, error) {
			cache.Tag(ctx, "from the loader")
			return "x", nil
		}
		for _, name := range []string{"made", "hit"} {
			ctx, scope := cache.Open(e.Context())
			_, err := cache.Of[string](e.c).GetOrSet(ctx, "k", load, cache.WithTags("from the call"))
			e.ok("GetOrSet", err)
			e.hasTags(name, scope, "from the call", "from the loader")
		}
		for name, read := range map[string]func(ctx context.Context) error{
			"Get":   func(ctx context.Context) error { _, _, err := cache.Of[string](e.c).Get(ctx, "k"); return err },
			"GetOr": func(ctx context.Context) error { _, err := cache.Of[string](e.c).GetOr(ctx, "k", ""); return err },
			"GetMany": func(ctx context.Context) error {
				_, err := cache.Of[string](e.c).GetMany(ctx, []string{"k"})
				return err
			},
		} {
			ctx, scope := cache.Open(e.Context())
			e.ok(name, read(ctx))
			e.hasTags(name, scope, "from the call", "from the loader")
		}
	}},
	{"SetFlows", "Tags of a Set flow into the open Scope.", func(e *cacheEnv) {
		ctx, scope := cache.Open(e.Context())
		_, err := cache.Of[string](e.c).Set(ctx, "k", "x", cache.WithTags("t"))
		e.ok("Set", err)
		e.hasTags("Set", scope, "t")
	}},
	{"Graph", "Purging a tag removes what was made with a value that carries it, also if that was a hit.", func(e *cacheEnv) {
		for _, name := range []string{"inner made now", "inner hit"} {
			e.nestedLoad(name)
		}
		hit(e, "inner hit", "inner value")
		e.purges("t")
		missed(e, "inner hit")
		missed(e, "inner made now")
	}},
	{"ExplicitTTL", "An explicit TTL caps what was made with the value; a default one does not.", func(e *cacheEnv) {
		begin := time.Now()
		put(e, "explicit", "x", cache.TTL(time.Hour))
		put(e, "default", "x")
		ctx, scope := cache.Open(e.Context())
		_, _, err := cache.Of[string](e.c).Get(ctx, "default")
		e.ok("Get", err)
		if at := scope.Deps().Expires; !at.IsZero() {
			e.broken("a default TTL caps the scope: %v", at)
		}
		_, _, err = cache.Of[string](e.c).Get(ctx, "explicit")
		e.ok("Get", err)
		if at := scope.Deps().Expires; at.Before(begin.Add(time.Hour-grain)) || at.After(time.Now().Add(time.Hour+grain)) {
			e.broken("an explicit TTL of 1h caps the scope at %v after %v", at.Sub(begin), time.Since(begin))
		}
	}},
	{"Expire", "What Expire says ends the value.", func(e *cacheEnv) {
		e.cacheLifetime("k", brief, func() {
			e.loadsLater("k", "x", func(ctx context.Context) (string, error) {
				cache.Expire(ctx, time.Now().Add(brief))
				return "x", nil
			})
		})
	}},
	{"Private", "A value whose loader made its Scope private is not stored, and makes what shows it private.", func(e *cacheEnv) {
		ctx, scope := cache.Open(e.Context())
		v, err := cache.Of[string](e.c).GetOrSet(ctx, "k", privateLoader)
		e.ok("GetOrSet", err)
		if v != "mine" || scope.Deps().Private != "session" {
			e.broken("GetOrSet = %q, private %q, want mine and session", v, scope.Deps().Private)
		}
		missed(e, "k")
	}},
	{"PerUser", "PerUser stores a private value, and keeps the mark on hits.", func(e *cacheEnv) {
		for range 2 {
			ctx, scope := cache.Open(e.Context())
			_, err := cache.Of[string](e.c).GetOrSet(ctx, "user:1", privateLoader, cache.PerUser())
			e.ok("GetOrSet", err)
			if scope.Deps().Private != "session" {
				e.broken("private is %q", scope.Deps().Private)
			}
		}
		hit(e, "user:1", "mine")
	}},
	{"PrivateNotShared", "A private value is not handed to those who waited for its loader.", func(e *cacheEnv) {
		started, release := make(chan struct{}), make(chan struct{})
		leader := e.inBackground(func() {
			e.loadsLater("k", "of the leader", func(ctx context.Context) (string, error) {
				cache.Private(ctx, "session")
				close(started)
				<-release
				return "of the leader", nil
			})
		})
		<-started
		waiter := e.inBackground(func() {
			e.loadsLater("k", "of the waiter", func(ctx context.Context) (string, error) {
				cache.Private(ctx, "session")
				return "of the waiter", nil
			})
		})
		e.eventually("the second caller waits", func() bool { return e.c.Stats().Coalesced > 0 })
		close(release)
		<-leader
		<-waiter
	}},
	{"Refused", "What is said to be unstorable is not stored.", func(e *cacheEnv) {
		e.loadsLater("k", "x", func(ctx context.Context) (string, error) {
			cache.ScopeOf(ctx).Unstorable("degraded")
			return "x", nil
		})
		missed(e, "k")
	}},
	{"Vary", "A value that varies is a hit only for the same values.", func(e *cacheEnv) {
		locale := func(value string) context.Context {
			return context.WithValue(e.Context(), cache.VariantsKey{}, fixedVariants{"locale": value})
		}
		load := func(ctx context.Context) (string, error) {
			v := ctx.Value(cache.VariantsKey{}).(fixedVariants)["locale"]
			cache.Vary(ctx, "locale", v)
			return "in " + v, nil
		}
		for _, value := range []string{"de", "de", "fr", "fr"} {
			got, err := cache.Of[string](e.c).GetOrSet(locale(value), "k", load)
			e.ok("GetOrSet", err)
			if got != "in "+value {
				e.broken("a reader with locale %s got %q", value, got)
			}
		}
		ctx, scope := cache.Open(locale("fr"))
		_, found, err := cache.Of[string](e.c).Get(ctx, "k")
		e.ok("Get", err)
		if vary := scope.Deps().Vary; !found || len(vary) != 1 || vary[0].Name != "locale" || vary[0].Value != "fr" {
			e.broken("Get = %v, scope varies by %v, want by locale", found, vary)
		}
		missed(e, "k") // a reader who cannot tell his locale
	}},
	{"ErrorFlows", "What a failing loader said to its Scope is said to the caller's.", func(e *cacheEnv) {
		ctx, scope := cache.Open(e.Context())
		_, err := cache.Of[string](e.c).GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
			cache.Private(ctx, "session")
			return "", errLoader
		})
		if err == nil || scope.Deps().Private != "session" {
			e.broken("after an error that came from private data the scope is private: %q", scope.Deps().Private)
		}
	}},
}

type fixedVariants map[string]string

func (v fixedVariants) Variant(_ context.Context, name string) (cache.Pair, error) {
	value, ok := v[name]
	return cache.Pair{Name: name, Value: value, Absent: !ok}, nil
}

func privateLoader(ctx context.Context) (string, error) {
	cache.Private(ctx, "session")
	return "mine", nil
}

// nestedLoad makes a value under key out of another that carries the tag t.
func (e *cacheEnv) nestedLoad(key string) {
	e.Helper()
	e.loads(key, "inner value", func(ctx context.Context) (string, error) {
		return cache.Of[string](e.c).GetOrSet(ctx, "inner", func(ctx context.Context) (string, error) {
			cache.Tag(ctx, "t")
			return "inner value", nil
		})
	})
}

func (e *cacheEnv) hasTags(what string, scope *cache.Scope, want ...string) {
	e.Helper()
	var got []string
	for _, tag := range scope.Deps().Tags {
		got = append(got, tag.Name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		e.broken("%s: the scope has the tags %q, want %q", what, got, want)
	}
}
