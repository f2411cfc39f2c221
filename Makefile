# make demo      a short tour: signs, verifies, tampers, verifies again
# make test      everything that must hold: style, types, floors, tests, docs; installs what that needs
# make lint | types | contracts | unit | docs      one step of it
# make test-lowest     the tests, with the oldest dependencies that pyproject.toml admits
# make test-tokens     the signer contract on PKCS #11 modules of several makers; Debian, as root
# make test-kills      runs that are killed 50 times, lose the power, find the disk full, or lose their token; some minutes
# make fuzz      hostile files by the million; dicomParser and dcmjs read them if there is npm
# make bench | conformance CORPUS=FOLDER CHECKERS=FOLDER
# make test-vectors VECTORS=FOLDER     public suites: C2SP/wycheproof in FOLDER/wycheproof, C2SP/x509-limbo in FOLDER/x509-limbo
# make lock      new versions into requirements.lock
# make clean
#
# Another Python: make PYTHON=python3.12 test

ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell sh tools/find_python.sh)
endif

VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
PIP_OPTIONS := --quiet --disable-pip-version-check
# pip does it for what it copies: where Python may not write bytecode, each start would compile all again
COMPILE := $(BIN)/python -m compileall -q core backends profiles
WORKERS ?= 2
# how many mutants make fuzz has read by others, and the number of the first; another SEED makes others
MUTANTS ?= 2000000
SEED ?= 0

# One step after the other whatever -j says, so that what failed is printed last.
.NOTPARALLEL:
.PHONY: demo test lint types contracts unit docs test-lowest test-tokens test-kills test-vectors system-packages fuzz bench conformance lock clean

demo: $(VENV)/.installed
	$(BIN)/dcmseal demo

test: system-packages lint types contracts unit docs

lint: $(VENV)/.developing
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.developing
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

contracts: $(VENV)/.developing
	$(BIN)/lint-imports

unit: $(VENV)/.developing
	$(BIN)/python -m pytest -n $(WORKERS) --ignore=tests/fuzz

docs: $(VENV)/.developing
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict

test-lowest: $(LOWEST)/.installed system-packages
	$(LOWEST)/bin/python -m pytest -n $(WORKERS) --ignore=tests/fuzz

test-tokens: $(VENV)/.developing system-packages
	sh tools/token_packages.sh
	$(BIN)/python -m tests.tokens
	$(BIN)/python tools/make_tokens_page.py

test-kills: $(VENV)/.developing system-packages
	$(BIN)/python -m pytest tests/kills

test-vectors: $(VENV)/.developing
	$(BIN)/python -m tests.vectors "$(VECTORS)"

fuzz: $(VENV)/.developing
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest tests/fuzz
	sh tools/node_readers.sh $(VENV)/node
	NODE_PATH="$(CURDIR)/$(VENV)/node/node_modules" $(BIN)/python -m tests.differential --count $(MUTANTS) --seed $(SEED)

bench: $(VENV)/.developing system-packages
	sh tools/bench_packages.sh
	@$(COMPILE)
	$(BIN)/python -m tests.bench

conformance: $(VENV)/.developing
	$(BIN)/python tests/conformance/run.py --corpus "$(CORPUS)" --checkers "$(CHECKERS)"

system-packages:
	@sh tools/system_packages.sh

lock: $(VENV)/.developing
	$(BIN)/pip install $(PIP_OPTIONS) uv
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --all-extras --no-annotate \
		--custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) $(LOWEST) build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Editable, so that a change of a source file needs no new installation.

$(VENV)/bin/python:
	sh tools/make_venv.sh "$(PYTHON)" $(VENV)

$(VENV)/.installed: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --constraint requirements.lock --editable .
	@$(COMPILE)
	@touch $@

$(VENV)/.developing: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --constraint requirements.lock --editable '.[dev]'
	@$(COMPILE)
	@touch $@ $(VENV)/.installed

$(LOWEST)/bin/python:
	sh tools/make_venv.sh "$(PYTHON)" $(LOWEST)

$(LOWEST)/.installed: pyproject.toml requirements.lock tools/lowest_versions.py | $(LOWEST)/bin/python
	$(LOWEST)/bin/python tools/lowest_versions.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install $(PIP_OPTIONS) --constraint $(LOWEST)/constraints.txt --editable '.[test]'
	@touch $@
