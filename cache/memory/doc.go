// Package memory keeps cached values inside the process: fast, bounded, and
// gone when the process ends.
//
// A [Store] never holds more than Config.MaxEntries values nor more than
// Config.MaxBytes bytes. What has to go is chosen by W-TinyLFU (the otter
// library): a flood of keys that are asked for once does not push out those
// that are asked for often. A value may therefore leave at any time, also right
// after it was stored.
//
// Besides bytes it holds decoded values as they are ([cache.ObjectStore]), so
// that a page hit copies and decodes nothing.
//
//	store, err := memory.New(memory.Config{})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	quotes, err := cache.New(cache.Config{Store: store, Prefix: "motivational_app"})
package memory
