package main

import "syscall"

// groupOfItsOwn also has the program end when this one is killed: it would
// go on without its servers and hold the port.
func groupOfItsOwn() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
