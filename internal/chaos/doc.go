// Package chaos proves that the toolkit keeps its promises when what it stands
// on breaks: it runs a small site in several processes, on a real Redis and a
// real Postgres, breaks one of them under load, and checks every single answer.
//
// The model has four parts. An app is one process of the site: the test binary,
// started again ([Main]). It reaches Redis and Postgres through fault proxies of
// its own. A [World] is the servers, the apps and the proxies of one test. A
// [Load] asks the apps at random, at a bounded rate. The [Oracle] knows what
// every answer may be: a page is whole, is the one that was asked for, belongs
// to who asked, and is not older than the last edit that was acknowledged; who
// has logged out stays out.
//
//	func TestMain(m *testing.M) { chaos.Main(m) }
//
//	func TestRedisKilled(t *testing.T) {
//		redis := testenv.NewRedis(t, testenv.RedisConfig{})
//		world := chaos.New(t, chaos.Config{Redis: redis})
//		load := world.Load()
//		load.Run(time.Second)
//		redis.Kill()
//		load.Phase("down")
//		load.Run(time.Second)
//		redis.Restart()
//		world.AwaitRecovery()
//		load.Stop().Require(t)
//	}
//
// What happens at random comes from a seed, which every test logs. The
// environment variable ECHOIC_CHAOS_SEED sets it.
package chaos
