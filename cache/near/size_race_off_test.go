//go:build !race

package near_test

const (
	flood      = 2_000_000
	rounds     = 200_000
	raceRounds = 3000
	killTrials = 100
)
