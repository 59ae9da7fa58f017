package site

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/echoic-go/echoic/example-app/internal/accounts"
)

// What one visitor has, in the session. Everything that calls these makes its
// answer private.

const (
	favouritesKey = "favourites" // IDs, the last kept first, with a comma between
	flashKey      = "flash"      // what to say on the next page
)

// maxFavourites bounds a session.
const maxFavourites = 200

// user returns who is signed in. A guest has no name.
func (s *Site) user(ctx context.Context) (accounts.User, error) {
	id := s.app.Sessions.UserID(ctx)
	if id == "" {
		return accounts.User{}, nil
	}
	u, err := s.accounts.User(ctx, id)
	if errors.Is(err, accounts.ErrDenied) {
		return accounts.User{}, nil // removed since he signed in
	}
	return u, err
}

func (s *Site) favouriteIDs(ctx context.Context) []string {
	list := s.app.Sessions.GetString(ctx, favouritesKey)
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func (s *Site) setFavourites(ctx context.Context, ids []string) {
	if len(ids) == 0 {
		s.app.Sessions.Remove(ctx, favouritesKey)
		return
	}
	s.app.Sessions.Put(ctx, favouritesKey, strings.Join(ids, ","))
}

// keep puts an ID in front of the favourites and says what came of it.
func (s *Site) keep(ctx context.Context, id string) string {
	ids := s.favouriteIDs(ctx)
	switch {
	case slices.Contains(ids, id):
		return "You have kept it already."
	case len(ids) >= maxFavourites:
		return "That is as many as fit. Remove one first."
	}
	s.setFavourites(ctx, slices.Insert(ids, 0, id))
	return "Kept."
}

// drop takes an ID out of the favourites.
func (s *Site) drop(ctx context.Context, id string) {
	ids := s.favouriteIDs(ctx)
	s.setFavourites(ctx, slices.DeleteFunc(ids, func(other string) bool { return other == id }))
}

// say leaves a message for the visitor's next page.
func (s *Site) say(ctx context.Context, message string) {
	s.app.Sessions.Put(ctx, flashKey, message)
}

// said returns the message, once. A visitor without one gets no session.
func (s *Site) said(ctx context.Context) string {
	if s.app.Sessions.GetString(ctx, flashKey) == "" {
		return ""
	}
	return s.app.Sessions.PopString(ctx, flashKey)
}
