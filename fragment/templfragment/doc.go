// Package templfragment caches parts of templ components:
//
//	@templfragment.Cache(fragments, "sidebar", 500*time.Second, user.Name) {
//		<aside> … </aside>
//	}
//
// The children are the fragment. On a hit they are not rendered, and what they
// would load is not loaded. Name, time to live and vary arguments are those of
// [fragment.Fragments.Cached]; so are keys, locks, tags and errors. The key
// holds the place of the call as well, so that two fragments of one name in two
// components stay apart.
//
// It is a module of its own, so that who does not use templ does not get it.
//
// # What templ keeps in the context
//
// Three things in the context of templ would make cached bytes wrong, and are
// dealt with here:
//
//   - templ writes each style, script and once-handle at its first use in a
//     page. The children see a page of their own, so that a fragment carries
//     all that it needs, wherever it is shown. A page may then hold a style
//     twice, which is harmless; a script in templ.OnceHandle can run twice.
//   - templ.RenderFragments looks for parts inside the children, which bytes do
//     not have: there the children are rendered and nothing is cached.
//   - A CSP nonce (templ.WithNonce) belongs to one answer. The children see a
//     random word in its place, and the fragment remembers where that came
//     out; every answer gets its own nonce there. Children that compute
//     something else from a nonce must call cache.Private. An answer with a
//     nonce is for one visitor: the page around it is private.
//
// # Holes
//
// What every visitor sees in his own way, in what is kept for all, is [Live] in
// text and [Token] in attributes; [Page] is around the whole, and [WithNonce] gives
// templ a nonce that is a hole:
//
//	ctx := templfragment.WithNonce(r.Context(), "nonce") // of middleware.Nonce
//	err := templfragment.Page(fragments, pages.Home(data)).Render(ctx, w)
//
// A templ component that is kept by fragment.Fragments.Cached directly, and not by
// Cache, must use none of Token and nonces.
//
// # Versions
//
// Generated code has no tree to hash. What tells versions of a component apart
// is the salt of the fragments, which is the identity of the build unless
// fragment.Config.Salt says otherwise.
package templfragment
