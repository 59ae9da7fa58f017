package chaos

import (
	"time"

	"github.com/echoic-go/echoic/internal/faultproxy"
)

// linkParams are those of a spoiled way to a server.
func linkParams() []string {
	return []string{"app", "to", "latency", "jitter", "cut", "slice", "pause", "bandwidth", "blackhole", "stall", "refuse", "reset", "new"}
}

// link is a spoiled way.
type link struct {
	app           string // its name, or all
	to            string
	faults        faultproxy.Faults
	refuse, reset bool
}

func readLink(p *params) link {
	l := link{
		app: p.text("app", "all"), to: p.text("to", "both", "client", "server", "both"), refuse: p.flag("refuse"), reset: p.flag("reset"),
		faults: faultproxy.Faults{
			Latency: p.duration("latency", 0), Jitter: p.duration("jitter", 0), CutAfter: int64(p.number("cut", 0)),
			Slice: p.number("slice", 0), SlicePause: p.duration("pause", 0), Bandwidth: p.number("bandwidth", 0),
			Blackhole: p.flag("blackhole"), Stall: p.flag("stall"),
		},
	}
	if p.flag("new") {
		l.faults.Reach = faultproxy.New
	}
	return l
}

func linkKinds() map[string]kind {
	try := func(p *params) { readLink(p) }
	return map[string]kind{
		"redis.link": {
			about: "the way to Redis is spoiled", params: linkParams(), mayFail: sessionClasses(), try: try,
			make: func(e *Env, p *params) injection {
				return e.spoil(readLink(p), func(a *App) *faultproxy.Proxy { return a.Redis })
			},
		},
		"postgres.link": {
			about: "the way to Postgres is spoiled", params: linkParams(), mayFail: databaseClasses(), try: try,
			make: func(e *Env, p *params) injection {
				return e.spoil(readLink(p), func(a *App) *faultproxy.Proxy { return a.Postgres })
			},
		},
		"redis.flap": {
			about: "Redis is silent and well in turns", params: []string{"down", "up"}, mayFail: sessionClasses(),
			try: func(p *params) { p.duration("down", 0); p.duration("up", 0) },
			make: func(e *Env, p *params) injection {
				return swing(p.duration("down", time.Second), p.duration("up", time.Second), e.Redis.Stop, e.Redis.Cont)
			},
		},
	}
}

// spoil spoils the way of some apps.
func (e *Env) spoil(l link, way func(*App) *faultproxy.Proxy) injection {
	return injection{
		begin: func() {
			for _, app := range e.apps(l.app) {
				proxy := way(app)
				if proxy == nil {
					e.t.Errorf("chaos: there is no way of app %s that could be spoiled: Sentinel and Cluster have no proxy before them", app.Name)
					continue
				}
				if l.to != "server" {
					proxy.Set(faultproxy.ToClient, l.faults)
				}
				if l.to != "client" {
					proxy.Set(faultproxy.ToServer, l.faults)
				}
				if l.refuse {
					e.check(proxy.Admit(faultproxy.Refuse))
				}
				if l.reset {
					proxy.Reset()
				}
			}
		},
		end: func() {
			for _, app := range e.apps(l.app) {
				if proxy := way(app); proxy != nil {
					e.check(proxy.Heal())
				}
			}
		},
	}
}
