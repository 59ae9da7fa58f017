package audit

import (
	"fmt"
	"time"
)

func (n node) appends() bool { return n.info["aof_enabled"] == "1" }

// saves reports whether there are rules for saving, and whether that is known.
func (n node) saves() (saves, known bool) {
	return n.config["save"] != "", n.config.has("save")
}

func (n node) persistence() string {
	switch saves, known := n.saves(); {
	case n.appends():
		text := "append-only file"
		if sync := n.config["appendfsync"]; sync != "" {
			text += ", fsync " + sync
		}
		return text
	case !known:
		return "no append-only file; rules for saving are not told"
	case saves:
		return fmt.Sprintf("saved by the rules %q, last %s ago", n.config["save"], span(n.saveAge()))
	}
	return "none"
}

// saveAge is by the server's own clock.
func (n node) saveAge() time.Duration {
	now := n.info.number("server_time_usec") / 1e6
	if now == 0 { // before Redis 7
		now = time.Now().Add(n.skew).Unix()
	}
	return time.Duration(max(now-n.info.number("rdb_last_save_time"), 0)) * time.Second
}

// judgePersistence is about what a restart leaves.
func judgePersistence(n node, use Use) Finding {
	f := Finding{ID: "redis.persistence", Subject: n.subject(), Severity: OK, Found: n.persistence()}
	saves, known := n.saves()
	switch {
	case n.appends() || saves:
	case !known:
		f.Severity = Unknown
		f.Found = "there is no append-only file, and the server does not tell its rules for saving: " + refusal(n.denied)
		f.Remedy = "see in the provider's console that it saves"
	case use.Sessions && !use.Durable:
		f.Severity, f.Found = Fail, `nothing is persisted (save "" and appendonly no) and sessions live here: a restart logs everybody out, and there is no database that remembers logouts and purges`
		f.Remedy = "set appendonly yes, and DATABASE_URL"
	case use.Sessions:
		f.Severity, f.Found = Warn, `nothing is persisted (save "" and appendonly no) and sessions live here: a restart logs everybody out`
		f.Remedy = "set appendonly yes"
	default:
		f.Severity, f.Found = OK, "none, and nothing here needs it: a restart empties the cache"
	}
	return f
}

// judgeSaving is about saves that fail: Redis then refuses writes (MISCONF).
func judgeSaving(n node) Finding {
	f := Finding{ID: "redis.save", Subject: n.subject(), Severity: OK, Found: "the last save succeeded"}
	switch {
	case n.info["rdb_last_bgsave_status"] == "err":
		f.Severity, f.Found = Fail, "the last save failed (rdb_last_bgsave_status err)"
		f.Remedy = "look into the server's log; mostly the disk is full or dir is not writable"
		if n.config["stop-writes-on-bgsave-error"] != "no" {
			f.Found += ": it refuses all writes (MISCONF) until one succeeds"
		}
	case n.appends() && n.info["aof_last_write_status"] == "err":
		f.Severity, f.Found = Fail, "the append-only file cannot be written (aof_last_write_status err)"
		f.Remedy = "look into the server's log; mostly the disk is full"
	case n.appends() && n.info["aof_last_bgrewrite_status"] == "err":
		f.Severity, f.Found = Warn, "the append-only file cannot be rewritten (aof_last_bgrewrite_status err): it grows"
		f.Remedy = "look into the server's log; mostly the disk is full"
	}
	return f
}

// judgeSaveAge is about how much a crash would lose.
func judgeSaveAge(n node, use Use) Finding {
	f := Finding{ID: "redis.save-age", Subject: n.subject(), Severity: OK}
	saves, known := n.saves()
	changes, age := n.info.number("rdb_changes_since_last_save"), n.saveAge()
	switch {
	case n.appends():
		f.Found = "every change is appended to a file"
	case known && !saves:
		f.Found = "it does not save"
	case changes > 0 && age > use.MaxSaveAge:
		f.Severity, f.Found = Warn, fmt.Sprintf("the last save was %s ago, and %d changes since would be lost", span(age), changes)
		f.Remedy = "correct the rules of save (CONFIG GET save), or set appendonly yes"
	default:
		f.Found = fmt.Sprintf("the last save was %s ago, with %d changes since", span(age), changes)
	}
	return f
}

// judgeTrust is about REDIS_TRUST_RESTART, which only one setting deserves.
func judgeTrust(n node, use Use) []Finding {
	if !use.TrustRestart {
		return nil
	}
	f := Finding{ID: "redis.trust-restart", Subject: n.subject(), Severity: OK, Found: "REDIS_TRUST_RESTART is true, and every write is on disk before it is acknowledged"}
	switch sync := n.config["appendfsync"]; {
	case n.appends() && sync == "always":
	case n.appends() && sync == "":
		f.Severity, f.Found = Unknown, "REDIS_TRUST_RESTART is true, and the server does not tell appendfsync"
		f.Remedy = "see that it is always, or set REDIS_TRUST_RESTART=false"
	default:
		f.Severity = Fail
		f.Found = fmt.Sprintf("REDIS_TRUST_RESTART is true, but a restart may bring old values back (%s)", n.persistence())
		f.Remedy = "set appendonly yes and appendfsync always, or REDIS_TRUST_RESTART=false"
	}
	return []Finding{f}
}
