package chaos

import (
	"sync"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
)

// injection is a fault that can begin and end, each once.
type injection struct{ begin, end func() }

// kind is what an elementary fault is.
type kind struct {
	about  string
	params []string
	// mayFail are the classes of requests that may be answered with 503 while
	// it acts.
	mayFail []string
	// redis changes how the Redis server is started; nil: not.
	redis func(*testenv.RedisConfig)
	// try reads the parameters alone, so that a mistake shows before anything
	// is started. nil: there are none.
	try  func(*params)
	make func(*Env, *params) injection
}

// What may be answered with 503 while Redis is silent, or moves: each session that
// is read there in vain has little time left for the database behind it. Where Redis
// refuses at once, MayFailSeldom has the limit. And what may while the database is
// away: an edit needs it, and a purge without it is not acknowledged.
func sessionClasses() []string { return []string{routeMe, routeLogin, routeLogout} }
func databaseClasses() []string {
	return []string{routeMe, routeLogin, routeLogout, routeEdit, routeSet, routeDelete}
}

// kinds are all elementary faults.
func kinds() map[string]kind {
	all := map[string]kind{}
	for _, some := range []map[string]kind{redisKinds(), refusalKinds(), topologyKinds(), linkKinds(), postgresKinds(), sqliteKinds(), appKinds()} {
		for name, k := range some {
			all[name] = k
		}
	}
	return all
}

// repeat makes an injection of what is done again and again.
func repeat(every time.Duration, do func()) injection {
	stop := make(chan struct{})
	var work sync.WaitGroup
	return injection{
		begin: func() {
			work.Go(func() {
				tick := time.NewTicker(max(every, time.Millisecond))
				defer tick.Stop()
				for {
					do()
					select {
					case <-tick.C:
					case <-stop:
						return
					}
				}
			})
		},
		end: func() {
			close(stop)
			work.Wait()
		},
	}
}

// swing makes an injection that breaks and mends in turns, and ends mended.
func swing(down, up time.Duration, breakIt, mend func()) injection {
	stop := make(chan struct{})
	var work sync.WaitGroup
	wait := func(d time.Duration) bool {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return true
		case <-stop:
			return false
		}
	}
	return injection{
		begin: func() {
			work.Go(func() {
				for {
					breakIt()
					more := wait(down)
					mend()
					if !more || !wait(up) {
						return
					}
				}
			})
		},
		end: func() {
			close(stop)
			work.Wait()
		},
	}
}
