# Works with GNU make 3.81 (macOS) and later.
#
#   make run            the example app on http://127.0.0.1:8080, needs only Go
#   make test           all tests, with everything that they need
#
# Variables: ADDR=127.0.0.1:9000 (run*), TESTFLAGS="-run Name" (test),
# BENCH=regexp and BENCHFLAGS=-count=6 (bench), FUZZTIME=10s FUZZREST=2s (fuzz),
# SMOKEFLAGS=-servers (smoke: in production mode as well), CHAOSFLAGS="-rows
# redis-killed -seed 7 -duration 30s -json FILE" (chaos), SOAKFLAGS="-duration 5m
# -json FILE" (soak), FIGURESFLAGS (figures), PEERFLAGS=-short (bench-peers).

.DEFAULT_GOAL := help
.PHONY: help build run run-postgres run-production test fmt lint bench bench-peers fuzz smoke chaos reliability soak figures growth vulncheck clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

# Without cgo everything builds with Go alone: SQLite is a Go package. What is
# only run here needs no version stamp, for which git would have to trust the
# owner of this directory.
build: ## bin/example-app and bin/echoic
	CGO_ENABLED=0 go build -o bin/ ./example-app ./cmd/echoic

run: ## the example app on http://127.0.0.1:8080 (ADDR changes it): memory cache, SQLite sessions
	@CGO_ENABLED=0 go build -buildvcs=false -o bin/ ./example-app
	@exec ./bin/example-app

run-postgres: ## the same with its database and sessions in Postgres
	@CGO_ENABLED=0 go build -buildvcs=false -o bin/ ./example-app ./scripts/servers
	@exec ./bin/servers run -postgres -- ./bin/example-app

run-production: ## the same as in production: cache and sessions in Redis, database in Postgres
	@CGO_ENABLED=0 go build -buildvcs=false -o bin/ ./example-app ./scripts/servers
	@APP_ENV=production SECRET_KEY="$${SECRET_KEY:-$$(head -c 32 /dev/urandom | base64)}" exec ./bin/servers run -redis -postgres -- ./bin/example-app

test: ## unit, conformance, integration and race tests; installs missing servers on Debian and Ubuntu
	@scripts/ensure-servers
	@scripts/test $(TESTFLAGS)

fmt: ## format all Go code
	gofmt -w .

lint: ## formatting, vet, staticcheck, tidy go.mod
	@scripts/lint

bench: ## benchmarks of all packages that have any
	@scripts/bench $(BENCHFLAGS)

bench-peers: ## pages from the cache beside bare servers and other caches, by wrk; PEERFLAGS=-short for a first look
	@cd bench && go run . $(PEERFLAGS)

fuzz: ## every fuzz target for FUZZTIME (10s), the harmless for FUZZREST
	@scripts/fuzz

smoke: ## build the example app and the CLI, start them, ask them over HTTP
	go run ./scripts/smoke $(SMOKEFLAGS)

# The chaos tests as a program of its own: without the race detector, whose time
# would be among what is measured, and with their flags.
bin/chaos: FORCE
	@CGO_ENABLED=0 go test -c -o bin/chaos ./internal/chaos
FORCE:

chaos: bin/chaos ## break everything that the site stands on, 10 minutes (CHAOSFLAGS)
	@bin/chaos -test.run '^TestFaultTable$$' -test.timeout 0 -rows all -duration 10m $(CHAOSFLAGS)

reliability: bin/chaos ## docs/RELIABILITY.md from docs/reliability.json, which make chaos writes
	@bin/chaos -test.run '^TestFaultTable$$' -from docs/reliability.json -markdown docs/RELIABILITY.md

soak: bin/chaos ## half an hour of load, a fault every minute; fails for what grows (SOAKFLAGS)
	@bin/chaos -test.run '^TestSoak$$' -test.timeout 0 -duration 30m $(SOAKFLAGS)

figures: bin/chaos ## the figures that the README gives (FIGURESFLAGS)
	@bin/chaos -test.run '^TestFigures$$' -test.timeout 0 -duration 1m $(FIGURESFLAGS)

vulncheck: ## known vulnerabilities in what is called; needs https://vuln.go.dev or GOVULNDB
	@scripts/vulncheck -strict

growth: ## simulate 1 to 1,000 servers (docs/growth.md)
	@go run ./scripts/growth -requests 180000

clean: ## remove what was built and the data of run-postgres and run-production
	rm -rf bin .run
