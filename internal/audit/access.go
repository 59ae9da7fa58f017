package audit

import (
	"fmt"
	"net/netip"
	"strings"
)

// reach is from where a server can be reached.
type reach uint8

const (
	reachUnknown reach = iota
	reachLocal         // this machine only
	reachBeyond        // its network
)

func (n node) reach() reach {
	switch {
	case n.remote:
		return reachBeyond // we came over the network ourselves
	case !n.config.has("bind"):
		return reachUnknown
	case n.config["port"] == "0" && n.config["tls-port"] == "0":
		return reachLocal // a socket only
	}
	for host := range strings.FieldsSeq(n.config["bind"]) {
		addr, err := netip.ParseAddr(strings.TrimPrefix(host, "-"))
		if err != nil || !addr.IsLoopback() {
			return reachBeyond
		}
	}
	if strings.TrimSpace(n.config["bind"]) == "" {
		return reachBeyond
	}
	return reachLocal
}

// bound is the setting for people.
func (n node) bound() string {
	if b, ok := n.config["bind"]; ok {
		return fmt.Sprintf("bind is %q", b)
	}
	return "it is on another machine"
}

// judgePassword tries the door.
func judgePassword(n node, use Use) Finding {
	f := Finding{ID: "redis.password", Subject: n.subject(), Severity: OK, Found: "it lets nobody in without a password"}
	if n.door != nil {
		if text := refusal(n.door); !strings.Contains(text, "NOAUTH") && !strings.Contains(text, "NOPERM") && !strings.Contains(text, "WRONGPASS") {
			f.Found = "somebody without a password was turned away: " + text
		}
		return f
	}
	f.Found = "it lets everybody in without a password"
	f.Remedy = "set requirepass, or an ACL user and `user default off`, and put the password into REDIS_URL"
	switch {
	case n.reach() == reachBeyond:
		f.Severity, f.Found = Fail, f.Found+", and can be reached from other machines ("+n.bound()+"): whoever can reads and forges sessions"
	case use.Sessions:
		f.Severity, f.Found = Warn, f.Found+": every program on its machine can read and forge sessions"
	default:
		f.Severity, f.Found = use.mild(), f.Found+"; every program on its machine can"
	}
	return f
}

// judgeBind is about who can knock.
func judgeBind(n node) Finding {
	f := Finding{ID: "redis.bind", Subject: n.subject(), Severity: OK}
	switch n.reach() {
	case reachLocal:
		f.Found = "only this machine reaches it"
	case reachUnknown:
		f.Severity, f.Found = Unknown, "the server does not tell where it listens: "+refusal(n.denied)
	case reachBeyond:
		f.Severity, f.Found = Note, "other machines reach it ("+n.bound()+")"
		f.Remedy = "let a firewall admit the application's machines only, or bind it to 127.0.0.1 if they are the same"
	}
	return f
}

// judgeProtected is about the last net below a missing password.
func judgeProtected(n node, use Use) Finding {
	f := Finding{ID: "redis.protected-mode", Subject: n.subject(), Severity: OK, Found: "protected mode is on"}
	mode, known := n.config["protected-mode"]
	switch {
	case !known:
		f.Severity, f.Found = Unknown, "the server does not tell protected-mode: "+refusal(n.denied)
	case mode != "no":
	case n.door == nil && n.reach() == reachBeyond:
		f.Severity, f.Found = Fail, "protected mode is off, there is no password, and other machines reach it"
		f.Remedy = "set protected-mode yes, and a password"
	default:
		f.Severity, f.Found = use.mild(), "protected mode is off: it would answer everybody if the password were lost from its configuration"
		f.Remedy = "set protected-mode yes"
	}
	return f
}

// judgeTLS is about who can read along.
func judgeTLS(n node, use Use) Finding {
	f := Finding{ID: "redis.tls", Subject: n.subject(), Severity: OK}
	switch {
	case n.tls:
		f.Found = "the connection is encrypted"
	case !n.remote:
		f.Found = "not needed: it is on this machine"
	default:
		f.Severity, f.Found = use.harsh(), "the connection to another machine is in the clear: whoever is on the way reads the password and all sessions"
		f.Remedy = "use rediss:// in REDIS_URL, or a tunnel to a loopback address"
	}
	return f
}

// judgeLogins is about those who tried.
func judgeLogins(n node) Finding {
	f := Finding{ID: "redis.logins", Subject: n.subject(), Severity: OK, Found: "no login was rejected"}
	var count int64
	var last aclEntry
	for _, e := range n.acl {
		if e.Reason != "auth" {
			continue
		}
		if count == 0 || e.Age < last.Age {
			last = e
		}
		count += max(e.Count, 1)
	}
	wrong := errorCount(n.info["errorstat_WRONGPASS"])
	switch {
	case count > 0:
		f.Severity = Warn
		f.Found = fmt.Sprintf("%d logins were rejected, the last %s ago, as %q from %s", count, span(last.Age), last.User, last.Client)
	case wrong > 0:
		f.Severity, f.Found = Warn, fmt.Sprintf("%d logins were rejected since it was started", wrong)
	case n.aclDenied != nil && !n.info.has("errorstat_WRONGPASS"):
		f.Severity, f.Found = Unknown, "the server does not show rejected logins: "+refusal(n.aclDenied)
	}
	if f.Severity == Warn {
		f.Remedy = "find out who that was (ACL LOG); a wrong password in some configuration, or somebody who guesses. ACL LOG RESET and CONFIG RESETSTAT when it is cleared up"
	}
	return f
}

// errorCount reads "count=3".
func errorCount(text string) int64 {
	return fields{"n": strings.TrimPrefix(text, "count=")}.number("n")
}

// judgeDebug is about commands that let a client do to the server what it wants.
func judgeDebug(n node) []Finding {
	for _, name := range []string{"enable-debug-command", "enable-protected-configs"} {
		if v, ok := n.config[name]; ok && v == "yes" {
			return []Finding{{
				ID: "redis.debug", Subject: n.subject(), Severity: Warn, Found: name + " is yes: whoever is logged in can crash the server or write files",
				Remedy: "set " + name + " no",
			}}
		}
	}
	return nil
}
