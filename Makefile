# Everything that a developer or CI types. Set-up is part of each target that needs it, and skipped when done.
.DEFAULT_GOAL := help
SHELL := bash
.DELETE_ON_ERROR:

# The longest first, so that two workers end together. Tests that need a browser are a target of their own.
TESTS := tests/line tests/spark tests/fast
BENCHES := $(sort $(wildcard benchmarks/bench_*.py))
# Java may lie where no PATH leads; tools/machine.sh found it.
RUN := JAVA_HOME="$$(cat .venv/.java)" .venv/bin/python

PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: setup ## real backup histories with a few attacks put on them, through the whole line
	@$(RUN) demo/run.py

.PHONY: test
test: setup ## fast tests, Spark's, and the whole line's
	@bash tools/backup_tools.sh
	@$(RUN) -m pytest -m "not browser" -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

.PHONY: test-browser
test-browser: setup ## the report page in a real browser
	@bash tools/browser.sh
	@$(RUN) -m pytest tests/page

.PHONY: lint
lint: setup ## ruff: faults and format
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .

.PHONY: types
types: setup ## mypy --strict on jobs/ and benchmarks/
	@$(RUN) -m mypy

.PHONY: bench
bench: setup ## cost of each stage beside its floor, into benchmarks/results/
	@set -e; for bench in $(BENCHES); do echo "$$bench"; $(RUN) "$$bench"; done

.PHONY: model
model: setup ## the shipped fleet model anew, from the open histories
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN) -m benchmarks.detection.fit_shipped_model

.PHONY: detection
detection: setup ## how well attacks are found, by this and by other detectors, into benchmarks/results/ and docs/
	@set -e; for step in cross_fit peers own_fleet aftermath made_up_devices tables; do \
		OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN) -m benchmarks.detection.$$step; done

.PHONY: torture
torture: setup ## kill, damage and repeat the line many times over: slow
	@$(RUN) benchmarks/torture.py

.PHONY: docs
docs: setup ## docs/tables.md, made from jobs/tables.py
	@$(RUN) tools/tables_doc.py

.PHONY: lock
lock: setup ## requirements.lock anew from pyproject.toml (UPGRADE=--upgrade takes newer versions)
	@.venv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --quiet --custom-compile-command "make lock" \
		$(UPGRADE) --output-file requirements.lock

.PHONY: setup
setup: .venv/.project .venv/.jars ## what the others need: Java, .venv with the locked packages, jars

.PHONY: machine
machine:
	@bash tools/machine.sh

# uv takes a quarter of pip's time; where it does not get through, as behind a mirror that only pip was told of, pip does.
.venv/.packages: requirements.lock | machine
	@echo "installing the locked packages into .venv: about a minute, 1.4 GB" >&2
	@test -e $@ || "$$(cat .venv/.python)" -m venv .venv
	@$(PIP) --require-hashes --no-deps -r <(sed -n '/^uv==/,/[^\\]$$/p' requirements.lock)
	@.venv/bin/uv pip install --python .venv --quiet --no-cache --require-hashes -r requirements.lock || \
		$(PIP) --require-hashes -r requirements.lock
	@touch $@

# Editable and without dependencies: what it needs is what the lock installed.
.venv/.project: pyproject.toml .venv/.packages
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.jars: tools/fetch_jars.py .venv/.packages
	@echo "fetching the jars of Delta and s3a://" >&2
	@$(RUN) tools/fetch_jars.py >&2
	@touch $@

.PHONY: clean
clean: ## remove what the other targets made, the environment aside
	rm -rf .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info spark-warehouse metastore_db derby.log
	find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

.PHONY: distclean
distclean: clean ## the same, and the environment
	rm -rf .venv
