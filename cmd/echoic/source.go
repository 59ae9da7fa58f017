package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/console/admin"
)

// operator is what the commands ask: a running application, or the stores.
type operator interface {
	console.Source
	console.Inspector
	console.Purger
	console.Sessions
	console.Explainer
}

// opened is an operator and how it was reached.
type opened struct {
	operator
	live  bool // a running application
	close func() error
}

// helloTimeout is how long an application may take to say that it is there.
const helloTimeout = 3 * time.Second

// errOwnMemory is a cache that only its process knows.
var errOwnMemory = &exitError{exitConnect, "the cache is in the application's own memory, which no other program reaches.\nSet ADMIN_SOCKET=./admin.sock (or another path) for the application and this command, or keep the cache elsewhere: set REDIS_URL."}

// open asks the application at ADMIN_SOCKET, and without one opens the stores as
// a server would. cache says that the caches are needed.
func open(ctx context.Context, cfg echoic.Config, s streams, cache bool) (*opened, error) {
	if cfg.AdminSocket != "" {
		client, err := admin.Dial(cfg.AdminSocket, cfg.AdminToken)
		if err != nil {
			return nil, err
		}
		hello, cancel := context.WithTimeout(ctx, helloTimeout)
		defer cancel()
		_, err = client.Overview(hello)
		if err == nil {
			return &opened{client, true, client.Close}, nil
		}
		_ = client.Close() // nothing is under way
		if !errors.Is(err, admin.ErrUnreachable) || cache && cfg.Plan().Cache == echoic.Memory {
			return nil, err
		}
		fmt.Fprintf(s.err, "echoic: no application answers at %s: reading the stores\n", printable(cfg.AdminSocket))
	} else if cache && cfg.Plan().Cache == echoic.Memory {
		return nil, errOwnMemory
	} else {
		fmt.Fprintln(s.err, "echoic: ADMIN_SOCKET is not set: reading the stores; what only a process knows is missing")
	}
	return openStores(ctx, cfg)
}

func openStores(ctx context.Context, cfg echoic.Config) (*opened, error) {
	cfg.AdminSocket, cfg.CacheNearBytes = "", 0
	cfg.CacheStoreBudget = max(cfg.CacheStoreBudget, helloTimeout)
	cfg.RedisSocketTimeout = max(cfg.RedisSocketTimeout, time.Second)
	app, err := echoic.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	overview, err := app.Overview(ctx)
	if err != nil {
		return nil, errors.Join(err, app.Close())
	}
	for _, store := range overview.Stores {
		if !store.OK && store.Role != "fallback" {
			text := fmt.Sprintf("%s at %s cannot be reached: %s", store.Kind, store.Addr, store.Problem)
			return nil, errors.Join(&exitError{exitConnect, text}, app.Close())
		}
	}
	return &opened{app, false, app.Close}, nil
}
