// Package testenv gives tests real Redis and Postgres servers, without mocks
// and without setting anything up by hand.
//
// [Redis] and [Postgres] return the shared servers of the test binary. Each is
// started when the first test asks for it, privately, on a free loopback port
// and in a temporary directory, and stopped by [Main] or [Wrap] after the last
// test:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(testenv.Wrap(m)) }
//
//	func TestStore(t *testing.T) {
//		t.Parallel()
//		redis := testenv.Redis(t)
//		store := open(redis.URL, redis.Prefix)
//		…
//		postgres := testenv.Postgres(t).Database(t) // URL of a new, empty database
//	}
//
// Tests share a server, never data: each call of Redis has a key prefix and,
// on a private server, a database number of its own; each call of Database
// makes a database and drops it when the test ends.
//
// [NewRedis] and [NewPostgres] start a dedicated server, with its own
// configuration, which the test may kill, stop, continue and restart.
//
// [NewSentinel] starts a primary, a replica and three sentinels, [NewCluster] a
// Redis Cluster, and [NewCertificates] makes what servers and clients that speak
// TLS need.
//
// ECHOIC_TEST_REDIS_URL and ECHOIC_TEST_POSTGRES_URL name existing servers to
// be used instead of the shared ones. There only the test's own keys and
// databases are touched, and nothing is ever flushed. Dedicated servers are
// private all the same: nobody else's server may be killed.
//
// [Browser] finds a browser of the Chromium family.
//
// A program that is not installed fails the test with a message that
// says how to install it. Skipped are only the tests of a browser with
// ECHOIC_TEST_BROWSER=none, on a machine that cannot have one, and those of a full
// or read-only disk where the kernel lets nobody mount ([SmallDisk], [ReadOnly]), and
// those of completion in a shell that is not there; make test lists all but the
// first at its end.
//
// Servers and directories do not outlive the test binary, even if it is
// killed; see internal/testenv/server.
package testenv
