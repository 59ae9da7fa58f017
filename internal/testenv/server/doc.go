// Package server runs private Redis and Postgres servers from the programs
// that are installed on this machine: on a free loopback port, with their
// files in a directory of their own, and never longer than the process that
// started them.
//
// A [Workspace] is the directory and the lifetime. Servers are started in it
// with StartRedis and StartPostgres and can be killed, stopped (SIGSTOP),
// continued, shut down and restarted on the same port and data. Closing the
// workspace ends them all.
//
//	ws, err := server.NewWorkspace()
//	if err != nil { … }
//	defer ws.Close()
//	redis, err := ws.StartRedis(ctx, server.RedisConfig{})
//
// A small shell process (the watchdog) reads from a pipe that only the
// starting process holds open. When that process dies, also by SIGKILL, the
// pipe closes, and the watchdog ends the servers and removes the directory.
// Unlike a parent-death signal this needs no Linux, and it is not tied to the
// thread that forked.
//
// The package works on Linux, macOS and the BSDs. Its servers are for tests
// and for trying things out, not for production.
package server
