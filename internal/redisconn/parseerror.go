package redisconn

// ParseError is a URL that Parse refused. It holds no part of the URL, because
// what stands in the wrong place may be the password.
type ParseError struct {
	// Part is what is wrong: "the port of the host".
	Part string
	// Problem is what is wrong with it: "is no number from 1 to 65535".
	Problem string
	// Remedy is what to do: "write host:port".
	Remedy string
}

func (e *ParseError) Error() string {
	return "redisconn: " + e.Part + " " + e.Problem + ": " + e.Remedy
}
