package pagecache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// secondly returns the header values that depend on the age in whole seconds.
// They are made once a second for an entry, not once a hit.
func (p *Pages) secondly(e *entry, age time.Duration) *secondly {
	seconds := int64(age / time.Second)
	if s := e.second.Load(); s != nil && s.age == seconds {
		return s
	}
	s := &secondly{age: seconds}
	s.values[0] = []string{strconv.FormatInt(seconds, 10)}
	// Rounded down, so that what is stale has a negative ttl (RFC 9211, 2.3).
	left := int64((e.life - time.Duration(seconds)*time.Second) / time.Second)
	hit := p.cfg.Name + "; hit; ttl=" + strconv.FormatInt(left, 10)
	s.values[1] = append(slices.Clip(e.header["Cache-Status"]), hit)
	s.values[2] = []string{p.timing("hit", age, e.render)}
	if s.date = e.date; !e.dated {
		s.date = []string{e.born.UTC().Format(http.TimeFormat)}
	}
	e.second.Store(s)
	return s
}

// outcome is what Cache-Status tells of an answer that did not come from the
// store.
type outcome struct {
	why, kept Reason
	status    int
}

// statusOfMiss is Cache-Status (RFC 9211) of what did not come from the store.
func (p *Pages) statusOfMiss(why, kept Reason, status int) string {
	return p.statusLine(why, kept, status)[0]
}

// statusLine is it as a field value, which is shared. There are not many, and each
// is made once.
func (p *Pages) statusLine(why, kept Reason, status int) []string {
	if why != ReasonStale && why != ReasonPurged {
		status = 0
	}
	key := outcome{why, kept, status}
	if have, ok := p.statuses.Load(key); ok {
		return *have.(*[]string)
	}
	line := slices.Clip([]string{p.newStatus(why, kept, status)})
	p.statuses.Store(key, &line)
	return line
}

// newStatus makes one. Reasons are for development only.
func (p *Pages) newStatus(why, kept Reason, status int) string {
	var b strings.Builder
	b.WriteString(p.cfg.Name)
	b.WriteString("; fwd=")
	b.WriteString(forwardToken(why))
	if status != 0 {
		b.WriteString("; fwd-status=")
		b.WriteString(strconv.Itoa(status))
	}
	switch kept {
	case ReasonStored, ReasonFreshened:
		b.WriteString("; stored")
	case ReasonShared:
		b.WriteString("; collapsed")
	}
	if p.cfg.Development {
		b.WriteString("; detail=")
		if kept != "" && kept != ReasonStored {
			b.WriteString(string(kept))
		} else {
			b.WriteString(string(why))
		}
	}
	return b.String()
}

// forwardToken maps a reason to the values that RFC 9211, section 2.2, knows.
func forwardToken(why Reason) string {
	switch why {
	case ReasonMethod:
		return "method"
	case ReasonNotFound:
		return "uri-miss"
	case ReasonVaryMiss:
		return "vary-miss"
	case ReasonStale, ReasonPurged:
		return "stale"
	case ReasonRequest:
		return "request"
	case ReasonStoreFailed, ReasonUncacheable, ReasonAuthRequired, ReasonOnlyIfCached:
		return "miss"
	}
	return "bypass"
}

func (p *Pages) timingOfMiss(why Reason, render time.Duration) string {
	if why == ReasonStored {
		return p.timing("miss", 0, render)
	}
	return p.timing("pass", 0, render)
}

// timing is a Server-Timing value: what happened, the age and the render time
// in milliseconds, and the store.
func (p *Pages) timing(outcome string, age, render time.Duration) string {
	var b strings.Builder
	b.WriteString(`cache;desc=` + outcome + `, age;dur=`)
	b.WriteString(strconv.FormatInt(int64(age/time.Second)*1000, 10))
	b.WriteString(", render;dur=")
	b.WriteString(strconv.FormatFloat(float64(render)/float64(time.Millisecond), 'f', 3, 64))
	b.WriteString(", store;desc=" + p.cfg.StoreName)
	return b.String()
}

// Hit is an answer from the store, for [Config.OnHit].
type Hit struct {
	Request *http.Request
	Status  int
	Bytes   int           // of the stored body; a 304 or a part sends less
	Age     time.Duration // of the answer
	Reason  Reason        // ReasonHit, or why a stale answer was served
}
