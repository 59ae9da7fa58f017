//go:build unix

package faultproxy

import (
	"net"
	"syscall"
)

// keepPort binds addr without listening on it, so that the system refuses who
// connects and gives the port to nobody else. release gives it back.
func keepPort(addr string) (release func() error, err error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	family, bound := syscall.AF_INET, syscall.Sockaddr(nil)
	if ip := tcp.IP.To4(); ip != nil {
		bound = &syscall.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(ip)}
	} else {
		family, bound = syscall.AF_INET6, &syscall.SockaddrInet6{Port: tcp.Port, Addr: [16]byte(tcp.IP.To16())}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	release = func() error { return syscall.Close(fd) }
	// Connections that came through the port may still be open.
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		_ = release()
		return nil, err
	}
	if err := syscall.Bind(fd, bound); err != nil {
		_ = release()
		return nil, err
	}
	return release, nil
}
