// Package database is the little that the site's tables need to know about
// where they are: SQLite or Postgres, and how to be alone in either.
package database
