# Everything a developer or operator calls; `make` alone explains itself.
SHELL := /bin/bash
PYTHON ?= python3
VENV := venv
PIP := ./$(VENV)/bin/python -m pip --disable-pip-version-check --quiet
.DEFAULT_GOAL := help
.PHONY: help venv kafka kafka-stop run test faults bench lint format lock demo clean clean-data

help: ## Explain the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

venv: $(VENV)/.installed ## Make ./venv and install what running needs, every package checked against its hash

run: $(VENV)/.installed ## Start Postgres, the API (port 8080) and a worker; Ctrl-C stops them; KAFKA=1: on Kafka
ifdef KAFKA
	@./venv/bin/headrace kafka start
	@KAFKA_BOOTSTRAP=127.0.0.1:$${HEADRACE_KAFKA_PORT:-9092} ./venv/bin/headrace run
else
	@./venv/bin/headrace run
endif

kafka: $(VENV)/.installed ## Start one real Kafka broker on loopback (needs Java and Maven)
	@./venv/bin/headrace kafka start

kafka-stop: $(VENV)/.installed ## Stop it; its data stays
	@./venv/bin/headrace kafka stop

demo: $(VENV)/.installed ## Watch the running recommender learn from simulated viewers (start `make run` first)
	@./venv/bin/headrace demo

test: $(VENV)/.developing ## Run all tests on a throwaway Postgres
	./venv/bin/python -m tests

faults: $(VENV)/.developing ## Try every fault at its full size: LOG=postgres|kafka|both, ROWS="kills away", SCALE=0.1 for a quick look
	./venv/bin/python -m tests.faults --log $(or $(LOG),postgres) --rows "$(ROWS)" --scale $(or $(SCALE),1) --report .faults/table

bench: $(VENV)/.developing ## Measure everything docs/benchmarks.md shows, about 100 minutes; BENCH="--rows reco --quick" for less
	./venv/bin/python -m benchmarks $(BENCH)

lint: $(VENV)/.developing ## Check style, types and the order of the rooms
	./venv/bin/ruff check
	./venv/bin/ruff format --check
	./venv/bin/mypy
	./venv/bin/lint-imports

format: $(VENV)/.developing ## Format the code and mend what can be mended by itself
	./venv/bin/ruff check --fix
	./venv/bin/ruff format

lock: $(VENV)/.installed ## Resolve the pinned packages anew, after a change of pyproject.toml
	@$(PYTHON) -m venv $(VENV)/lock && ./$(VENV)/lock/bin/pip --disable-pip-version-check --quiet install uv
	@lock() { ./$(VENV)/lock/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	    --no-emit-index-url --upgrade --custom-compile-command "make lock" "$$@"; } && \
	lock --extra dev pyproject.toml -o requirements/dev.txt && \
	lock -c requirements/dev.txt pyproject.toml -o requirements/run.txt && \
	lock -c requirements/dev.txt requirements/build.in -o requirements/build.txt
	@rm -rf $(VENV)/lock

clean: ## Remove ./venv and all caches; data stays
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src app tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@test ! -d .headrace || echo "The data in .headrace stays; make clean-data removes it."

clean-data: ## Remove the embedded Postgres' data in ./.headrace, after asking
	@test -d .headrace || { echo "There is no .headrace here (another folder may be named by HEADRACE_HOME)."; exit 0; }; \
	pid=$$(head -n 1 .headrace/postgres/data/postmaster.pid 2>/dev/null); \
	if [ -n "$$pid" ] && kill -0 "$$pid" 2>/dev/null; then echo "headrace is running here: stop it first (Ctrl-C), then again."; exit 1; fi; \
	read -r -p "Delete every event and table in $(CURDIR)/.headrace? Type yes: " answer; \
	if [ "$$answer" = yes ]; then rm -rf .headrace; else echo "Nothing was deleted."; fi

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "headrace needs Python 3.11 or later as python3: install it, or say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m virtualenv -q $(VENV) >/dev/null 2>&1; } || \
	    { rm -rf $(VENV); uv venv --quiet --seed --python $(PYTHON) $(VENV) 2>/dev/null; } || \
	    { rm -rf $(VENV); echo "This Python cannot make virtual environments: apt-get install python3-venv (on Debian), then again"; exit 1; }

# The stamps are files, so nothing is installed twice.
$(VENV)/.installed: $(VENV)/bin/python requirements/run.txt requirements/build.txt pyproject.toml
	@echo "Installing the pinned packages into ./$(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/run.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed requirements/dev.txt
	@echo "Installing the developer's packages into ./$(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
