package console

import (
	"context"
	"time"
)

// Source knows what the console shows. Calls take some milliseconds however much is
// stored: what would have to be counted is estimated, and says so. A Source is safe
// for concurrent use, and never hands out what is in a session but the shareable values
// that a page varies by.
//
// What else it can do it says by implementing [Inspector], [Purger], [Sessions] or
// [Explainer]; the console has a page for each. A [Counter] is not asked for an
// Overview while nobody looks.
type Source interface {
	// Overview returns how this server is. Parts that do not answer in time say
	// so in their Problem.
	Overview(ctx context.Context) (Overview, error)
	// Activity returns what this server did: routes, URLs, tags, decisions.
	Activity(ctx context.Context) (Activity, error)
}

// Counter knows some of its overview without asking its stores.
type Counter interface {
	// Counters returns an Overview with what this process has counted, of which
	// charts are drawn. Of its stores the calls are right, and nothing else.
	Counters() Overview
}

// Inspector looks at stored things.
type Inspector interface {
	// Search finds keys. It gives up after some time, and says so.
	Search(ctx context.Context, q Query) (Found, error)
	// Inspect returns what is under a key that Search found, decoded; false if
	// nothing is.
	Inspect(ctx context.Context, key string) (Entry, bool, error)
}

// Purger makes stored things miss.
type Purger interface {
	// Preview says what a purge would touch. It changes nothing. An error that
	// is a *TargetError is shown to who asks.
	Preview(ctx context.Context, p Purge) (Preview, error)
	// Purge does it, and returns when all servers will hear of it.
	Purge(ctx context.Context, p Purge) (Purged, error)
}

// Sessions counts, lists and ends sessions. What is in them it does not tell.
type Sessions interface {
	UserSessions(ctx context.Context, user string) ([]UserSession, error)
	// RevokeSessions ends the sessions with the IDs, or without IDs all of the
	// user, and returns how many there were.
	RevokeSessions(ctx context.Context, user string, ids ...string) (int, error)
}

// Explainer says what the cache would do with a request.
type Explainer interface {
	Explain(ctx context.Context, q Question) (Explanation, error)
}

// Query is what to search for.
type Query struct {
	// Text is a glob over keys of values, or a part of it, or a URL.
	Text string `json:"text"`
	// Limit is how many keys to return at most. Defaults to 100, at most 1000.
	Limit int `json:"limit,omitempty"`
}

// Found is what a search found.
type Found struct {
	Keys []Key `json:"keys"`
	// Complete is false if the search gave up, or found more than Limit.
	Complete bool `json:"complete"`
	// Looked is how many keys were looked at.
	Looked int `json:"looked"`
}

// Key is something stored.
type Key struct {
	Key  string `json:"key"`  // for Inspect
	Kind string `json:"kind"` // value, counter, page, fragment, tag, control
	Name string `json:"name"` // for people
}

// Entry is a stored thing.
type Entry struct {
	Key
	Created time.Time     `json:"created,omitzero"`
	Expires time.Time     `json:"expires,omitzero"` // zero: never, or not known
	TTL     time.Duration `json:"ttl_ns,omitempty"`
	// Current is false for what nobody can read any more; Why says why.
	Current bool     `json:"current"`
	Why     string   `json:"why,omitempty"`
	Stored  int      `json:"stored_bytes"` // as it is stored; 0 where it is not encoded
	Size    int      `json:"size_bytes"`
	Tags    []string `json:"tags,omitempty"`
	// Private is set for what was made for one visitor, whose content is not
	// shown.
	Private string `json:"private,omitempty"`
	Facts   []Fact `json:"facts,omitempty"` // status, header fields, variants, …
	// Text is the content for people, at most 64 KiB of it.
	Text      string `json:"text,omitempty"`
	Truncated bool   `json:"truncated,omitempty"`
}

// Fact is a name and what it is.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// The kinds of [Purge.By].
const (
	ByTag    = "tag"
	ByURL    = "url"
	ByPrefix = "prefix" // of URLs: scheme, host and the beginning of a path
	ByKey    = "key"    // the value under a key, or those that match a glob
	ByAll    = "all"
)

// Purge is what is to miss from now on.
type Purge struct {
	By     string `json:"by"`
	Target string `json:"target,omitempty"` // empty for ByAll
	// Soft lets what is purged be served stale while it is made anew.
	Soft bool `json:"soft,omitempty"`
}

// Preview is what a purge would touch.
type Preview struct {
	Purge
	// Touches says in words what would miss.
	Touches string `json:"touches"`
	// Count is how many things that are, as far as it is known.
	Count    int   `json:"count"`
	Known    bool  `json:"count_known"` // false: nobody counts them
	Estimate bool  `json:"estimate"`    // the count may be off
	Examples []Key `json:"examples,omitempty"`
}

// Purged is what a purge did.
type Purged struct {
	Purge
	Detail string        `json:"detail"`
	Took   time.Duration `json:"took_ns"`
}

// TargetError is a purge, a query or a question that makes no sense.
type TargetError struct{ Reason string }

func (e *TargetError) Error() string { return "console: " + e.Reason }

// UserSession is one session of a user. It has no token.
type UserSession struct {
	ID        string    `json:"id"`
	Current   bool      `json:"current"`
	Created   time.Time `json:"created"`
	LastSeen  time.Time `json:"last_seen"`
	Expires   time.Time `json:"expires"`
	UserAgent string    `json:"user_agent"` // whatever the browser says
	Address   string    `json:"address"`
}

// Question is a request to explain.
type Question struct {
	URL    string `json:"url"` // absolute, or a path of this site
	Method string `json:"method,omitempty"`
	// Header are request headers, one "Name: value" each.
	Header []string `json:"header,omitempty"`
}

// Explanation is what the cache would do with a request, and why.
type Explanation struct {
	Question
	// Verdict is one sentence.
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"` // its code
	// Steps are the decisions in their order.
	Steps []Step `json:"steps"`
	// Key are the parts of the key that follow from the URL, or, if such a request
	// was seen in development, all of its key.
	Key []Fact `json:"key,omitempty"`
	// The rest is that of what is stored: its age, for how long it is fresh and
	// what says so, its tags, and where it is (memory, near, store).
	Age      time.Duration `json:"age_ns,omitempty"`
	Life     time.Duration `json:"life_ns,omitempty"`
	LifeFrom string        `json:"life_from,omitempty"`
	Tags     []string      `json:"tags,omitempty"`
	Tier     string        `json:"tier,omitempty"`
	// Code is the application's code that kept the last answer from being stored:
	// file:line (function). It is known in development only.
	Code string `json:"code,omitempty"`
	// Recent are what it did with such requests.
	Recent []Decision `json:"recent,omitempty"`
}

// Step is one decision.
type Step struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"` // it does not stand in the way of a hit
	Detail string `json:"detail"`
}
