# strata: `make` lists what there is to make. It needs GNU make, bash, Go and Python 3.11 or newer; everything else is
# fetched by `go` and `pip`, pinned by hash, into build/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

FUZZTIME ?= 30s
CONVERGE ?= 1h
BENCH_ARGS ?=
TEST_ARGS ?=

# Tests and the bench find what is set up here through these; both may be set from outside.
export STRATA_PYTHON ?= $(CURDIR)/build/venv/bin/python
export STRATA_CDNOW ?= $(CURDIR)/build/data/lifetimes

VERSION = $(shell git describe --tags --always --dirty 2>/dev/null)
STAMP = $(if $(VERSION),-X main.version=$(VERSION))
GO_FOLDERS = cmd configs pipeline readers rules writers .tools

venv    := build/venv/.stamp
cdnow   := build/data/lifetimes/.stamp
servers := build/bin/fake-gcs-server build/bin/versitygw

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# ---- build and show -------------------------------------------------------------------------------------------------

.PHONY: build
build: ## Build bin/strata
	@go build -trimpath -ldflags '$(STAMP)' -o bin/strata ./cmd/strata
	@echo "built bin/strata$(if $(VERSION), $(VERSION))"

.PHONY: demo
demo: build ## Three nights of made-up users, three runs, a result to read
	@bin/strata demo

.PHONY: cdnow
cdnow: build $(cdnow) ## Real purchases to try things on: 23,570 customers at 18 month ends, in strata-cdnow/
	@rm -rf strata-cdnow build/cdnow
	@build/venv/bin/python pipeline/testdata/cdnow/snapshots.py build/data/lifetimes/datasets build/cdnow
	@mv build/cdnow/all strata-cdnow
	@cp pipeline/testdata/cdnow/strata.yaml pipeline/testdata/cdnow/strata_test.yaml strata-cdnow/
	@echo "strata-cdnow has 18 snapshots and a configuration; try bin/strata check -c strata-cdnow/strata.yaml --date 1997-03-31"

# ---- test and check -------------------------------------------------------------------------------------------------

.PHONY: test
test: setup ## Set up what tests need, then vet and test everything
	@go vet ./...
	@go -C .tools vet ./...
	@failed=0; \
	  go test -p 2 -timeout 20m $(TEST_ARGS) ./... | $(tested) || failed=1; \
	  go -C .tools test -p 2 -timeout 20m $(TEST_ARGS) ./... | $(tested) || failed=1; \
	  exit $$failed

# A package without tests is no news.
tested = { grep -v '\[no test files\]$$' || true; }

.PHONY: check
check: build/bin/golangci-lint build/bin/gofumpt ## Vet, format and lint; the test of imports
	@go vet ./...
	@go -C .tools vet ./...
	@unformatted=$$(build/bin/gofumpt -l $(GO_FOLDERS)); \
	  if [ -n "$$unformatted" ]; then echo "not formatted (make format mends it):"; echo "$$unformatted"; exit 1; fi
	@build/bin/golangci-lint run ./...
	@cd .tools && ../build/bin/golangci-lint run --config ../.golangci.yml ./...
	@go test -count 1 -run '^TestImports' ./cmd/strata

.PHONY: format
format: build/bin/gofumpt ## Format every Go file
	@build/bin/gofumpt -l -w $(GO_FOLDERS)

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (30s)
	@grep -rHo --include '*_test.go' '^func Fuzz[A-Za-z0-9_]*' $(filter-out .tools,$(GO_FOLDERS)) | sort | \
	  while IFS=: read -r file func; do \
	    echo "$$(dirname "$$file") $${func#func }"; \
	    go test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
	  done

.PHONY: converge
converge: ## Random histories, crashes and all, for CONVERGE (1h; or a number of them): each must end as a clean one
	@STRATA_HISTORIES=$(CONVERGE) go test ./pipeline -run '^TestHistoriesConverge$$' -count 1 -timeout 0 -v

.PHONY: vuln
vuln: build build/vulndb/.stamp ## Known vulnerabilities inside bin/strata, offline, as of a pinned list
	@build/bin/govulncheck -db "file://$(CURDIR)/build/vulndb" -mode binary -format json bin/strata | python3 .tools/vuln/report.py

# ---- measure --------------------------------------------------------------------------------------------------------

.PHONY: bench
bench: build $(venv) ## The nightly workload at 10 million users, beside DuckDB (BENCH_ARGS passes flags)
	@go run ./pipeline/bench $(BENCH_ARGS)

.PHONY: bench-small
bench-small: build $(venv) ## The same at 1 million users
	@go run ./pipeline/bench -users 1000000 $(BENCH_ARGS)

.PHONY: history
history: $(venv) $(cdnow) ## 60 days of CDNOW and 90 nights of 100,000 users: killed ten times, mended in the middle, cascaded
	@for version in one two; do go build -trimpath -ldflags "-X main.version=$$version" -o build/history/$$version ./cmd/strata; done
	@build/venv/bin/python pipeline/bench/history.py build/history/one build/history/two cdnow build/history/cdnow build/data/lifetimes/datasets
	@build/venv/bin/python pipeline/bench/history.py build/history/one build/history/two nights build/history/nights

.PHONY: bench-rules
bench-rules: ## Ten typical rules beside cel-go's interpreter, and 300 rules beside 24: CPU time, one core
	@go test -run '^$$' -bench '^Benchmark(BesideCEL|ManyRules)$$' -benchtime 3s ./rules

# ---- set-up: each step once, again when its pins change -----------------------------------------------------------------

.PHONY: setup
setup: $(venv) $(cdnow) $(servers)

$(venv): .tools/python/make-venv .tools/python/requirements.txt
	@echo "set up: Python environment in build/venv"
	@.tools/python/make-venv build/venv
	@touch $@

$(cdnow): .tools/python/fetch-cdnow .tools/python/cdnow.txt $(venv)
	@echo "set up: CDNOW purchases in build/data/lifetimes"
	@.tools/python/fetch-cdnow build/venv/bin/python build/data
	@touch $@

build/bin/fake-gcs-server: .tools/go.mod .tools/go.sum
	@echo "set up: test server $@"
	@go -C .tools build -o ../$@ github.com/fsouza/fake-gcs-server
	@touch $@

build/bin/versitygw: .tools/go.mod .tools/go.sum
	@echo "set up: test server $@"
	@go -C .tools build -o ../$@ github.com/versity/versitygw/cmd/versitygw
	@touch $@

build/bin/golangci-lint: .tools/lint/go.mod .tools/lint/go.sum
	@echo "set up: linter $@ (some minutes, once)"
	@go -C .tools/lint build -o ../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

build/bin/gofumpt: .tools/lint/go.mod .tools/lint/go.sum
	@echo "set up: formatter $@"
	@go -C .tools/lint build -o ../../$@ mvdan.cc/gofumpt
	@touch $@

build/vulndb/.stamp: .tools/vuln/go.mod .tools/vuln/go.sum
	@echo "set up: list of vulnerabilities in build/vulndb"
	@mkdir -p build/bin
	@go -C .tools/vuln build -o ../../build/bin/ golang.org/x/vuln/cmd/govulncheck golang.org/x/vulndb/cmd/indexdb
	@rm -rf build/vulndb
	@build/bin/indexdb -vulns "$$(go -C .tools/vuln list -m -f '{{.Dir}}' golang.org/x/vulndb)/data/osv" -out build/vulndb
	@touch $@

.PHONY: clean
clean: ## Remove everything that make made
	@rm -rf bin build strata-demo strata-cdnow
