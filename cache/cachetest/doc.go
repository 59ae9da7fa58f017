// Package cachetest is the conformance suite of package cache: whoever writes a
// cache.Store runs it, and knows that the store works everywhere in Echoic.
//
// [RunStore] checks the contract of cache.Store and of the extra powers beside it
// (cache.ManyStore, cache.Expirer, …), one subtest a sentence. [Run] does that and
// then checks package cache itself on top of the store. A failure cites the
// sentence that was broken.
//
//	func TestConformance(t *testing.T) {
//		cachetest.Run(t, func(t *testing.T) cache.Store {
//			store, err := mystore.Open(t.Context(), address)
//			if err != nil {
//				t.Fatal(err)
//			}
//			return store
//		}, cachetest.Caps{Shared: true})
//	}
//
// Every test uses keys under a random prefix of its own and removes nothing that
// it did not make, so the suite can run against a server that others use. Waiting
// is for real time but short; no test depends on the machine being fast. Run it
// with -race.
package cachetest
