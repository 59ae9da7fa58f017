package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are PEM files for servers on the loopback interface and their
// clients, signed by one authority and valid for a day.
type Certificates struct {
	// CAFile is the authority.
	CAFile string
	// ServerCertFile and ServerKeyFile are for 127.0.0.1 and ::1, and no name.
	ServerCertFile, ServerKeyFile string
	// ClientCertFile and ClientKeyFile are the client's.
	ClientCertFile, ClientKeyFile string
	// OtherCAFile is an authority that has signed nothing.
	OtherCAFile string
}

// NewCertificates makes certificates in dir.
func NewCertificates(dir string) (*Certificates, error) {
	path := func(name string) string { return filepath.Join(dir, name) }
	c := &Certificates{
		CAFile:         path("ca.pem"),
		ServerCertFile: path("server.pem"), ServerKeyFile: path("server.key"),
		ClientCertFile: path("client.pem"), ClientKeyFile: path("client.key"),
		OtherCAFile: path("other.pem"),
	}
	ca, err := issue(nil, c.CAFile, path("ca.key"))
	if err != nil {
		return nil, err
	}
	_, server := issue(ca, c.ServerCertFile, c.ServerKeyFile)
	_, client := issue(ca, c.ClientCertFile, c.ClientKeyFile)
	_, other := issue(nil, c.OtherCAFile, path("other.key"))
	return c, errors.Join(server, client, other)
}

// lines are for redis.conf. Servers of a cluster or a replication use TLS among
// themselves too.
func (c *Certificates) lines() []string {
	return []string{
		"tls-ca-cert-file " + quote(c.CAFile),
		"tls-cert-file " + quote(c.ServerCertFile),
		"tls-key-file " + quote(c.ServerKeyFile),
		"tls-auth-clients yes",
		"tls-replication yes",
		"tls-cluster yes",
	}
}

// issuer is a certificate that can sign.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue writes a certificate and its key; without a parent, that of an authority.
func issue(parent *issuer, certFile, keyFile string) (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("server: certificates: %w", err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, fmt.Errorf("server: certificates: %w", err)
	}
	now := time.Now()
	cert := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: filepath.Base(certFile)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		BasicConstraintsValid: true,
	}
	own := &issuer{cert, key}
	if parent == nil {
		cert.IsCA, cert.KeyUsage = true, x509.KeyUsageCertSign
		parent = own
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent.cert, &key.PublicKey, parent.key)
	if err != nil {
		return nil, fmt.Errorf("server: certificates: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("server: certificates: %w", err)
	}
	return own, errors.Join(
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
	)
}
