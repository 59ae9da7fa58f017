package echoic

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"

	"github.com/echoic-go/echoic/session"
)

// csrf is made when it is asked for.
type csrf struct {
	once       sync.Once
	protection *session.CSRF
	err        error
}

// CSRF returns what makes and checks the tokens of forms, for middleware.CSRF and
// as the function of a hole: app.Pages.Live("csrf", live.Token, csrf.Token). Every
// call returns the same.
//
// Its keys are those of SECRET_KEY. Without any, production has none, and the error
// is a *[ConfigError]: servers have to agree on them. Elsewhere a random one is made,
// once for each App.
func (a *App) CSRF() (*session.CSRF, error) {
	a.csrf.once.Do(func() { a.csrf.protection, a.csrf.err = a.newCSRF() })
	return a.csrf.protection, a.csrf.err
}

func (a *App) newCSRF() (*session.CSRF, error) {
	if a.Sessions == nil {
		return nil, errors.New("echoic: App.CSRF of an App that was not opened: call Open")
	}
	var keys [][]byte
	for _, key := range a.Config.SecretKeys {
		keys = append(keys, []byte(key))
	}
	switch {
	case len(keys) > 0:
	case a.Config.Env == Production:
		return nil, &ConfigError{"SECRET_KEY", "", "is missing in production, and CSRF tokens need it", "make one with `openssl rand -base64 32` and give it to all servers"}
	default:
		key := make([]byte, leastSecretKey)
		_, _ = rand.Read(key) // never fails
		keys = [][]byte{key}
		a.Logger.InfoContext(context.Background(), "echoic: SECRET_KEY is not set: CSRF tokens are signed with a key that lasts until the process ends")
	}
	return session.NewCSRF(session.CSRFConfig{Manager: a.Sessions, Keys: keys})
}
