# The two commands: `make demo` and `make test`. Each installs what it needs and says what it does.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# One build folder for every clone of this user: a second clone builds in seconds.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/partita/target
export PARTITA_TEST_PYTHON ?= $(HOME)/.cache/partita/venv/bin/python
PARTITA := $(CARGO_TARGET_DIR)/release/partita

.PHONY: help
help: ## List what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

.PHONY: setup
setup: ## Install what building needs
	@scripts/setup.sh build

.PHONY: build
build: setup ## Build the binary
	cargo build --release --locked -p partita-cli
	@ls -l $(PARTITA)

.PHONY: demo
demo: build ## Turn a sentence into a workflow and run it, live
	@scripts/demo.sh $(PARTITA)

.PHONY: test
test: ## Run every check and every test
	@scripts/setup.sh test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo fetch --locked
	cargo deny --offline check licenses bans sources
	@scripts/advisories.sh
	cargo build --workspace --all-targets --locked
	cargo nextest run --workspace --locked --no-fail-fast

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: lint
lint: ## Run the lints alone
	cargo clippy --workspace --all-targets --locked -- -D warnings

.PHONY: bench
bench: build ## Measure speed and size, as a table (several minutes)
	cargo run --release --locked -p partita-bench -- all --binary $(PARTITA)

.PHONY: soak
soak: build ## Kill the server at random moments, again and again (10 minutes; MINUTES=n)
	cargo run --release --locked -p partita-bench -- soak --binary $(PARTITA) --minutes $${MINUTES:-10}

.PHONY: fuzz
fuzz: ## Look for inputs that break a promise (a minute per target; SECONDS_EACH=n)
	@scripts/setup.sh fuzz
	@scripts/fuzz.sh $${SECONDS_EACH:-60}

.PHONY: test-models
test-models: ## Drive real models on this machine through the gateway (downloads 600 MB once)
	@scripts/models.sh
