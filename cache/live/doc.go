// Package live fills holes: places in a cached page or fragment that are
// different for every visitor, such as his name, a CSRF token, or the nonce of a
// Content-Security-Policy.
//
// A [Set] knows the holes of an application, each by a name, a kind and a
// function. What is stored has no text in these places: it has their offsets,
// which were noted while the page was written and never found by looking for a
// mark, so that nothing in a page or in a value can be taken for a hole. Every
// answer gets the values of its own visitor before its header goes out.
//
//	set, err := live.New(live.Config{})
//	err = set.Live("username", live.HTML, func(ctx context.Context) (string, error) {
//		return sessions.GetString(ctx, "name"), nil
//	})
//
// Templates say {{ live "username" }}. What a hole's function reads belongs to
// nobody's scope: a page with the visitor's name in a hole is shared by all. An
// answer with holes goes to the client as "private, no-store", without validator.
//
// Packages pagecache and fragment do the work; this one is what they agree on.
package live
