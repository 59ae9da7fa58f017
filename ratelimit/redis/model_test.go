package redis_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/ratelimit"
)

// model is GCRA as the textbook has it: each bucket is its theoretical arrival
// time, and a request that would come too early is refused.
type model map[string]time.Duration

// decide returns what happens at the instant now, and the buckets afterwards.
func (m model) decide(now time.Duration, charges []ratelimit.Charge) (allowed bool, ahead []time.Duration) {
	allowed = true
	for _, c := range charges {
		arrival := m[c.Key]
		if arrival > now+c.Room { // the clock was set back
			arrival = now + c.Room
		}
		if arrival < now+c.Floor {
			arrival = now + c.Floor
		}
		if arrival < now {
			arrival = now
		}
		if c.Cost > 0 && arrival-now > c.Room-c.Cost {
			allowed = false
		}
		ahead = append(ahead, arrival-now)
	}
	if allowed {
		for i, c := range charges {
			ahead[i] += c.Cost
		}
	}
	return allowed, ahead
}

// The script does what the model does, by the server's clock, which is read before
// and after: where the two agree, so must the script.
func TestScriptAgainstModel(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	store := open(t, server.URL, server.Prefix)
	conn := dial(t, server.URL)
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	decided, denied := 0, 0
	for range 3000 {
		keys := rnd.Perm(6)[:1+rnd.IntN(3)]
		charges := make([]ratelimit.Charge, len(keys))
		before := model{}
		for i, key := range keys {
			charges[i] = randomCharge(rnd, fmt.Sprint("k", key))
			before[charges[i].Key] = bucketOf(t, conn, server.Prefix, charges[i].Key)
		}
		asked := append([]ratelimit.Charge(nil), charges...)
		from := clock(t, conn)
		allowed, err := store.Take(t.Context(), "tag", charges)
		must(t, err)
		to := clock(t, conn)
		first, full := before.decide(from, asked)
		last, low := before.decide(to, asked)
		if first != last {
			continue // it depends on when exactly
		}
		decided++
		if allowed != first {
			t.Fatalf("allowed %v, want %v: %+v from %v", allowed, first, asked, before)
		}
		for i, c := range charges {
			if c.Ahead > full[i] || c.Ahead < low[i] {
				t.Fatalf("bucket %d is %v ahead, want %v to %v: %+v from %v", i, c.Ahead, low[i], full[i], asked[i], before)
			}
			now := bucketOf(t, conn, server.Prefix, c.Key)
			if (!allowed || c.Cost == 0) && now != before[c.Key] && now != 0 {
				t.Fatalf("bucket %d was changed from %v to %v by a charge that was not made", i, before[c.Key], now)
			}
			if allowed && c.Cost > 0 && c.Ahead > time.Second && (now < from+c.Ahead || now > to+c.Ahead) {
				t.Fatalf("bucket %d is at %v, %v ahead of %v", i, now, c.Ahead, from)
			}
		}
		if !allowed {
			denied++
		}
	}
	if decided < 2000 || denied < 300 {
		t.Errorf("%d of 3000 were decided, %d denied", decided, denied)
	}
}

func randomCharge(rnd *rand.Rand, key string) ratelimit.Charge {
	room := time.Duration(1+rnd.IntN(50_000)) * time.Millisecond
	c := ratelimit.Charge{Key: key, Room: room, Cost: time.Duration(rnd.IntN(int(room/time.Microsecond))+1) * time.Microsecond / 4}
	c.Cost = c.Cost.Truncate(time.Microsecond)
	switch rnd.IntN(8) {
	case 0:
		c.Cost = 0
	case 1:
		c.Floor = (room / 2).Truncate(time.Microsecond)
	}
	return c
}

// bucketOf is what a bucket holds, 0 for none.
func bucketOf(t *testing.T, conn redigo.Conn, prefix, key string) time.Duration {
	t.Helper()
	text, err := redigo.String(conn.Do("GET", prefix+":r:{tag}:"+key))
	if err == redigo.ErrNil {
		return 0
	}
	must(t, err)
	n, err := strconv.ParseInt(text, 10, 64)
	must(t, err)
	return time.Duration(n) * time.Microsecond
}

// What others have written into a bucket does no harm.
func TestForeignValues(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	store := open(t, server.URL, server.Prefix)
	conn := dial(t, server.URL)
	for _, value := range []string{"", "x", "nan", "inf", "-inf", "1e999", "-5", "9007199254740993", "99999999999999999999999"} {
		_, err := conn.Do("SET", server.Prefix+":r:{tag}:k", value)
		must(t, err)
		charges := []ratelimit.Charge{{Key: "k", Room: time.Second, Cost: time.Second}}
		_, err = store.Take(t.Context(), "tag", charges)
		must(t, err)
		if c := charges[0]; c.Ahead < 0 || c.Ahead > c.Room || c.Wait() > time.Second {
			t.Errorf("%q: %+v", value, c)
		}
	}
	_, err := conn.Do("DEL", server.Prefix+":r:{tag}:k")
	must(t, err)
	_, err = conn.Do("LPUSH", server.Prefix+":r:{tag}:k", "x")
	must(t, err)
	if _, err := store.Take(t.Context(), "tag", []ratelimit.Charge{{Key: "k", Room: time.Second, Cost: 1000}}); err == nil {
		t.Error("a list is a bucket")
	}
}
