package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/echoic-go/echoic/console"
)

const (
	dialTimeout = 2 * time.Second
	mostAnswer  = 16 << 20
)

// ErrUnreachable says that no application answers at the address. It comes
// wrapped.
var ErrUnreachable = errors.New("admin: no application answers")

// Client asks a running application. It is safe for concurrent use.
type Client struct {
	address, token, host string
	http                 *http.Client
}

// Dial returns a client; it connects with the first question.
func Dial(address, token string) (*Client, error) {
	if err := CheckAddress(address, token); err != nil {
		return nil, err
	}
	c := &Client{address: address, token: token, host: address}
	if isPath(address) {
		c.host = unixHost
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	c.http = &http.Client{
		Transport: &http.Transport{
			Proxy: nil, // never through one
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network(address), address)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Address is where the application is.
func (c *Client) Address() string { return c.address }

// send asks and returns the body of a good answer.
func (c *Client) send(ctx context.Context, method, name string, question any) (io.ReadCloser, error) {
	var body io.Reader
	if question != nil {
		raw, err := json.Marshal(question)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+c.host+"/"+Version+"/"+name, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w at %s: %w: start it with the same ADMIN_SOCKET", ErrUnreachable, c.address, err)
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer func() { _ = response.Body.Close() }()
	return nil, c.failed(name, response)
}

func (c *Client) failed(name string, response *http.Response) error {
	var f failure
	err := json.NewDecoder(io.LimitReader(response.Body, mostBody)).Decode(&f)
	switch {
	case response.StatusCode == http.StatusNotFound:
		return fmt.Errorf("admin: the application at %s does not know %q: use the command line of its own version", c.address, name)
	case err != nil:
		return fmt.Errorf("admin: %s answered %s: is that an application that uses Echoic?", c.address, response.Status)
	case f.Target:
		return &console.TargetError{Reason: f.Error}
	}
	return fmt.Errorf("admin: %s: %s", c.address, f.Error)
}

func ask[A any](ctx context.Context, c *Client, method, name string, question any) (a A, err error) {
	body, err := c.send(ctx, method, name, question)
	if err != nil {
		return a, err
	}
	defer func() { _ = body.Close() }()
	if err := json.NewDecoder(io.LimitReader(body, mostAnswer)).Decode(&a); err != nil {
		return a, fmt.Errorf("admin: the answer of %s cannot be read: %w", c.address, err)
	}
	return a, nil
}

// Overview implements console.Source.
func (c *Client) Overview(ctx context.Context) (console.Overview, error) {
	return ask[console.Overview](ctx, c, http.MethodGet, "overview", nil)
}

// Activity implements console.Source.
func (c *Client) Activity(ctx context.Context) (console.Activity, error) {
	return ask[console.Activity](ctx, c, http.MethodGet, "activity", nil)
}

// Search implements console.Inspector.
func (c *Client) Search(ctx context.Context, q console.Query) (console.Found, error) {
	return ask[console.Found](ctx, c, http.MethodPost, "search", q)
}

// Inspect implements console.Inspector.
func (c *Client) Inspect(ctx context.Context, key string) (console.Entry, bool, error) {
	a, err := ask[entryAnswer](ctx, c, http.MethodPost, "inspect", keyQuestion{key})
	return a.Entry, a.Found, err
}

// Explain implements console.Explainer.
func (c *Client) Explain(ctx context.Context, q console.Question) (console.Explanation, error) {
	return ask[console.Explanation](ctx, c, http.MethodPost, "explain", q)
}

// Preview implements console.Purger.
func (c *Client) Preview(ctx context.Context, p console.Purge) (console.Preview, error) {
	return ask[console.Preview](ctx, c, http.MethodPost, "preview", p)
}

// Purge implements console.Purger.
func (c *Client) Purge(ctx context.Context, p console.Purge) (console.Purged, error) {
	return ask[console.Purged](ctx, c, http.MethodPost, "purge", p)
}

// UserSessions implements console.Sessions.
func (c *Client) UserSessions(ctx context.Context, user string) ([]console.UserSession, error) {
	return ask[[]console.UserSession](ctx, c, http.MethodPost, "sessions", userQuestion{User: user})
}

// RevokeSessions implements console.Sessions.
func (c *Client) RevokeSessions(ctx context.Context, user string, ids ...string) (int, error) {
	a, err := ask[endedAnswer](ctx, c, http.MethodPost, "revoke", userQuestion{user, ids})
	return a.Ended, err
}

// Warm implements Warmer. More URLs than fit into one question go in several; Total is
// then that of all that have been asked.
func (c *Client) Warm(ctx context.Context, order WarmOrder, told func(Warmed)) error {
	urls, before := order.URLs, 0
	for {
		n := fitting(urls)
		part := WarmOrder{URLs: urls[:n], PerSecond: order.PerSecond}
		if n == len(urls) {
			part.Sitemaps, part.Top = order.Sitemaps, order.Top
		}
		err := c.warm(ctx, part, func(one Warmed) {
			one.Total = max(one.Total, n) + before
			told(one)
		})
		if err != nil || n == len(urls) {
			return err
		}
		urls, before = urls[n:], before+n
	}
}

// fitting is how many of the URLs one question takes: one at least, if there is any.
func fitting(urls []string) (n int) {
	size := len(`{"urls":[]}`)
	for _, u := range urls {
		raw, _ := json.Marshal(u) // a string always can be
		if size += len(raw) + 1; size > mostBody && n > 0 {
			break
		}
		n++
	}
	return n
}

func (c *Client) warm(ctx context.Context, order WarmOrder, told func(Warmed)) error {
	body, err := c.send(ctx, http.MethodPost, "warm", order)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	decoder := json.NewDecoder(body)
	for {
		var line struct {
			Warmed
			Done *failure `json:"done"`
		}
		if err := decoder.Decode(&line); err != nil {
			return fmt.Errorf("admin: the answer of %s was cut off: %w", c.address, err)
		}
		if line.Done != nil {
			switch {
			case line.Done.Target:
				return &console.TargetError{Reason: line.Done.Error}
			case line.Done.Error != "":
				return errors.New(line.Done.Error)
			}
			return nil
		}
		told(line.Warmed)
	}
}

var _ interface {
	console.Source
	console.Inspector
	console.Purger
	console.Sessions
	console.Explainer
	Warmer
} = (*Client)(nil)
