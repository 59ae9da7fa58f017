package testenv

import (
	"testing"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

// Certificates is server.Certificates: files of an authority, a server and a
// client.
type Certificates = server.Certificates

// NewCertificates makes certificates for RedisConfig.TLS and a client, in a
// directory that goes when t ends.
func NewCertificates(t testing.TB) *Certificates {
	t.Helper()
	certificates, err := server.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	return certificates
}
