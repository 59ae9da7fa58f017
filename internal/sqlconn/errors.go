package sqlconn

import "strings"

// ParseError is a URL that Parse refused. It holds no part of the URL but
// names of parameters, because what stands in the wrong place may be the
// password. [Mask] makes something that can be shown beside it.
type ParseError struct {
	// Part is what is wrong: "the port of the host".
	Part string
	// Problem is what is wrong with it: "is no number from 1 to 65535".
	Problem string
	// Remedy is what to do: "write host:port".
	Remedy string
}

func (e *ParseError) Error() string {
	return "sqlconn: " + e.Part + " " + e.Problem + ": " + e.Remedy
}

// OpenError is a database that could not be opened.
type OpenError struct {
	// Target is the URL with its password masked.
	Target string
	// Remedy is what to do.
	Remedy string
	// Err is the cause, from the driver or the operating system.
	Err error
}

func (e *OpenError) Error() string {
	// pgx lists one line an address that it tried.
	cause := strings.ReplaceAll(strings.ReplaceAll(e.Err.Error(), ":\n\t", ": "), "\n\t", "; ")
	return "sqlconn: cannot open " + e.Target + ": " + cause + ": " + e.Remedy
}

func (e *OpenError) Unwrap() error { return e.Err }
