# make demo      a short tour: signs, verifies, tampers, verifies again
# make test      everything that must hold: style, types, floors, tests, docs; installs what that needs
# make lint | types | contracts | unit | unit-python | docs      one step of it; unit-python is without the compiled walker
# make test-lowest     the tests, with the oldest dependencies that pyproject.toml admits
# make test-tokens     the signer contract on PKCS #11 modules of several makers; Debian, as root
# make test-kills      runs that are killed 50 times, lose the power, find the disk full, or lose their token; some minutes
# make fuzz      hostile files by the million; dicomParser and dcmjs read them if there is npm
# make sanitize | prove | fuzz-native     the compiled walker, with sanitizers, static analysers, and libFuzzer for an hour
# make bench | conformance CORPUS=FOLDER CHECKERS=FOLDER
# make test-vectors VECTORS=FOLDER     public suites: C2SP/wycheproof in FOLDER/wycheproof, C2SP/x509-limbo in FOLDER/x509-limbo
# make lock      new versions into requirements.lock
# make clean
#
# DCMSEAL_COMPILED=no make ...     without the compiled walker; must: fail where it cannot be built
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
# how long make fuzz-native runs
SECONDS ?= 3600
WALKER := tools/compile_walker.py hatch_build.py $(wildcard core/dcmseal/walker/*.[ch])

# One step after the other whatever -j says, so that what failed is printed last.
.NOTPARALLEL:
.PHONY: demo test lint types contracts unit unit-python docs sanitize prove fuzz-native test-lowest test-tokens test-kills test-vectors system-packages fuzz bench conformance lock clean

demo: $(VENV)/.installed
	$(BIN)/dcmseal demo

test: system-packages lint types contracts unit unit-python docs

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

unit-python: $(VENV)/.developing
	DCMSEAL_COMPILED=no $(BIN)/python -m pytest -n $(WORKERS) tests/core/dataset tests/core/mac tests/core/signing \
		tests/core/verification tests/core/walker

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

sanitize: $(VENV)/.developing
	sh tools/sanitize_walker.sh $(BIN)/python build/sanitized

prove:
	sh tools/prove_walker.sh build/prove

fuzz-native: $(VENV)/.developing
	sh tools/fuzz_walker.sh $(BIN)/python build/fuzz $(SECONDS)

bench: $(VENV)/.developing
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
	rm -f core/dcmseal/walker/*.so
	rm -rf $(VENV) $(LOWEST) build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Editable, so that a change of a source file needs no new installation.

$(VENV)/bin/python:
	sh tools/make_venv.sh "$(PYTHON)" $(VENV)

$(VENV)/.installed: pyproject.toml requirements.lock $(WALKER) | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --constraint requirements.lock --editable .
	@$(COMPILE)
	@$(BIN)/dcmseal --version -v | tail -n 1
	@touch $@

$(VENV)/.developing: pyproject.toml requirements.lock $(WALKER) | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --constraint requirements.lock --editable '.[dev]'
	@$(COMPILE)
	@$(BIN)/dcmseal --version -v | tail -n 1
	@touch $@ $(VENV)/.installed

$(LOWEST)/bin/python:
	sh tools/make_venv.sh "$(PYTHON)" $(LOWEST)

$(LOWEST)/.installed: pyproject.toml requirements.lock tools/lowest_versions.py | $(LOWEST)/bin/python
	$(LOWEST)/bin/python tools/lowest_versions.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install $(PIP_OPTIONS) --constraint $(LOWEST)/constraints.txt --editable '.[test]'
	@touch $@
