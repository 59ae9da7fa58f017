package quotes

import (
	"context"
	"fmt"
)

// Topics returns all topics in display order.
func (r *Repository) Topics(ctx context.Context) ([]Topic, error) {
	rows, err := r.db.QueryContext(ctx, `
		SELECT p.name, (SELECT COUNT(*) FROM motivational_quote_topics t WHERE t.topic = p.name)
		FROM motivational_topics p ORDER BY p.position`)
	if err != nil {
		return nil, fmt.Errorf("quotes: topics: %w", err)
	}
	defer rows.Close()
	var all []Topic
	for rows.Next() {
		var t Topic
		if err := rows.Scan(&t.Name, &t.Quotes); err != nil {
			return nil, fmt.Errorf("quotes: topics: %w", err)
		}
		all = append(all, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("quotes: topics: %w", err)
	}
	return all, nil
}

// Samples returns for each topic the shortest quotation that has it as its main
// one. A topic that is no quotation's main one is missing.
func (r *Repository) Samples(ctx context.Context) (map[string]Quote, error) {
	found, err := r.many(ctx, "samples of the topics", `
		JOIN (SELECT t.quote, ROW_NUMBER() OVER (PARTITION BY t.topic ORDER BY LENGTH(s.text), s.position) AS place
		      FROM motivational_quote_topics t JOIN motivational_quotes s ON s.id = t.quote
		      WHERE t.position = 0) best
		ON best.quote = q.id AND best.place = 1
		ORDER BY q.position`)
	if err != nil {
		return nil, err
	}
	samples := make(map[string]Quote, len(found))
	for _, q := range found {
		samples[q.Topics[0]] = q
	}
	return samples, nil
}
