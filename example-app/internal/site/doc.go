// Package site is the example application: a site of motivational quotations on
// Echo that uses each part of the toolkit where it helps.
//
//   - Pages for everybody are cached whole (routes.go). They are the same for
//     every visitor, byte for byte, whoever is signed in.
//   - Quotations in lists and the lists at the side are cached fragments
//     (templates/app).
//   - What several pages need is a cached value (catalogue.go), and carries the
//     tags by which an edit removes it, with everything made from it (tags.go).
//   - What belongs to one visitor is in the session (visitor.go), and the pages
//     that show it are never cached.
package site
