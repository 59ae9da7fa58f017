package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/example-app/internal/accounts"
	"github.com/echoic-go/echoic/example-app/internal/database"
	"github.com/echoic-go/echoic/example-app/internal/quotes"
	"github.com/echoic-go/echoic/example-app/internal/site"
)

// quotesFile is where the quotations are without DATABASE_URL.
const quotesFile = "sqlite:data-dev/quotes.db"

// build opens everything and fills an empty database. closeAll ends it in the
// reverse order.
func build(ctx context.Context, cfg echoic.Config) (handler *site.Site, closeAll func() error, err error) {
	url := cfg.DatabaseURL
	if url == "" {
		url = quotesFile
	}
	db, err := database.Open(ctx, url)
	if err != nil {
		return nil, nil, err
	}
	closeAll = db.Close
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll())
		}
	}()
	library, people, err := prepare(ctx, cfg, db)
	if err != nil {
		return nil, nil, err
	}
	app, err := echoic.Open(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	closeAll = func() error { return errors.Join(app.Close(), db.Close()) }
	handler, err = site.New(site.Config{App: app, DB: db, Quotes: library, Accounts: people})
	if err == nil {
		err = app.ServeAdmin(ctx, handler)
	}
	return handler, closeAll, err
}

// prepare creates and fills the tables on the first start.
func prepare(ctx context.Context, cfg echoic.Config, db *database.DB) (*quotes.Repository, *accounts.Accounts, error) {
	library, err := quotes.New(quotes.Config{DB: db})
	if err != nil {
		return nil, nil, err
	}
	collection, err := quotes.BuiltIn()
	if err != nil {
		return nil, nil, fmt.Errorf("the built-in collection: %w", err)
	}
	filled, err := library.Prepare(ctx, collection)
	if err != nil {
		return nil, nil, err
	}
	if filled {
		cfg.Logger.Info("filled an empty database", "quotes", len(collection.Quotes), "database", db.Kind)
	}
	people, err := accounts.New(accounts.Config{DB: db})
	if err != nil {
		return nil, nil, err
	}
	if cfg.Env == echoic.Production {
		cfg.Logger.Warn("the demo users reader, anna and admin, whose passwords are their names, are in the database: this is an example, do not put it on the internet as it is")
	}
	return library, people, people.Prepare(ctx, accounts.Demo())
}
