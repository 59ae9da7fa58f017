package templfragment

// For fuzzing.
var (
	Punch = punch
	Fill  = fill
)
