package testenv_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/echoic-go/echoic/internal/testenv"
)

func TestRefusedAddr(t *testing.T) {
	t.Parallel()
	addr := testenv.RefusedAddr(t)
	for range 3 {
		if _, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("dialling %s: %v", addr, err)
		}
	}
	if l, err := net.Listen("tcp", addr); err == nil {
		_ = l.Close()
		t.Fatalf("%s can be taken by others", addr)
	}
}
