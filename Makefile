# The doors of the project: the same by hand and in CI. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# One target directory outside the checkout, so that a fresh clone does not build the dependencies again.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/anlan/target
TOOLS := $(HOME)/.cache/anlan/tools
PEERS := $(HOME)/.cache/anlan/peers
export ANLAN_PEER_PYTHON ?= $(PEERS)/bin/python
CARGO_DENY_VERSION := 0.20.2

.PHONY: help setup setup-test ui ui-check build demo demo-build test test-rust test-ui test-web lint deny bench eval chaos fmt clean-demo

help: ## lists the doors
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## what a build needs: a C compiler and Node's packages
	@scripts/need gcc make pkg-config
	@scripts/npm-ci web/ui

setup-test: setup ## what the tests need besides: Chromium, fonts, protocol servers of other makers
	@scripts/need chromium:chromium fonts-noto-cjk! fonts-inter! python3-venv! mbpoll
	@scripts/npm-ci tests/web
	@scripts/peers $(PEERS)
	@test -x $(TOOLS)/bin/cargo-deny || cargo install --quiet --root $(TOOLS) cargo-deny --version =$(CARGO_DENY_VERSION) --locked

ui: setup ## builds the front end into web/ui/dist
	@cd web/ui && npm run --silent build

build: ui ## release binary at target/release/anlan
	cargo build --release --locked
	@mkdir -p target/release
	@[ "$$(realpath -m $(CARGO_TARGET_DIR))" = "$$(realpath -m target)" ] || install -m 755 $(CARGO_TARGET_DIR)/release/anlan target/release/anlan

demo-build: ui
	cargo build --profile demo --locked

demo: demo-build ## ten simulated enterprises behind real protocol servers, their gateways, and the center
	$(CARGO_TARGET_DIR)/demo/anlan demo --listen $${ANLAN_LISTEN:-127.0.0.1:8080} --data $${ANLAN_DEMO_DATA:-demo-data} --enterprises 10

lint: ## formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --locked --quiet -- -D warnings
	@# Helpers of tests may unwrap as the tests themselves do.
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings -A clippy::unwrap_used -A clippy::let_underscore_must_use

deny: ## licences, sources and duplicate bans
	$(TOOLS)/bin/cargo-deny --log-level error check bans licenses sources

test-ui: setup ## type check, lint and unit tests of the front end
	cd web/ui && npm run --silent check

test-rust: ## every Rust test of the workspace
	@# Whole-system tests start the binary; `cargo test` alone would leave an old one there.
	cargo build --workspace --locked --quiet
	cargo test --workspace --locked --no-fail-fast

test-web: ## a real browser against the real demo
	cargo build --locked --quiet
	cd tests/web && ANLAN_BIN=$(CARGO_TARGET_DIR)/debug/anlan npm test --silent

test: setup-test ui test-ui lint deny test-rust test-web ## everything that CI runs

bench: ui ## every benchmark, as a table and as JSON
	cargo build --release --locked
	$(CARGO_TARGET_DIR)/release/anlan bench all

eval: ## how many alarms deadband and delays take away, and what they would miss (ANLAN_PROCESS_DATA)
	@cargo run --quiet --locked -p anlan-sim --example eval

chaos: ## thousands of kills and seeds; hours
	cargo build --release --locked
	ANLAN_CHAOS=1 cargo test --release --workspace --locked -- --nocapture chaos
	ANLAN_SIM_SEEDS=$${ANLAN_SIM_SEEDS:-5000} cargo test --release -p anlan-actors --test simulation --locked

fmt: ## formats everything
	cargo fmt --all
	cd web/ui && npm run --silent format

clean-demo: ## forgets the demo's data
	rm -rf demo-data
