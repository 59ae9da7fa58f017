package echoic

import (
	"crypto/hmac"
	"crypto/sha256"
	"net"

	"github.com/echoic-go/echoic/console"
)

// Console makes the monitoring page of this App: a handler for cfg.Path and
// everything below it, which Close ends.
//
//	page, err := app.Console(console.Config{Authorize: onlyAdmins})
//	e.Any(page.Path()+"*", echo.WrapHandler(page))
//
// cfg needs an authoriser. Source and Logger default to those of the App; Hosts to
// Config.AllowedHosts, or to this machine's own names if that is empty; Secret
// follows from SECRET_KEY, which servers behind one address have to share.
func (a *App) Console(cfg console.Config) (*console.Console, error) {
	if cfg.Source == nil {
		cfg.Source = a
	}
	if cfg.Logger == nil {
		cfg.Logger = a.Logger
	}
	if cfg.Hosts == nil && len(a.Config.AllowedHosts) > 0 {
		for _, host := range a.Config.AllowedHosts {
			if name, _, err := net.SplitHostPort(host); err == nil {
				host = name
			}
			cfg.Hosts = append(cfg.Hosts, host)
		}
	}
	if key := a.secret(); cfg.Secret == nil && key != nil {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("echoic console")) // never fails
		cfg.Secret = mac.Sum(nil)
	}
	page, err := console.New(cfg)
	if err != nil {
		return nil, err
	}
	a.owned.add(page)
	return page, nil
}

var _ console.Sessions = (*App)(nil)
