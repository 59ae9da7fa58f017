package chaos

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
)

// refusalKinds are the ways in which a healthy Redis refuses work.
func refusalKinds() map[string]kind {
	return map[string]kind{
		"redis.maxclients": {
			about: "Redis lets nobody in any more (maxclients)",
			make: func(e *Env, _ *params) injection {
				return e.held(func(conn redis.Conn) {
					e.send(conn, "CONFIG", "SET", "maxclients", 1)
					e.send(conn, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
				}, func(conn redis.Conn) { e.send(conn, "CONFIG", "SET", "maxclients", 10_000) })
			},
		},
		"redis.auth": {
			about: "Redis has another password",
			make: func(e *Env, _ *params) injection {
				return e.held(func(conn redis.Conn) {
					e.send(conn, "CONFIG", "SET", "requirepass", "another")
					e.send(conn, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
				}, func(conn redis.Conn) { e.send(conn, "CONFIG", "SET", "requirepass", e.Redis.Password) })
			},
		},
		"redis.misconf": {
			about: "Redis cannot save and takes no writes (MISCONF)",
			make:  func(e *Env, _ *params) injection { return injection{e.misconf, e.misconfOver} },
		},
	}
}

// held makes an injection of what needs a connection that was there before: no
// other is let in.
func (e *Env) held(begin, end func(redis.Conn)) injection {
	var conn redis.Conn
	return injection{
		begin: func() {
			var err error
			if conn, err = redis.Dial("unix", e.Redis.Socket, redis.DialPassword(e.Redis.Password), redis.DialReadTimeout(adminTimeout), redis.DialWriteTimeout(adminTimeout)); err != nil {
				e.t.Fatalf("chaos: %v", err)
			}
			begin(conn)
		},
		end: func() {
			end(conn)
			e.check(conn.Close())
		},
	}
}

// adminTimeout bounds one command of a fault's own.
const adminTimeout = 5 * time.Second

func (e *Env) send(conn redis.Conn, command string, args ...any) {
	e.t.Helper()
	if _, err := conn.Do(command, args...); err != nil {
		e.t.Errorf("chaos: %s: %v", command, err)
	}
}

// dumpName is where Redis saves: a directory that is in the way. A server with
// an append-only file has no dump yet.
const dumpName = "dump.rdb"

func (e *Env) misconf() {
	e.check(os.Mkdir(filepath.Join(e.Redis.Dir, dumpName), 0o700))
	e.redis("CONFIG", "SET", "save", "3600 1000000")
	e.save("rdb_last_bgsave_status:err")
}

func (e *Env) misconfOver() {
	e.check(os.Remove(filepath.Join(e.Redis.Dir, dumpName)))
	e.save("rdb_last_bgsave_status:ok")
	e.redis("CONFIG", "SET", "save", "")
}

// save saves in the background until the server says how that ended.
func (e *Env) save(want string) {
	testenv.Eventually(e.t, patience, func() bool {
		info, err := redis.String(e.Redis.Do("INFO", "persistence"))
		if err != nil || strings.Contains(info, want) {
			return err == nil
		}
		_, _ = e.Redis.Do("BGSAVE") // refused while one runs
		return false
	}, "Redis says %s", want)
}
