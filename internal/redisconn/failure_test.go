package redisconn_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/redisconn"
)

func TestFailure(t *testing.T) {
	t.Parallel()
	target := parse(t, "redis://:"+marker+"@127.0.0.1:6379")
	for _, row := range []struct {
		name        string
		err         error
		unavailable bool
		text        string
	}{
		{"in a script, as Redis 6.2 says it", redigo.Error("ERR Error running script (call to f_0): @user_script:9: @user_script: 9: -OOM command not allowed when used memory > 'maxmemory'."), true, "maxmemory"},
		{"a script's own fault", redigo.Error("ERR Error running script (call to f_0): @user_script:1: attempt to index a nil value"), false, "see the server's log"},
		{"moved too often", redigo.Error("MOVED 1 127.0.0.1:1"), true, "cluster agrees"},
		{"too slow", context.DeadlineExceeded, true, "no answer within 1s"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := redisconn.Failure(target, time.Second, "incr", row.err)
			if errors.Is(err, redisconn.ErrUnavailable) != row.unavailable || !strings.Contains(err.Error(), row.text) || strings.Contains(err.Error(), marker) {
				t.Errorf("got %v", err)
			}
			if again := redisconn.Failure(target, time.Second, "incr", err); again != err {
				t.Errorf("again: %v", again)
			}
		})
	}
}
