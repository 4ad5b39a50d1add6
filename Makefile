# make demo    score a real data set from a job file
# make test    everything the project tests, with the race detector on
# make build   bin/crossbatch
# make lint    golangci-lint, with what go vet knows
# make bench   how fast it scores, beside its own limits and two usual programs
# make bench-storage  how fast objects travel, beside s5cmd and rclone
# make image   the scoring image, REGISTRY=... names it; needs Docker with BuildKit
# make fuzz    run every fuzz target for FUZZTIME

.DEFAULT_GOAL := build
SHELL := /bin/bash

BINARY   := bin/crossbatch
FUZZTIME ?= 30s

# golangci-lint is run by version, so that what it is made of stays out of go.mod.
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# Microsoft's emulator of Azure Blob Storage, which tests hold ours against.
AZURITE_VERSION := 3.37.0
AZURITE := $(or $(CROSSBATCH_TEST_AZURITE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/crossbatch/azurite-$(AZURITE_VERSION))

.PHONY: build runtime azurite awscli demo test lint bench bench-storage image fuzz clean

build:
	@mkdir -p $(dir $(BINARY))
	go build -o $(BINARY) ./cmd/crossbatch

# ONNX Runtime, unless the machine has it. Costs nothing the second time.
runtime: build
	@$(BINARY) runtime status >/dev/null 2>&1 || $(BINARY) runtime install

azurite:
	@test -e "$(AZURITE)/node_modules/azurite/package.json" || \
	  npm install --no-audit --no-fund --ignore-scripts --prefix "$(AZURITE)" azurite@$(AZURITE_VERSION)

# Amazon's own command line, which tests drive the emulators with. Debian's needs root.
awscli: ROOT := $(if $(filter-out 0,$(shell id -u)),sudo)
awscli:
	@/usr/bin/aws --version >/dev/null 2>&1 || { $(ROOT) apt-get update -qq && $(ROOT) apt-get install -qq -y awscli; }

demo: runtime
	@examples/demo.sh $(BINARY)

# All that is compiled for the tests has the race detector, the program too, so
# that nothing is compiled twice; lint reads what the tests left behind, and does
# the vetting. A process with the detector sleeps a second before it ends, unless
# told not to.
RACE := $(strip $(shell go env GOFLAGS) -race)
test: export GOFLAGS := $(RACE)
test: export GORACE := atexit_sleep_ms=0
test: BINARY := bin/race/crossbatch
test: runtime azurite awscli
	go test -race -vet=off -timeout 15m ./providers/... ./... # the slow ones first

# The linter itself is compiled without it.
lint:
	go run -exec "env 'GOFLAGS=$(RACE)'" $(GOLANGCI) run ./...

# BENCHFLAGS: --rows, --only, --repeat, --big, --json FILE, --dir.
bench: runtime
	@go run ./local/engine/bench $(BENCHFLAGS)

# Needs rclone (Debian: apt install rclone). BENCHFLAGS: -large BYTES, -small COUNT, -repeat N, -json FILE.
bench-storage: build
	@go build -C providers/objectstore/bench/s5cmd -mod=mod -o "$(CURDIR)/bin/s5cmd" github.com/peak/s5cmd/v2
	@go run ./providers/objectstore/bench -s5cmd bin/s5cmd $(BENCHFLAGS)

# IMAGEFLAGS: --build-arg BASE=..., --build-arg LIBRARIES=..., --push.
IMAGE_TAG ?= latest
image:
	@test -n "$(REGISTRY)" || { echo "make image REGISTRY=HOST/PATH: where the image belongs" >&2; exit 1; }
	docker build --platform linux/amd64 --file local/modelserver/image/Dockerfile --tag "$(REGISTRY)/crossbatch:$(IMAGE_TAG)" $(IMAGEFLAGS) .

fuzz:
	@set -e; for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$pkg; \
	  done; done

clean:
	rm -rf bin examples/*/out examples/*/.crossbatch
