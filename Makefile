# Everything a contributor runs. `make` alone lists the targets.

GOLANGCI  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT   := mvdan.cc/gofumpt@v0.12.0
VULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
FUZZTIME  ?= 30s
IMAGE     ?= faveo-gateway
DOCKER    ?= docker
CA_BUNDLE ?= /etc/ssl/certs/ca-certificates.crt

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: build
build: ## build ./faveo-gateway, static
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o faveo-gateway .

.PHONY: image
image: build ## an image around that binary, without a registry
	@context=$$(mktemp -d) && trap 'rm -rf "$$context"' EXIT && mkdir "$$context/tmp" && \
	cp faveo-gateway "$(CA_BUNDLE)" "$$context/" && \
	$(DOCKER) build -f deploy/Dockerfile.local -t "$(IMAGE)" "$$context"

.PHONY: deploy
deploy: ## hold deploy/ to what it is for: unit, web servers, image, Compose, chart, documents
	go test ./deploy
	cd deploy/check && go test .

.PHONY: demo
demo: ## run the gateway with embedded stand-ins
	go run . demo

.PHONY: services
services: ## start MariaDB and Redis on loopback where they do not answer
	@.ci/services

.PHONY: test
test: services ## run every test; REQUIRE_SERVICES=1 forbids skips
	go test ./...

# What goes on at once is in these rooms, and in these tests of the gateway and Redis. Under the
# race detector all tests take a quarter of an hour: raceall.
RACED  := ./gateway/admin ./gateway/apikey ./gateway/audit ./gateway/certificate ./gateway/keyring ./gateway/limit ./gateway/login \
	./gateway/session ./gateway/stage ./gateway/token ./gateway/trace ./upstream/breaker ./upstream/proxy
AT_ONCE := Reload|UnderLoad|Overtakes|Flood|Hanging|UpstreamsStandIn|Certificates|RedisEmptied|Watch|Lost|Hung

.PHONY: race
race: services ## run the tests of what goes on at once under the race detector
	go test -race -short -timeout 10m $(RACED)
	go test -race -short -timeout 10m -run '$(AT_ONCE)' ./gateway ./gateway/redisstore

.PHONY: raceall
raceall: services ## run every test under the race detector, with fewer repetitions
	go test -race -short -timeout 30m ./...

.PHONY: check
check: ## formatting, vet, linters, known vulnerabilities
	@unformatted=$$(go run $(GOFUMPT) -l .); test -z "$$unformatted" || { echo "not gofumpt'ed:"; echo "$$unformatted"; exit 1; }
	go mod verify
	go vet ./...
	go run $(GOLANGCI) run
	@.ci/vulncheck $(VULNCHECK)

.PHONY: rules
rules: ## check and test the Prometheus rules; needs promtool
	promtool check config deploy/prometheus.yml
	promtool test rules deploy/prometheus/rules.test.yml

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME each
	@.ci/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## the benchmarks; the ratios to a bare proxy are in gateway
	go test -run '^$$' -bench . -benchmem ./...
