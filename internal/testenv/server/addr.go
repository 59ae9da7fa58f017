package server

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are taken from below the range that kernels use for outgoing
// connections (32768 and up on Linux, 49152 on macOS). A port from that range
// could be some connection's own port at the moment a killed server wants it
// back.
const (
	firstPort = 15000
	lastPort  = 32000
)

var (
	handedOutMu sync.Mutex
	handedOut   = map[int]bool{}
)

// FreeAddr returns a loopback address ("127.0.0.1:port") on which nothing
// listens. It is not reserved: another process may take it, so a program that
// finds it taken asks again. One process never gets the same address twice.
func FreeAddr() (string, error) {
	var last error
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if !claim(port) {
			continue
		}
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			last = err
			continue
		}
		if err := listener.Close(); err != nil {
			return "", fmt.Errorf("server: free port: %w", err)
		}
		return addr, nil
	}
	return "", fmt.Errorf("server: no free port between %d and %d on 127.0.0.1: %w", firstPort, lastPort, last)
}

func claim(port int) bool {
	handedOutMu.Lock()
	defer handedOutMu.Unlock()
	if handedOut[port] {
		return false
	}
	handedOut[port] = true
	return true
}
