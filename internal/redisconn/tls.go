package redisconn

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// tlsConfig returns what the policy says about encryption, nil for a target
// without it. The server's name is added when its address is dialled.
func (p Policy) tlsConfig(target Target) (*tls.Config, error) {
	if !target.TLS() {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if p.CAFile != "" {
		pem, err := os.ReadFile(p.CAFile)
		if err != nil {
			return nil, &PolicyError{Field: "CAFile", Problem: "cannot be read: " + err.Error(), Remedy: "give a PEM file that this user may read", Err: err}
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &PolicyError{Field: "CAFile", Problem: p.CAFile + " holds no PEM certificate", Remedy: "give the certificate of the authority that signed the server's"}
		}
	}
	if p.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile)
		if err != nil {
			return nil, &PolicyError{Field: "CertFile", Problem: fmt.Sprintf("%s cannot be used with the key %s: %v", p.CertFile, p.KeyFile, err), Remedy: "give a PEM certificate and its own key", Err: err}
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}
