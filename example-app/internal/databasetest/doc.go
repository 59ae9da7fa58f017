// Package databasetest runs tests of the site's tables on both databases: an
// SQLite file and a real Postgres server.
package databasetest
