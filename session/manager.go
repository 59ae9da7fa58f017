package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/alexedwards/scs/v2"

	"github.com/echoic-go/echoic/cache"
)

// Manager is a *scs.SessionManager whose sessions are loaded when they are
// touched and stay ended when they have ended. All methods of scs are there.
//
// The fields of the embedded manager can be set until the first request, as in
// any scs application; what is changed later has no effect. A Store that is set
// there must be one of Echoic's: others cannot tell a new session from an ended
// one, and are refused.
//
// Getters and Put panic with a *StoreError when the session cannot be loaded,
// and as those of scs do under a context that no Manager made. A Manager is safe
// for concurrent use.
type Manager struct {
	*scs.SessionManager

	cfg      Config
	key      any // the context key of the embedded manager
	freeze   sync.Once
	settings settings
	failures failureLog
	ended    ended
}

// settings are those of the first request.
type settings struct {
	err   error              // why nothing works
	save  scs.SessionManager // commits, with a codec that checks sizes
	load  scs.SessionManager // loads, without scs's write for every read
	store Store
	hash  bool

	migrate  Store  // where sessions are taken over from, or nil
	unhashed bool   // under their tokens
	cookie   string // that of before, or empty
}

var _ cache.Variants = (*Manager)(nil)

// New returns a manager. It returns an error if the config cannot work; it does
// not ask the store.
func New(cfg Config) (*Manager, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	cfg.Shareable = slices.Clone(cfg.Shareable)
	m := &Manager{cfg: cfg}
	m.SessionManager = newSCS(m)
	m.Lifetime, m.IdleTimeout, m.Cookie, m.Codec = cfg.Lifetime, cfg.IdleTimeout, cfg.Cookie.scsCookie(), cfg.Codec
	m.Store, m.ErrorFunc = &bridge{m}, unavailable
	if m.key, err = learnKey(m.SessionManager); err != nil {
		return nil, err
	}
	return m, m.check()
}

// check says what is wrong with the fields as they are now.
func (m *Manager) check() error {
	if err := checkTimes(m.Lifetime, m.IdleTimeout); err != nil {
		return err
	}
	if m.Codec == nil {
		return errors.New("session: Codec is nil: set one or leave the field alone")
	}
	return checkCookie(m.SessionManager.Cookie)
}

// Check reports what would make every request fail: fields that were set since
// New and do not fit together, or a Store that is refused. It is for start-up,
// before the first request.
func (m *Manager) Check() error { return m.fit().err }

// conf fixes the settings with the first call.
func (m *Manager) conf() *settings {
	m.freeze.Do(func() {
		m.settings = m.fit()
		// What the application calls on the embedded manager itself has to
		// come to the same store in the same way.
		if _, ours := m.SessionManager.Store.(*bridge); !ours && m.settings.err == nil {
			m.SessionManager.Store = &bridge{m}
		}
		m.HashTokenInStore = false
	})
	return &m.settings
}

// fit makes settings of the fields as they are now.
func (m *Manager) fit() settings {
	s := settings{
		err:   m.check(),
		save:  *m.SessionManager,
		store: m.cfg.Store,
		// Hashing is the bridge's: scs would hash before tokens are checked.
		hash: m.cfg.HashTokens || m.HashTokenInStore,
	}
	s.migrate, s.unhashed, s.cookie = m.cfg.MigrateFrom, m.cfg.Compat.UnhashedTokens, m.cfg.Compat.CookieName
	if s.migrate == nil && s.unhashed {
		s.migrate = m.cfg.Store
	}
	switch own := m.SessionManager.Store.(type) {
	case *bridge:
		if own.m != m {
			s.err = errors.New("session: Store is that of another Manager: set one of the stores itself")
		}
	case Store:
		s.store = own
	default:
		s.err = fmt.Errorf("session: Store %T cannot be used: its Commit overwrites blindly and would bring back sessions that have ended: "+
			"use one of session/sqlite, session/postgres, session/redis, which keep the same layout", own)
	}
	if _, ok := s.store.(Swapper); s.migrate != nil && !ok && s.err == nil {
		s.err = fmt.Errorf("session: Store %T cannot take over sessions: it does not implement session.Swapper", s.store)
	}
	if s.save.ErrorFunc == nil {
		s.save.ErrorFunc = unavailable
	}
	s.save.HashTokenInStore = false
	s.load = s.save
	s.save.Store, s.load.Store = &bridge{m}, &loader{bridge{m}}
	s.save.Codec, s.load.Codec = capped{m.SessionManager.Codec, m.cfg.MaxBytes}, reader{m.SessionManager.Codec}
	s.load.IdleTimeout = 0 // else scs marks whatever is read as modified
	return s
}

// Accessed reports whether the session of ctx was read or written so far.
func (m *Manager) Accessed(ctx context.Context) bool {
	v := m.visit(ctx)
	return v != nil && (v.accesses() > 0 || v.varied != nil && v.varied.read.Load())
}
