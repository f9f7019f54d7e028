# Two commands for people: `make rehearse` and `make test`. Everything else serves them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: rehearse test check bench scan lock clean help

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

rehearse: $(VENV)/.ready  ## stage, load, advise, report: the main job on the embedded origin
	@$(BIN)/surgecast rehearse $(ARGS)

test: $(VENV)/.ready-dev  ## all tests
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.ready-dev  ## ruff, mypy strict, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: $(VENV)/.ready-dev  ## every benchmark, a table each
	@$(BIN)/python -m benchmarks $(ARGS)

scan: $(VENV)/scan/.ready  ## checkov over terraform/, in an environment of its own
	@$(VENV)/scan/bin/checkov --directory terraform --framework terraform --compact --quiet --skip-download

lock: $(BIN)/uv  ## renew the hash-pinned locks from pyproject.toml
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade pyproject.toml -o requirements.lock
	@printf 'uv\nsetuptools>=77\n' | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade - -o requirements-bootstrap.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --all-extras -c requirements.lock pyproject.toml -o requirements-dev.lock
	@echo checkov | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade - -o requirements-scan.lock

clean:  ## remove the environment and caches (runs stay)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

$(BIN)/uv: requirements-bootstrap.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"surgecast needs Python 3.11 or newer, found {v.major}.{v.minor}: set PYTHON=/path/to/python3.11")'
	@echo "Creating the environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	@touch $@

$(VENV)/.ready: requirements.lock pyproject.toml | $(BIN)/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock pyproject.toml | $(BIN)/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.ready

# A hundred packages that nothing of ours imports: they stay apart, so that none of ours gives way to one of them.
$(VENV)/scan/.ready: requirements-scan.lock | $(BIN)/uv
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/scan
	@$(BIN)/uv pip install --quiet --python $(VENV)/scan/bin/python --require-hashes -r requirements-scan.lock
	@touch $@
