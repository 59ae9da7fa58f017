// Package postgres keeps sessions in a table of Postgres, that of scs's
// pgxstore: sessions(token, data, expiry). A database that an scs application
// used goes on working.
//
//	store, err := postgres.New(postgres.Config{Pool: pool})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	if err := store.CreateTable(ctx); err != nil {
//		return err
//	}
//	sessions, err := session.New(session.Config{Store: store})
//
// What pgxstore lacks is here: every save and removal is one statement that
// says whether there was a session, contexts are honoured, and expired rows go
// in bounded batches.
package postgres
