# Every target works from a bare Python >= 3.10, git and make, from any path, any number of times.
PYTHON ?= python3
SHELL := /bin/sh
.DEFAULT_GOAL := help

UV := .tools/bin/uv
BIN := .venv/bin
PACKAGES := audience-sdk tap-cix-segments target-campaign-monitor target-constant-contact sandbox
PYPROJECTS := pyproject.toml $(PACKAGES:%=%/pyproject.toml)

# No telemetry, no version look-up: the package registry is the only thing on the network that is needed.
export MELTANO_SEND_ANONYMOUS_USAGE_STATS := false
export MELTANO_CLI_DISABLE_VERSION_CHECK := 1
export UV_NO_PROGRESS := 1

.PHONY: help
help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.tools/.stamp: requirements-bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; set PYTHON=/path/to/python3")'
	$(PYTHON) -m venv --clear .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	@touch $@

.venv/.stamp: .tools/.stamp requirements.lock $(PYPROJECTS)
	test -x $(BIN)/python || $(UV) venv --quiet --python "$$(.tools/bin/python -c 'import sys; print(sys.executable)')" .venv
	VIRTUAL_ENV=.venv $(UV) pip sync --quiet --require-hashes requirements.lock
	VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation $(PACKAGES:%=-e ./%)
	@touch $@

.PHONY: lock
lock: .tools/.stamp ## write requirements.lock anew from the pyproject files
	$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-annotate --no-emit-package audience-sdk --group dev --all-extras $(PACKAGES:%=%/pyproject.toml) -o requirements.lock
	for each in tools peers; do $(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-annotate benchmarks/$$each-requirements.in -o benchmarks/$$each-requirements.lock; done

.PHONY: lint
lint: .venv/.stamp ## ruff (format and all rules) and strict mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

.meltano/.stamp: .venv/.stamp meltano.yml
	@umask 077 && PATH="$(CURDIR)/.tools/bin:$$PATH" $(BIN)/meltano --log-level=warning install
	@touch $@

.PHONY: setup
setup: .meltano/.stamp ## install everything: development environment and Meltano's plugins

.PHONY: sandbox
sandbox: .venv/.stamp ## run the local stand-ins for the platforms on port 8765, until Ctrl-C
	$(BIN)/cix-sandbox serve --port 8765 --data-dir .sandbox --export demo/export

.PHONY: sandbox-reset
sandbox-reset: ## forget what the stand-ins hold, and the ledger of the exports into them
	@$(PYTHON) -c 'import socket, sys; sys.exit(socket.socket().connect_ex(("127.0.0.1", 8765)) == 0 and "Stop the sandbox first: it is using .sandbox.")'
	rm -rf .sandbox

.PHONY: demo
demo: setup ## the main job: segments from an export folder, through Meltano, onto lists at both platforms
	@umask 077 && $(BIN)/python demo/run.py

.PHONY: test
test: setup lint ## lint and all tests but the long ones
	@# More workers than processors, as most tests wait for another process or for a platform's wait to end.
	@# What fails beside other tests is tried once more alone: a machine under load must not decide.
	$(BIN)/pytest -n 5 -m "not long" || $(BIN)/pytest --last-failed --last-failed-no-failures none -m "not long"

.PHONY: test-long
test-long: setup ## the tests that take minutes
	$(BIN)/pytest -m long

.PHONY: bench
bench: .venv/.stamp ## the benchmarks in short, under 10 minutes; PARTS="engine tap" for some of them
	@umask 077 && $(BIN)/python -m benchmarks $(PARTS)

.PHONY: bench-full
bench-full: .venv/.stamp ## all figures of benchmarks/README.md, over an hour; PARTS as above
	@umask 077 && $(BIN)/python -m benchmarks --full $(PARTS)

.PHONY: clean
clean: ## remove what make has made here; ledger (.cix) and reports (output) stay
	rm -rf .tools .venv .meltano .sandbox .bench .mypy_cache .pytest_cache .ruff_cache .hypothesis

.PHONY: docs
docs: .venv/.stamp ## write the generated parts of the docs anew
	$(BIN)/python tools/generate_docs.py
