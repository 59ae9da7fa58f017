package journal_test

import (
	"context"
	"fmt"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/journal"
)

func ExampleJournal_Subscribe() {
	log, err := journal.NewMemory(journal.Config{Domain: "motivational_app"})
	if err != nil {
		panic(err)
	}
	defer log.Close()

	arrived := make(chan journal.Row)
	stop := log.Subscribe(func(rows []journal.Row) {
		for _, row := range rows {
			arrived <- row
		}
	})
	defer stop()

	purge := cache.Invalidation{Kind: cache.InvalidTag, Name: "quotes"}
	if _, err := log.Append(context.Background(), purge); err != nil {
		panic(err)
	}
	row := <-arrived
	fmt.Println(row.Kind, row.Name, "own:", row.Own)
	// Output: tag quotes own: true
}
