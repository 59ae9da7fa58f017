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
	// busOffset is from the port of a cluster node to that of its bus.
	busOffset = 10000
)

var (
	handedOutMu sync.Mutex
	handedOut   = map[int]bool{}
)

// FreeAddr returns a loopback address ("127.0.0.1:port") on which nothing
// listens. It is not reserved: another process may take it, so a program that
// finds it taken asks again. One process never gets the same address twice.
func FreeAddr() (string, error) {
	return freeAddr(lastPort, func(port int) (bool, error) { return take(port) })
}

// freeClusterAddr is FreeAddr for a node of a Redis Cluster, which needs two
// ports.
func freeClusterAddr() (string, error) {
	return freeAddr(lastPort-busOffset, func(port int) (bool, error) {
		if ok, err := take(port + busOffset); !ok {
			return false, err
		}
		return take(port)
	})
}

// freeAddr tries ports from firstPort up to last.
func freeAddr(last int, try func(port int) (bool, error)) (string, error) {
	var failure error
	for range 200 {
		port := firstPort + rand.IntN(last-firstPort)
		ok, err := try(port)
		if ok {
			return loopback(port), nil
		}
		if err != nil {
			failure = err
		}
	}
	return "", fmt.Errorf("server: no free port between %d and %d on 127.0.0.1: %w", firstPort, last, failure)
}

// take reports whether nothing listens on the port, and nobody was given it.
func take(port int) (bool, error) {
	if !claim(port) {
		return false, nil
	}
	listener, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false, err
	}
	return true, listener.Close()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func claim(port int) bool {
	handedOutMu.Lock()
	defer handedOutMu.Unlock()
	if handedOut[port] {
		return false
	}
	handedOut[port] = true
	return true
}
