package session

// Pure functions that the external tests fuzz.
var (
	PrivateControl = privateControl
	Presented      = presented
	WellFormed     = wellFormed
)
