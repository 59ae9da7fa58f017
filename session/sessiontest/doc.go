// Package sessiontest is the suite that every [session.Store] must pass: one
// subtest for each sentence of the contract, and random schedules of requests on
// two servers, in which no session that has ended may come back.
//
//	func TestStore(t *testing.T) {
//		sessiontest.Run(t, func(t *testing.T) (a, b session.Store) {
//			// Two handles on one new, empty place, as two servers have them.
//			…
//		})
//	}
//
// [FromSCS] checks that sessions of a plain scs application are taken over.
// SESSIONTEST_SCHEDULES=10 in the environment plays ten times as many schedules.
//
// Run it with the race detector on, against a real server.
package sessiontest
