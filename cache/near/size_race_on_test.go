//go:build race

package near_test

// Fewer: everything takes ten times as long.
const (
	flood      = 100_000
	rounds     = 20_000
	raceRounds = 1000
	killTrials = 30
)
