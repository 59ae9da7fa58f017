package chaos

import "time"

func appKinds() map[string]kind {
	return map[string]kind{
		"none": {about: "nothing", make: func(*Env, *params) injection { return injection{func() {}, func() {}} }},
		"app.kill": {
			about: "an app is killed and started again", params: []string{"app", "every"}, mayFail: []string{},
			try: func(p *params) { p.duration("every", 0) },
			make: func(e *Env, p *params) injection {
				apps := e.apps(p.text("app", "A"))
				return repeat(p.duration("every", time.Second), func() {
					for _, app := range apps {
						app.Kill()
						app.Start()
					}
				})
			},
		},
		"app.term": {
			about: "an app is taken out of the balancer, ended with SIGTERM, and started again", params: []string{"app", "every"},
			try: func(p *params) { p.duration("every", 0) },
			make: func(e *Env, p *params) injection {
				apps := e.apps(p.text("app", "A"))
				return repeat(p.duration("every", time.Second), func() {
					for _, app := range apps {
						app.Rest()
						app.Terminate()
						app.Start()
						app.Resume()
					}
				})
			},
		},
	}
}
