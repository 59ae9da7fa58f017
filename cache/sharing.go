package cache

import "time"

// awayShare is how long after the one who makes a thing others may come and have
// it, too, if the store does not answer their own looks. What other servers purge
// while a store is away is heard within two seconds; this process' own purges,
// and what it has heard from the journal, are known at once.
const awayShare = time.Second

// shares reports whether what is made after the look that returned leader is for
// who got t, too, who came so much later. Who has an answer of the store honours
// every purge before it. Without one he would make the thing from the same data:
// under a rush on something that is not there, every look that comes too late for
// its budget would be one more run. The same goes for who was answered by a fallback
// where the leader was not yet: it has not what the leader makes, nor can its numbers
// be compared.
func (t ticket) shares(leader ticket, later time.Duration) bool {
	if t.said != leader.said {
		return false
	}
	if t.seq == leader.seq && t.generation == leader.generation {
		return true
	}
	return (t.generation == "" || t.fallback && !leader.fallback) && later <= awayShare
}
