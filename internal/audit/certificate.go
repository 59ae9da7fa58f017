package audit

import (
	"fmt"
	"time"
)

// Certificates that end so soon are warned of, and are a failure.
const (
	certificateWarn = 30 * 24 * time.Hour
	certificateFail = 7 * 24 * time.Hour
)

// judgeCertificates is about the day on which nobody can connect any more. Without
// TLS there is none.
func judgeCertificates(n node, use Use) []Finding {
	if !n.tls {
		return nil
	}
	list := []Finding{judgeCertificate(n, "the server's certificate", n.serverEnds, use.Now())}
	if !n.clientEnds.IsZero() {
		list = append(list, judgeCertificate(n, "the client certificate (REDIS_CERT_FILE)", n.clientEnds, use.Now()))
	}
	return list
}

func judgeCertificate(n node, whose string, ends, now time.Time) Finding {
	f := Finding{ID: "redis.certificate", Subject: n.subject(), Severity: OK}
	if ends.IsZero() {
		f.Severity, f.Found = Unknown, whose+" could not be looked at"
		return f
	}
	left := ends.Sub(now)
	f.Found = fmt.Sprintf("%s ends in %s, on %s", whose, span(left), ends.UTC().Format(time.DateOnly))
	switch {
	case left < certificateFail:
		f.Severity = Fail
	case left < certificateWarn:
		f.Severity = Warn
	default:
		return f
	}
	f.Found += ": from then on nobody can connect"
	f.Remedy = "renew it, and let the server read it (CONFIG SET tls-cert-file, or a restart); automate that"
	return f
}
