package redis

import (
	"errors"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/session"
)

// conn is a connection for one step, and how long its answers may take.
type conn struct {
	redis.Conn
	patience time.Duration
}

// ask sends a command and waits for its answer.
func (c conn) ask(command string, args ...any) (any, error) {
	return redis.DoWithTimeout(c.Conn, c.patience, command, args...)
}

// set stores the record under the condition NX or XX and reports whether it did.
func (c conn) set(key string, rec session.Record, condition string) (bool, error) {
	reply, err := c.ask("SET", key, rec.Data, "PX", millis(rec.Expiry), condition)
	return reply != nil, err
}

// millis is what is left until at. It is relative, so that the clocks of server
// and application may differ, and positive, since 0 is an error.
func millis(at time.Time) int64 { return max(time.Until(at).Milliseconds(), 1) }

// records reads values and lifetimes in one round trip. What is absent is nil.
func (c conn) records(keys []string) ([]*session.Record, error) {
	for _, key := range keys {
		if err := c.Send("GET", key); err != nil {
			return nil, err
		}
		if err := c.Send("PTTL", key); err != nil {
			return nil, err
		}
	}
	replies, err := redis.Values(c.ask("")) // all that are pending
	if err != nil {
		return nil, err
	}
	now := time.Now()
	records := make([]*session.Record, len(keys))
	for i := range keys {
		data, err := redis.Bytes(replies[2*i], nil)
		if errors.Is(err, redis.ErrNil) {
			continue
		}
		if err != nil {
			return nil, err
		}
		left, err := redis.Int64(replies[2*i+1], nil)
		if err != nil {
			return nil, err
		}
		records[i] = alive(data, left, now)
	}
	return records, nil
}

// The answers of PTTL that are not a time.
const (
	vanished = -2
	forever  = -1
)

// alive returns the record, or nil if it expired between the two commands.
func alive(data []byte, left int64, now time.Time) *session.Record {
	switch left {
	case vanished:
		return nil
	case forever:
		// Nobody who keeps to the layout writes this; the first touch ends it.
		return &session.Record{Data: data}
	}
	return &session.Record{Data: data, Expiry: now.Add(time.Duration(left) * time.Millisecond).UTC()}
}

// scanCount is about how many keys the server looks at for one SCAN.
const scanCount = 1000

// scan returns the keys that one SCAN finds, and the cursor for the next.
func (c conn) scan(cursor, pattern string) (next string, keys []string, err error) {
	replies, err := redis.Values(c.ask("SCAN", cursor, "MATCH", pattern, "COUNT", scanCount))
	if err != nil {
		return "", nil, err
	}
	if len(replies) != 2 {
		return "", nil, fmt.Errorf("SCAN answered %d parts instead of 2", len(replies))
	}
	if next, err = redis.String(replies[0], nil); err != nil {
		return "", nil, err
	}
	keys, err = redis.Strings(replies[1], nil)
	return next, keys, err
}
