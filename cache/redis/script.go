package redis

import (
	"context"
	"crypto/sha1"
	"encoding/hex"

	"github.com/redis/rueidis"
)

// script is one that names one key, so that it runs on a Cluster too. It is sent
// by its SHA-1, and as a whole to a server that does not know it (yet, or any
// more: scripts do not outlive a server).
type script struct {
	lua  *rueidis.Lua
	text string
	sha1 string
}

func newScript(text string) script {
	sum := sha1.Sum([]byte(text))
	return script{lua: rueidis.NewLuaScript(text), text: text, sha1: hex.EncodeToString(sum[:])}
}

// run is what one run of a script gets.
type run struct {
	key  string
	args []string
}

// exec runs the script once.
func (s script) exec(ctx context.Context, c rueidis.Client, r run) rueidis.RedisResult {
	return s.lua.Exec(ctx, c, []string{r.key}, r.args)
}

// pipeline runs the script for each of the runs, in one round trip to each
// server, and those again that met a server which does not know it. It returns
// the first error; runs do not depend on each other.
func (s script) pipeline(ctx context.Context, c rueidis.Client, runs []run) error {
	commands := make([]rueidis.Completed, len(runs))
	for i, r := range runs {
		commands[i] = c.B().Evalsha().Sha1(s.sha1).Numkeys(1).Key(r.key).Arg(r.args...).Build()
	}
	var first error
	var again []rueidis.Completed
	for i, result := range c.DoMulti(ctx, commands...) {
		err := result.Error()
		if answer, ok := rueidis.IsRedisErr(err); ok && answer.IsNoScript() {
			r := runs[i]
			again = append(again, c.B().Eval().Script(s.text).Numkeys(1).Key(r.key).Arg(r.args...).Build())
		} else if first == nil {
			first = err
		}
	}
	for _, result := range c.DoMulti(ctx, again...) {
		if err := result.Error(); first == nil {
			first = err
		}
	}
	return first
}
