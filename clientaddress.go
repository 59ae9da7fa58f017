package echoic

import (
	"net/http"

	"github.com/echoic-go/echoic/internal/peer"
)

// clientAddress returns what finds the client's address, behind the trusted proxies.
func (cfg Config) clientAddress() (func(*http.Request) string, error) {
	proxies, err := cfg.proxies()
	return func(r *http.Request) string {
		if addr := peer.Address(r, proxies); addr.IsValid() {
			return addr.String()
		}
		return ""
	}, err
}
