# Everything here works on a machine with Python 3.11 or later and make, and changes nothing outside this folder.
# Another Python:  make run PYTHON=python3.12        Options for the demo:  make run ARGS="--invoices 50"

PYTHON ?= python3
PORT ?= 8750
ARGS ?=
TESTS ?= tests
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help install run test test-long check chaos bench lock clean

help:  ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.run-installed  ## Set up .venv from the locked versions, with the `connector` command in it

run: install  ## Run the main job on the sandbox, then leave the page at http://127.0.0.1:8750/ up (Ctrl+C stops it)
	@$(BIN)/connector demo --port $(PORT) $(ARGS)

test: check  ## Set up, then run every check, and every test that does not take long
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null 2>&1 && exit 0; done; \
	  echo "No Chromium is installed (on Debian the package chromium): the tests that look at the pages in a browser are skipped."
	@echo "Running the tests."
	@$(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder $(LONG) $(TESTS)

test-long: LONG := --long
test-long: test  ## The same with the tests that take long, as continuous integration runs them

check: $(VENV)/.test-installed  ## Set up, then run only the checks: lint, format, types, import rules
	@echo "Checking style (ruff), types (mypy) and import rules (import-linter)."
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

chaos: $(VENV)/.test-installed  ## Kill the running connector 100 times, and at every single commit (half an hour)
	@$(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder tests/chaos --kills 100

bench: $(VENV)/.test-installed  ## Measure speed against other tools, in environments of their own
	@$(BIN)/python -m bench peers
	@$(BIN)/python -m bench all $(ARGS)

lock:  ## Renew requirements/*.lock from pyproject.toml (needs uv; newest versions: ARGS=--upgrade)
	@$(PYTHON) requirements/lock.py $(ARGS)

clean:  ## Remove .venv and the caches of the tools
	@rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	@echo "Removed .venv and the caches. Data and configuration files were left alone."

$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "No '$(PYTHON)' found. Install Python 3.11 or later, or name one: make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "'$(PYTHON)' is older than Python 3.11. Name a newer one: make install PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "'$(PYTHON)' comes without the venv module. Install it (on Debian and Ubuntu the package python3-venv) and try again." >&2; exit 1; }
	@echo "Creating the environment $(VENV)."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run-installed: requirements/run.lock pyproject.toml | $(VENV)/.created
	@echo "Installing the locked dependencies into $(VENV) (about a minute the first time)."
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements/run.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@
	@echo "Installed. The command is $(BIN)/connector."

$(VENV)/.test-installed: requirements/test.lock | $(VENV)/.run-installed
	@echo "Installing what the tests need."
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements/test.lock
	@touch $@
