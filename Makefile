# The commands of this project. `make run` and `make test` install what they need on a fresh Debian machine.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PATH := $(HOME)/.cargo/bin:$(PATH)

CARGO ?= cargo
DATA_DIR ?= target/run-data
TEST_DATA := ../shared/data
ARGS ?=
# A change is judged by the same cases as the one before; `make prove` looks for others.
PROPERTIES ?= 20261129
# For each target of `make prove`.
FUZZ_SECONDS ?= 120
# Of the API, tried against its own description.
API_SECONDS ?= 600
# Of the soak.
SOAK_SECONDS ?= 1800
SEED ?= $(shell date +%j)

.PHONY: help run build check test prove deb fmt build-needs test-needs test-data lint unit

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

run: build ## build and serve the demo channels (ARGS="--playlist FILE" for your own)
	@target/debug/rooftop serve --data-dir $(DATA_DIR) $(ARGS)

build: build-needs ## build both programs with the development profile
	@$(CARGO) build --locked --bins

check: ## the quick loop: formatting, lints, unit tests, architecture
	@$(CARGO) fmt --check
	@$(CARGO) clippy --locked --all-targets -- -D warnings
	@$(CARGO) test --locked --quiet --lib
	@$(CARGO) test --locked --quiet --test it -- architecture

test: build-needs test-data test-needs lint unit ## everything a change must pass

lint:
	@$(CARGO) fmt --check
	@$(CARGO) deny --log-level error check bans licenses sources
	@$(CARGO) clippy --locked --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

unit:
	@$(CARGO) build --locked --bins
	@PROPTEST_RNG_SEED=$(PROPERTIES) $(CARGO) nextest run --locked -p rooftop -p srt-protocol --lib --bins --test it --test hostile --no-fail-fast

prove: build-needs test-data test-needs ## the full figures: benchmarks, a soak, every fault, fuzzing, and later big imports
	@$(CARGO) bench --locked
	@$(CARGO) build --locked --bins
	@ROOFTOP_IT_SOAK_S=$(SOAK_SECONDS) ROOFTOP_IT_SEED=$(SEED) $(CARGO) nextest run --locked --test it --retries 0 \
		--success-output immediate soak
	@ROOFTOP_IT_API_SECONDS=$(API_SECONDS) ROOFTOP_IT_SEED=$(SEED) $(CARGO) nextest run --locked --test it --retries 0 \
		--success-output immediate api::
	@rm -f target/matrix.txt
	@ROOFTOP_IT_MATRIX=all ROOFTOP_IT_TABLE=$(CURDIR)/target/matrix.txt $(CARGO) nextest run --locked --test it --retries 0 \
		seamless::matrix
	@cat target/matrix.txt
	@ROOFTOP_TEST_HISTORIES=1000 ROOFTOP_TEST_KILLS=200 $(CARGO) nextest run --locked --lib --retries 0 --success-output immediate \
		histories:: kill_import::
	@PROPTEST_CASES=4096 $(CARGO) nextest run --locked --lib --retries 0 \
		-E 'test(/^(base|config|fetch|guide|hdhr|media|model|playlist|source|text|ts)::/) - test(/torture|histories|kill/)'
	@tests/fuzz/run $(FUZZ_SECONDS)

deb: build-needs ## the Debian package, in target/debian
	@packaging/apt-install dpkg-dev
	@$(CARGO) deb --version >/dev/null 2>&1 || CARGO_PROFILE_DEV_DEBUG=0 $(CARGO) install --locked --debug cargo-deb@3.8.0
	@$(CARGO) deb --locked

fmt: ## format the code
	@$(CARGO) fmt

build-needs:
	@packaging/install-build-needs

test-needs: build-needs
	@packaging/install-test-needs

test-data:
	@test -d $(TEST_DATA)/ts || { \
	  echo "The tests read recordings in $(TEST_DATA), beside this clone, and there is nothing there." >&2; \
	  echo "Put that folder there (it is not part of this repository), then run make test again." >&2; exit 1; }
