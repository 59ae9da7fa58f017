package redisconn

// At returns the target of the one server at addr (host:port), reached and logged
// into as t is, in database 0: for questions to the servers behind a Sentinel or
// a Cluster, each by itself.
func (t Target) At(addr string) Target {
	if t.socket {
		return t
	}
	t.kind, t.addrs, t.master, t.db = Standalone, []string{addr}, "", 0
	return t
}

// As returns t with another user and password; both empty is nobody.
func (t Target) As(user, password string) Target {
	t.user, t.secret = user, nil
	if password != "" {
		t.secret = &password
	}
	return t
}
