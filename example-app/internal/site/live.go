package site

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

// newQuotes is the channel on which servers tell each other of new quotations, and
// the name of the event that open pages get.
const newQuotes = "new-quote"

// announcement is what live.js shows.
type announcement struct {
	URL    string `json:"url"`
	Author string `json:"author"`
	Text   string `json:"text"`
}

// announce tells all open pages, after the purge: who follows the link finds the
// quotation. It is no part of the change: nobody is told that it failed.
func (s *Site) announce(ctx context.Context, q quotes.Quote) {
	payload, err := json.Marshal(announcement{URL: "/quotes/" + url.PathEscape(q.ID), Author: q.Author.Name, Text: excerpt(q.Text, 140)})
	if err == nil {
		err = s.app.PubSub.Publish(context.WithoutCancel(ctx), newQuotes, payload)
	}
	if err != nil {
		s.log.WarnContext(ctx, "site: a new quote was not announced", "quote", q.ID, "error", err)
	}
}
