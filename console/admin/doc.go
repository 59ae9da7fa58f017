// Package admin is how the command line talks to a running application: what a
// [console.Source] knows and can do, as versioned JSON over HTTP on a unix socket
// (mode 0600) or a loopback address with a token. It is off unless configured.
//
//	server, err := admin.Listen(ctx, admin.Config{Source: app, Address: "/run/app/admin.sock"})
//	defer server.Close()
//
// [Dial] returns the other end, which is a console.Source itself. Browsers are
// refused: a request with an Origin, or for another host, is answered 403.
package admin
