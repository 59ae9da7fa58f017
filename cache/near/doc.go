// Package near keeps decoded values inside the process, in front of a store that
// other processes change too, and forgets what they change.
//
// A [Tier] is bounded in bytes and in time. It believes what it holds for as
// long as its feeds are up: a [Feed] is whatever tells it of changes. [Track]
// feeds it from Redis (client-side caching by broadcast), standalone, by
// Sentinel or as a Cluster; a site without Redis feeds it from its journal. When
// a feed goes down the tier is unverified at once: what it holds stays, marked as
// doubtful, and nothing is added. When all feeds are up again, everything that
// was held is dropped first, in one step, whatever its number.
//
// A value is read from the store and put into the tier in two steps, and may
// change between them. So whoever fills takes a [Tier.Stamp] before he reads;
// [Tier.Put] refuses if the key was invalidated since.
//
// How long something can be served that is out of date: less than a millisecond
// while invalidations arrive; at most [TrackConfig.Silence] and half a second
// more if the way from the server is dead and nobody says so; and at most
// [Config.MaxTTL] whatever happens.
//
// The smallest program:
//
//	tier, err := near.New(near.Config{Prefixes: []string{"motivational_app"}})
//	if err != nil {
//		return err
//	}
//	defer tier.Close()
//	tracker, err := near.Track(ctx, near.TrackConfig{URL: "redis://localhost:6379/0", Tier: tier})
//	if err != nil {
//		return err
//	}
//	defer tracker.Close()
//	quotes := near.Of[*Quote](tier)
//	quote, err := quotes.Load(ctx, key, time.Minute, func(ctx context.Context) (*Quote, int, error) {
//		return readFromRedis(ctx, key)
//	})
package near
