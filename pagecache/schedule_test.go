package pagecache_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/echoic-go/echoic/cache"
)

// Random schedules of requests and purges: no page is older than a purge that
// was acknowledged before its request began, from the store or from another
// request's answer.
func TestNoStaleAfterPurge(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const rows = 3
	var row, acknowledged [rows]atomic.Int64
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		i, _ := strconv.Atoi(r.URL.Query().Get("row"))
		n := row[i].Load()
		cache.Tag(r.Context(), fmt.Sprint("row:", i))
		_, _ = fmt.Fprint(w, n)
	}, nil)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for range 1000 {
				i := r.IntN(rows)
				if r.IntN(4) == 0 {
					n := row[i].Add(1)
					if err := s.pages.Purge(t.Context(), fmt.Sprint("row:", i)); err != nil {
						t.Error(err)
					}
					for have := acknowledged[i].Load(); have < n && !acknowledged[i].CompareAndSwap(have, n); have = acknowledged[i].Load() {
					}
					continue
				}
				bound := acknowledged[i].Load()
				got, err := strconv.ParseInt(body(t, s.get(fmt.Sprint("http://a.test/?row=", i))), 10, 64)
				if err != nil || got < bound {
					t.Errorf("got version %d of row %d (%v), %d was acknowledged before", got, i, err, bound)
					return
				}
			}
		})
	}
	wg.Wait()
}
