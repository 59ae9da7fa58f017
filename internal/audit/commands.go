package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	redigo "github.com/gomodule/redigo/redis"
)

// nowhere is the hash of no script.
const nowhere = "0000000000000000000000000000000000000000"

// needed are the commands that caches, sessions, limiter and publishing send, in a
// form that changes nothing: key is one that does not exist.
func needed(key string) [][]any {
	return [][]any{
		{"GET", key}, {"MGET", key}, {"SET", key, "", "XX"}, {"EXISTS", key}, {"UNLINK", key}, {"PTTL", key}, {"PEXPIRE", key, "1"}, {"PERSIST", key},
		{"HGET", key, "f"}, {"HGETALL", key}, {"HDEL", key, "f"}, {"ZRANGE", key, "0", "0"}, {"ZREMRANGEBYSCORE", key, "0", "0"},
		{"SCAN", "0", "COUNT", "1"}, {"EVALSHA", nowhere, "1", key}, {"EVAL", "return 1", "1", key}, {"TIME"}, {"INFO", "server"},
		{"CLIENT", "ID"}, {"CLIENT", "TRACKING", "OFF"}, {"PUBLISH", key, ""},
	}
}

// readForbidden tries them. In a cluster the key may be another node's, which says so
// only to who may send the command.
func readForbidden(ctx context.Context, conn redigo.Conn, prefix string) (names []string) {
	for _, command := range needed(prefix + ":echoic-check-nothing") {
		_, err := redigo.DoContext(conn, ctx, command[0].(string), command[1:]...)
		if err == nil || !strings.Contains(refusal(err), "NOPERM") {
			continue
		}
		name := command[0].(string)
		if name == "CLIENT" {
			name += " " + command[1].(string)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// judgeCommands is about an ACL that lets the application in and then not do its work.
func judgeCommands(n node, use Use) Finding {
	f := Finding{ID: "redis.commands", Subject: n.subject(), Severity: OK, Found: fmt.Sprintf("all commands that are needed may be sent for keys under %q", use.Prefix+":")}
	if len(n.forbidden) == 0 {
		return f
	}
	f.Severity = Fail
	f.Found = fmt.Sprintf("the ACL forbids what is needed under %q: %s", use.Prefix+":", strings.Join(n.forbidden, ", "))
	f.Remedy = fmt.Sprintf("ACL SETUSER the user with ~%s* &%s* +@read +@write +@scripting +@connection +@pubsub +scan +info +time", use.Prefix, use.Prefix)
	return f
}
