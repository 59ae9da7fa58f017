package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echoic-go/echoic"
)

// sessionsCommand is echoic sessions.
type sessionsCommand struct {
	List         sessionsList         `cmd:"" help:"List the sessions of a user, without what is in them."`
	Revoke       sessionsRevoke       `cmd:"" help:"End sessions of a user."`
	ClearExpired sessionsClearExpired `cmd:"" help:"Remove expired sessions from the database."`
}

type sessionsList struct {
	User string `arg:"" help:"The user's ID, as Login was given it."`
}

// Run prints them, never a token.
func (c *sessionsList) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) (err error) {
	o, err := open(ctx, cfg, s, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	list, err := o.UserSessions(ctx, c.User)
	if err != nil {
		return err
	}
	if g.JSON {
		return printJSON(s.out, list)
	}
	out := newScreen(s.out)
	for _, v := range list {
		out.line("%s", oneLine(v.ID))
		out.hang(nameColumn, "  begun", v.Created.UTC().Format(time.RFC3339)+" from "+oneLine(v.Address))
		out.hang(nameColumn, "  last used", v.LastSeen.UTC().Format(time.RFC3339)+", ends "+v.Expires.UTC().Format(time.RFC3339))
		out.hang(nameColumn, "  client", oneLine(v.UserAgent))
	}
	out.line("%d sessions.", len(list))
	return nil
}

type sessionsRevoke struct {
	User string   `arg:"" help:"The user's ID."`
	IDs  []string `arg:"" optional:"" name:"id" help:"Those to end. Without any, all."`
	Yes  bool     `short:"y" help:"Do not ask."`
}

// Run says how many would end, asks, and ends them.
func (c *sessionsRevoke) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) (err error) {
	if g.JSON && !c.Yes {
		return &exitError{exitUsage, "--json does not ask: add --yes"}
	}
	o, err := open(ctx, cfg, s, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	out := newScreen(s.out)
	if !c.Yes {
		list, err := o.UserSessions(ctx, c.User)
		if err != nil {
			return err
		}
		n := len(list)
		if len(c.IDs) > 0 {
			n = len(c.IDs)
		}
		out.line("This ends %d of %d sessions of user %s.", n, len(list), oneLine(c.User))
		if !confirmed(s) {
			out.line("Nothing was changed.")
			return errFailed
		}
	}
	n, err := o.RevokeSessions(ctx, c.User, c.IDs...)
	if err != nil {
		return target(err)
	}
	if g.JSON {
		return printJSON(s.out, map[string]int{"ended": n})
	}
	out.line("%d sessions ended.", n)
	return nil
}

type sessionsClearExpired struct{}

// Run removes what nobody can use any more: nothing to ask.
func (c *sessionsClearExpired) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) error {
	done, err := echoic.ClearExpiredSessions(ctx, cfg)
	if err != nil {
		return err
	}
	if g.JSON {
		return printJSON(s.out, map[string]bool{"removed": done})
	}
	if !done {
		fmt.Fprintln(s.out, "Nothing to do: the sessions are in Redis, which removes expired ones itself.")
		return nil
	}
	fmt.Fprintln(s.out, "Expired sessions are gone.")
	return nil
}
