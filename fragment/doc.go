// Package fragment caches parts of pages: blocks of html/template sets, whole
// partials, and whatever any other code writes to an io.Writer.
//
// In a template a fragment is a block with a name, a time to live, and the
// values that it varies by:
//
//	{{ if cache "sidebar" "500s" .User.Name }} … {{ end }}
//	{{ partialCached "card.html" . "1h" .Quote.ID }}
//
// The functions of templates are
//
//	cache name ttl vary…              alone in an if: the block is the fragment
//	cacheIf cond name ttl vary…       the same where cond holds, else plain text
//	partialCached file data ttl vary… the template as a fragment, as HTML
//	tag tags…                         gives the open fragments and the page tags
//	using cache                       among vary…: another cache keeps it
//	ctx                               the context of the innermost open fragment
//
// A time to live is a duration string ("500s", "1h30m"), a number of seconds, a
// time.Duration or "forever"; 0 means that the fragment is not cached. Tags are
// strings or slices of strings. Tag prints nothing and can stand anywhere.
//
// Templates come from files as well (RendererConfig.Files): layouts and partials
// that every page shares, and pages that each define the blocks of the layout in
// their own way. With RendererConfig.Reload, for development, an edited file
// counts from the next render; a broken one leaves the last good set in place,
// with the error on the page.
//
// [New] makes the core, [Fragments], which knows keys, locks and scopes but no
// template engine; [NewRenderer] renders html/template sets with it. A page
// comes out byte for byte as html/template itself would write it.
//
// # What a fragment depends on
//
// The body runs in a cache.Scope of its own. Tags, explicit expiry, privacy
// and variants that the body says, or that values say which it reads from the
// cache, are stored with the fragment and count for the fragments and the page
// around it, when it is made and on every hit. A body that says it is private
// is neither stored nor shared, and neither is anything around it. The time to
// live of a fragment caps that of the page that shows it.
//
// The scope travels in the context. Template functions that are bound to the
// request get the context of the innermost fragment; data that loads lazily
// takes it as an argument, by the function ctx:
//
//	{{ if cache "latest" "5m" }}{{ range .Latest ctx }} … {{ end }}{{ end }}
//
// What is said under the context that the page was rendered with counts for
// the open fragments too, but only if the page's scope did not know it before.
//
// # Collections
//
// The fragments of a loop are looked up in one trip to a store outside of the
// process, if every turn of the loop comes to them: those of {{if cache}} and
// partialCached at the first level of its body, or of the templates that are
// called there, whose arguments call no functions of the application. Those
// arguments are evaluated twice, so methods in them should be cheap. Each item is
// best keyed by itself, with a method CacheKey() string that names it and its
// version:
//
//	{{ range .Rows }}{{ if cache "row" "1h" . }} … {{ end }}{{ end }}
//
// [Each] does the same for other engines.
//
// # Keys
//
// A key holds the fragment's name, a digest of the template around it and of
// all that this template reaches, the build of the program, what the whole
// site varies by (Config.Vary), and the given values with their types. A
// changed template or program therefore never shows old fragments. Values need
// an identity that does not change: strings, numbers, bools, times, types with
// MarshalText or CacheKey() string, slices of those. A pointer, map or plain
// struct is an error, not a guess.
//
// # Where a fragment can stand
//
// html/template escapes by the place in the page. A block can be cached only
// where the place is HTML text, because its bytes are the same wherever they
// are shown; in attributes, scripts, styles and titles use partialCached,
// whose result is escaped after the cache. Misuse is refused when the set is
// loaded, with template, line and column.
package fragment
