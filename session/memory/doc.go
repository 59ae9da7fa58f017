// Package memory keeps sessions in the process, for tests and development: they
// are gone when it ends, and other servers do not see them.
//
//	store := memory.New(memory.Config{})
//	defer store.Close()
//	sessions, err := session.New(session.Config{Store: store})
package memory
