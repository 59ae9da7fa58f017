// Package session keeps visitors' sessions on the server and a token in their
// cookie. [Manager] is a drop-in for *scs.SessionManager: to switch, change the
// constructor.
//
// What is different from plain scs:
//
//   - Nothing is loaded until the session is touched. A page that does not
//     touch it costs no store call and can be shared by all visitors.
//   - Touching it is noticed, through whichever method or embedded manager: the
//     request context is a [github.com/echoic-go/echoic/cache.Source], so that
//     nothing that was made from somebody's session is cached for others.
//   - Keys of Config.Shareable, "locale" for example, only choose between shared
//     things: a page that read nothing else is kept once for each value.
//   - A session that has ended stays ended. The [Store] decides in one atomic
//     step: a new token is inserted, every other save changes only what is still
//     there. A slow request cannot bring back who has logged out meanwhile.
//   - Requests that change different keys of one session at the same time lose
//     nothing: what one changed is replayed on what the other saved.
//   - A store that fails is not "no session": who touches the session then gets
//     503, never an anonymous page, never a new cookie.
//   - Visitors who put nothing into their session leave nothing in the store.
//   - The cookie is sent only to who does not have it, so that an answer that is
//     late does not take the place of a login's.
//   - A user sees his sessions ([Manager.UserSessions]) and ends them
//     ([Manager.Revoke], [Manager.RevokeOthers]); no call goes through those of
//     others, and what is under way does not survive.
//   - [CSRF] makes tokens for forms, also for visitors without a session.
//   - Sessions of an existing scs application are taken over (Config.MigrateFrom and
//     Compat).
//
// Under Echo use middleware.Sessions, under net/http [Manager.LoadAndSave]. Both
// save the session before the first byte of the answer goes out.
//
// The smallest program:
//
//	store, err := sqlite.New(sqlite.Config{DB: db})
//	…
//	sessions, err := session.New(session.Config{Store: store})
//	…
//	e.Use(middleware.Sessions(sessions))
//	e.POST("/login", func(c echo.Context) error {
//		// … check the password …
//		return sessions.Login(c.Request().Context(), userID)
//	})
//
// Stores are in session/sqlite, session/postgres, session/redis, session/durable
// (Redis with a database behind it) and, for tests, session/memory. Package sessiontest has the suite that each of them passes.
package session
