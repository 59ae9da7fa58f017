package server

// What the tests need to see of a package whose work is mostly done by other
// processes.
var (
	FindRedisIn    = findRedis
	FindPostgresIn = findPostgres
)

// WatchdogPID returns the process id of w's watchdog.
func (w *Workspace) WatchdogPID() int { return w.dog.cmd.Process.Pid }
