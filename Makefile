# Every command a newcomer needs. Bare `make` lists them; each one first does the set-up that it lacks.
# It needs Python >= 3.11 with venv, make and the package registries; `pip` is configured by your PIP_* and pip.conf as usual.

.DEFAULT_GOAL := help

# The newest interpreter that fits, or yours: make setup PYTHON=/opt/python3.12/bin/python3
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$p"; break; }; done)

BIN := .venv/bin
READY := .venv/.ready
# pytest workers; two fit the smallest machine that we support
WORKERS ?= 2
# How much the benchmarks measure: 1 is a quick look of some minutes
SCALE ?= 1
# Where `make demo` and `make serve` keep their data; `make clean` leaves it, `rm -r .sonde` forgets it
DATA ?= .sonde

.PHONY: help setup demo serve ui test test-all check lint types imports format bench golden docs lock clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY)  ## make .venv with the pinned versions of constraints.txt

demo: setup ui  ## start Sonde with a live system beside it, on http://127.0.0.1:3000
	$(BIN)/sonde demo --data $(DATA)/demo

serve: setup ui  ## start an empty Sonde on http://127.0.0.1:3000
	$(BIN)/sonde serve --data $(DATA)/serve

ui: setup  ## build the web UI into src/sonde/web/static, if its sources are newer
	@$(BIN)/python frontend/build.py

test: setup ui  ## run the tests: unit, golden, property, end-to-end; browser tests where Chromium is installed
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow"

test-all: setup ui  ## run every test, also those that take minutes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: setup lint types imports test  ## all that must pass before a change is merged

lint: setup  ## formatting and ruff's rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup  ## mypy --strict
	$(BIN)/mypy

imports: setup  ## arrows only point down the stages
	$(BIN)/lint-imports --no-cache

format: setup  ## format the code, and mend what ruff can mend by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup  ## run the benchmarks; each prints its rate and how it compares with its aim (SCALE=3: longer, to quote)
	PYTHONPATH=. $(BIN)/python -m benchmarks.run --scale $(SCALE)

golden: setup  ## rewrite the golden files; then look at the diff
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow" --golden tests

docs: setup  ## write docs/reference from the code
	$(BIN)/python docs/generate.py

lock: setup  ## raise the pins in constraints.txt to the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile pyproject.toml --extra server --extra apprise --group dev --universal --python-version 3.11 --upgrade --quiet \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file .venv/constraints.txt >/dev/null
	@{ grep '^#' constraints.txt; echo; cat .venv/constraints.txt; } > .venv/constraints.new
	mv .venv/constraints.new constraints.txt

clean:  ## remove what was built and cached; data and .venv stay
	rm -rf dist src/sonde/web/static .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): constraints.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python >= 3.11 with the venv module was found." >&2; \
		echo "  Debian, Ubuntu: apt-get install python3 python3-venv;  or name one: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	$(BIN)/python -m pip install --quiet --requirement constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
