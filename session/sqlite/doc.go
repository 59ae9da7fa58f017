// Package sqlite keeps sessions in a table of SQLite, that of scs's
// sqlite3store: sessions(token, data, expiry). It needs no server and no C
// compiler, and is what development starts with.
//
//	store, err := sqlite.New(sqlite.Config{DB: db})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	if err := store.CreateTable(ctx); err != nil {
//		return err
//	}
//	sessions, err := session.New(session.Config{Store: store})
//
// The database has to be opened with a busy timeout, write-ahead log and
// immediate transactions, or concurrent saves fail:
//
//	sql.Open("sqlite", "file:app.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate")
package sqlite
