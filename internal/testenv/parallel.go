package testenv

import (
	"flag"
	"strconv"
)

// Parallel has n parallel tests run at once, unless -parallel says how many. It is
// for the TestMain of packages whose tests wait for servers and clocks more than they
// compute: by default as many run as there are processors.
func Parallel(n int) {
	if !flag.Parsed() {
		flag.Parse()
	}
	parallel := flag.Lookup("test.parallel")
	if usual, err := strconv.Atoi(parallel.DefValue); err != nil || usual >= n || parallel.Value.String() != parallel.DefValue {
		return
	}
	if err := parallel.Value.Set(strconv.Itoa(n)); err != nil {
		panic(err) // a number is one
	}
}
