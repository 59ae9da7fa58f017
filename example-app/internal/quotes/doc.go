// Package quotes is the site's library: quotations and their authors in SQL
// tables of SQLite or Postgres.
//
// [Repository.Prepare] creates the tables and fills them on the first start;
// after that the database is the truth, and the collection that was compiled in
// is not looked at again. Every other method is one or two statements. Reads
// come in an order that does not depend on the database: two servers show the
// same page.
//
// The package knows neither HTTP nor caches.
package quotes
