// Package accounts is who may sign in to the site: a table of users with
// hashed passwords in SQLite or Postgres.
package accounts
