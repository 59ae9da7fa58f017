package redisconn

import (
	"context"

	"github.com/redis/rueidis"
)

// impatient is a client whose Do and DoMulti end with their contexts even where
// rueidis waits for a connection that another call is opening. What is left
// behind ends by itself, when that connection is there or is not.
//
// It costs a goroutine a command, so it is used only while connections are being
// opened.
type impatient struct{ rueidis.Client }

// Do implements rueidis.Client.
func (c impatient) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	done := make(chan rueidis.RedisResult, 1)
	go func() { done <- c.Client.Do(ctx, cmd) }()
	select {
	case result := <-done:
		return result
	case <-ctx.Done():
		return rueidis.NewErrorResult(ctx.Err())
	}
}

// DoMulti implements rueidis.Client.
func (c impatient) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	done := make(chan []rueidis.RedisResult, 1)
	own := append([]rueidis.Completed(nil), multi...) // the caller may use its slice again
	go func() { done <- c.Client.DoMulti(ctx, own...) }()
	select {
	case results := <-done:
		return results
	case <-ctx.Done():
		results := make([]rueidis.RedisResult, len(multi))
		for i := range results {
			results[i] = rueidis.NewErrorResult(ctx.Err())
		}
		return results
	}
}

// Nodes implements rueidis.Client.
func (c impatient) Nodes() map[string]rueidis.Client {
	nodes := c.Client.Nodes()
	for addr, node := range nodes {
		nodes[addr] = impatient{node}
	}
	return nodes
}
