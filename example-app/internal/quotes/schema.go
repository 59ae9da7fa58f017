package quotes

// schema is understood by SQLite and Postgres alike. Instants are microseconds
// since 1970: exact and comparable in both. The order of lists comes from
// numbers that were fixed when a row was made, because the two databases
// compare text differently.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS motivational_authors (
		slug     TEXT PRIMARY KEY,
		name     TEXT NOT NULL,
		lived    TEXT NOT NULL,
		bio      TEXT NOT NULL,
		position BIGINT NOT NULL
	)`,
	`CREATE TABLE IF NOT EXISTS motivational_topics (
		name     TEXT PRIMARY KEY,
		position BIGINT NOT NULL
	)`,
	// folded is what search looks at; shuffle is the place in the walk of the
	// quotations of the day; position orders the quotations of one author.
	`CREATE TABLE IF NOT EXISTS motivational_quotes (
		id         TEXT PRIMARY KEY,
		author     TEXT NOT NULL REFERENCES motivational_authors (slug),
		text       TEXT NOT NULL,
		work       TEXT NOT NULL,
		locator    TEXT NOT NULL,
		translator TEXT NOT NULL,
		year       BIGINT NOT NULL,
		folded     TEXT NOT NULL,
		shuffle    BIGINT NOT NULL,
		position   BIGINT NOT NULL,
		created_at BIGINT NOT NULL,
		updated_at BIGINT NOT NULL
	)`,
	`CREATE INDEX IF NOT EXISTS motivational_quotes_author ON motivational_quotes (author, position)`,
	`CREATE INDEX IF NOT EXISTS motivational_quotes_created ON motivational_quotes (created_at, position)`,
	`CREATE INDEX IF NOT EXISTS motivational_quotes_shuffle ON motivational_quotes (shuffle, position)`,
	`CREATE TABLE IF NOT EXISTS motivational_quote_topics (
		quote    TEXT NOT NULL REFERENCES motivational_quotes (id) ON DELETE CASCADE,
		topic    TEXT NOT NULL REFERENCES motivational_topics (name),
		position BIGINT NOT NULL,
		PRIMARY KEY (quote, topic)
	)`,
	`CREATE INDEX IF NOT EXISTS motivational_quote_topics_topic ON motivational_quote_topics (topic, quote)`,
}
