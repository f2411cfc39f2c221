# make demo            take a short tour: sign, verify, tamper, verify again
# make test            run all checks: style, types, layers, tests, docs; installs what they need
# make lint | types | contracts | unit | unit-python | docs      run one of these checks
# make test-lowest     run the tests with the oldest dependencies that pyproject.toml allows
# make test-tokens     run the signer contract on PKCS #11 modules of several vendors (Debian, as root)
# make test-kills      test runs that are killed, lose power, fill the disk or lose their token (takes minutes)
# make fuzz            test millions of hostile files; dicomParser and dcmjs also read them if npm is installed
# make sanitize | prove | fuzz-native     check the compiled walker: sanitizers, static analysers, libFuzzer (an hour)
# make bench           measure speed and memory
# make conformance CORPUS=FOLDER CHECKERS=FOLDER   run oracle cases
# make test-vectors VECTORS=FOLDER     run public suites: FOLDER/wycheproof (C2SP), FOLDER/x509-limbo (C2SP)
# make lock            update requirements.lock
# make clean           remove everything that make created
#
# To leave the compiled walker out: DCMSEAL_COMPILED=no make test; to require it: DCMSEAL_COMPILED=must make test
# To use another Python: make PYTHON=python3.12 test

ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell sh tools/find_python.sh)
endif

VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
PIP_OPTIONS := --quiet --disable-pip-version-check
# pip compiles only what it copies; if Python may not write bytecode, each start would compile everything again
COMPILE := $(BIN)/python -m compileall -q core backends profiles
WORKERS ?= 2
# make fuzz: the number of mutated files that other readers read, and the number of the first one
MUTANTS ?= 2000000
SEED ?= 0
# make fuzz-native: how long it runs
SECONDS ?= 3600
WALKER := tools/compile_walker.py hatch_build.py $(wildcard core/dcmseal/walker/*.[ch])

# Steps run one after the other, even with -j, so that the failed step is printed last.
.NOTPARALLEL:
.PHONY: demo test lint types contracts unit unit-python docs sanitize prove fuzz-native test-lowest test-tokens test-kills test-vectors system-packages fuzz bench conformance lock clean

demo: $(VENV)/.installed
	$(BIN)/dcmseal demo

test: system-packages lint types contracts unit-python unit docs

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

# the same tests of the engine, without the compiled walker
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
	rm -f core/dcmseal/walker/*.so
	rm -rf $(VENV) $(LOWEST) build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Editable, so that changes to source files take effect without reinstalling.

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
