package audit

import (
	"strings"
	"testing"
	"time"
)

func TestJudgeCertificates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	use := Use{Now: func() time.Time { return now }}
	for _, tt := range []struct {
		name string
		left time.Duration
		want Severity
	}{
		{"ended", -time.Hour, Fail}, {"six days", 6 * 24 * time.Hour, Fail}, {"29 days", 29 * 24 * time.Hour, Warn}, {"a year", 365 * 24 * time.Hour, OK},
	} {
		list := judgeCertificates(node{tls: true, serverEnds: now.Add(tt.left)}, use)
		if len(list) != 1 || list[0].Severity != tt.want || (list[0].Remedy == "") != (tt.want == OK) {
			t.Errorf("%s: %+v", tt.name, list)
		}
	}
	if list := judgeCertificates(node{}, use); len(list) != 0 {
		t.Errorf("without TLS: %+v", list)
	}
	if list := judgeCertificates(node{tls: true}, use); len(list) != 1 || list[0].Severity != Unknown {
		t.Errorf("one that could not be seen: %+v", list)
	}
	if list := judgeCertificates(node{tls: true, serverEnds: now.Add(time.Hour), clientEnds: now.Add(time.Hour)}, use); len(list) != 2 || !strings.Contains(list[1].Found, "client certificate") {
		t.Errorf("both: %+v", list)
	}
}
