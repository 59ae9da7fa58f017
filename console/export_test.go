package console

// Patterns are the routes of the console, as "METHOD /path".
func (c *Console) Patterns() []string { return c.patterns }
