# One command for each wish. `make help` lists them. Everything is set up on the way: a virtual environment in .venv,
# uv in .tools when it is not on PATH, the Rust binaries by cargo.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
BIN := .venv/bin
PYTEST_ARGS ?=
CHAOS_MINUTES ?= 30
CHAOS_SEED ?=
CHAOS_ARGS ?=
REFERENCE_CASES ?= 100000
REFERENCE_SEED ?= 1
TEST_WORKERS ?= 2
BENCH ?=
BENCH_ARGS ?=
RECORD ?=
TRACES ?= ../shared/data/wfinstances
QUEST_ARGS ?=
SHORT := --window 2 --runs 30
export UV_PROJECT_ENVIRONMENT := .venv
export CARGO_TERM_COLOR ?= auto

.PHONY: help demo test test-rust test-python lint format types licences bench bench-check baseline prewarming growth chaos reference quest-eval quest-train store crash s3 schemas golden rules docs clean setup tools

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: setup ## Run the word atlas: a real workflow over a real broker, from one command
	@$(BIN)/symphony demo

test: setup test-rust test-python ## Run every test of the tree but the slow suites

test-rust: setup
	cargo test --locked --workspace --quiet
	cargo test --locked --quiet --package symphony-artifact-store --features faults --test crash

test-python: setup
	$(BIN)/pytest -q -n $(TEST_WORKERS) --dist loadgroup -m "not slow" $(PYTEST_ARGS)

lint: setup licences ## Check style, lints and licences
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --quiet -- -D warnings

licences: setup
	$(BIN)/python infra/checks/licences.py
	@if command -v cargo-deny >/dev/null; then cargo deny --offline check bans licenses sources; fi

format: setup ## Format Python and Rust
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	cargo fmt --all

types: setup ## Check the types
	$(BIN)/mypy

bench: setup ## Measure a release build beside the floors of the same machine; RECORD=docs/results writes it down, BENCH=names chooses
	cargo build --locked --quiet --release --package symphony-pit
	SYMPHONY_PIT="$(CURDIR)/target/release/symphony-pit" $(BIN)/symphony bench $(BENCH) $(BENCH_ARGS) $(if $(wildcard $(TRACES)),--traces $(TRACES)) $(if $(RECORD),--record $(RECORD))

bench-check: setup ## Compare a release build's ratios to the floors with docs/results/baseline.json; fails beyond the noise
	cargo build --locked --quiet --release --package symphony-pit
	SYMPHONY_PIT="$(CURDIR)/target/release/symphony-pit" $(BIN)/symphony bench $(SHORT) --check docs/results/baseline.json

baseline: setup ## Measure a release build five times, and write docs/results/baseline.json
	cargo build --locked --quiet --release --package symphony-pit
	SYMPHONY_PIT="$(CURDIR)/target/release/symphony-pit" $(BIN)/symphony bench $(SHORT) --check docs/results/baseline.json --update

prewarming: ## Replay arrivals against pools that foresee, that react and that are fixed; writes docs/results/prewarming.md
	PREWARMING="$(CURDIR)/docs/results/prewarming.md" cargo test --locked --quiet --package symphony-pool-manager --test prewarming

growth: setup ## Measure how time and memory grow with the size of what runs, and write docs/results/growth.md
	cargo build --locked --quiet --release --package symphony-pit
	SYMPHONY_PIT="$(CURDIR)/target/release/symphony-pit" $(BIN)/python -m tests.growth

chaos: setup ## Attack a running system for CHAOS_MINUTES (30), by CHAOS_SEED (any), and judge it by what clients saw
	$(BIN)/python -m tests.chaos --minutes $(CHAOS_MINUTES) $(if $(CHAOS_SEED),--seed $(CHAOS_SEED)) --json build/chaos.json $(CHAOS_ARGS)

reference: setup ## Judge the fold by REFERENCE_CASES (100,000) workflows by chance, from REFERENCE_SEED (1) on
	REFERENCE_CASES=$(REFERENCE_CASES) REFERENCE_SEED=$(REFERENCE_SEED) cargo test --locked --quiet --package symphony-dag-tracker --test reference documents -- --nocapture

store: setup ## Measure the Artifact Store, with versions of this tree, and write docs/results/store.md
	$(BIN)/python infra/checks/store.py

crash: tools ## Have the Artifact Store die at every step that it takes, and at any moment, and see what is left
	cargo test --locked --quiet --package symphony-artifact-store --features faults --test crash

s3: setup ## The suite of places for packs on a server that speaks S3
	$(UV) run --locked --quiet --with 'moto[s3,server]>=5.1' pytest -q -n 0 -m slow tests/contract/test_store_on_s3.py

quest-eval: setup ## Measure the shipped policy on 1,000 quests a level that nobody trained on, beside bots and the oracle
	$(BIN)/symphony quest eval $(QUEST_ARGS)

quest-train: setup ## Train a policy anew (in an environment of its own: PyTorch is large), and say where it lies
	UV_PROJECT_ENVIRONMENT=build/train-env $(UV) sync --locked --quiet --extra train --python "$$(command -v $(PYTHON))"
	build/train-env/bin/symphony quest train --out build/quest $(QUEST_ARGS)

schemas: setup ## Write schemas/ from conductor/wire
	$(BIN)/symphony schemas emit
	$(BIN)/python -m quest.schema

golden: tools ## Make the golden log and snapshot of the newest version of the fold; never of one that was released
	cargo run --locked --quiet --package symphony-dag-tracker --example golden

rules: setup ## Take each of the design's rules out in turn, and see the test that names it fail (half an hour)
	$(BIN)/python infra/checks/rules.py

docs: setup ## Make the pages that are made from code, and check the links
	$(BIN)/python infra/checks/docs.py

clean: ## Remove what was built and the local environment
	rm -rf .venv .tools target dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .symphony

tools:
	@if ! command -v cargo >/dev/null; then echo "cargo was not found: install Rust 1.88 or newer (https://rustup.rs), then run this again" >&2; exit 2; fi
	if ! command -v cc >/dev/null; then echo "no C compiler was found: install one (on Debian: apt install build-essential), then run this again" >&2; exit 2; fi
	if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "Python 3.11 or newer was not found: install it, or name it with PYTHON=..." >&2; exit 2; fi

setup: tools
	@if [ "$(UV)" = ".tools/bin/uv" ] && [ ! -x .tools/bin/uv ]; then
	  $(PYTHON) -m venv .tools
	  .tools/bin/pip install --quiet --disable-pip-version-check "uv>=0.5"
	fi
	$(UV) sync --locked --quiet --python "$$(command -v $(PYTHON))"
