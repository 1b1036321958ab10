# Every developer command; CI runs the same ones. `make` alone lists them.

PYTHON ?= python3.11
BIN := .venv/bin
ARGS ?=

.PHONY: help train test slow thorough lint types bench compatibility docs clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

train: .venv/installed ## set everything up, train on MNIST (or, offline, on the built-in digits), show the results
	$(BIN)/python -m lightning_app fit $(ARGS)

# In tests idle threads sleep instead of spinning, so that several processes share the cores. (Not in the benchmark: it
# would slow down torch's small calls, and flatter ours.)
test slow thorough: export OMP_WAIT_POLICY ?= PASSIVE

test: .venv/installed ## set everything up and run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 $(ARGS)

slow: .venv/installed ## the long tests: training runs, two processes, thorough sweeps
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'slow and not alone' --numprocesses 2 $(ARGS)
	$(BIN)/python -m pytest -m 'slow and alone' $(ARGS)

thorough: .venv/installed ## random problems by the thousands, and the fast kernels at each narrower width of vectors
	$(BIN)/python -m pytest -m thorough $(ARGS)

lint: .venv/installed ## style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed ## static types
	$(BIN)/mypy

bench: .venv/installed ## our time beside torch.nn's
	$(BIN)/python -m scratchlayers bench $(ARGS)

compatibility: .venv/installed ## docs/compatibility.md, written from the tests
	$(BIN)/python -m tests.compatibility.table

docs: .venv/installed ## the documentation, in docs/_build/html: its tutorials are run, a warning is an error
	$(BIN)/python -m sphinx --builder html --nitpicky --fail-on-warning --keep-going $(ARGS) docs docs/_build/html

clean: ## remove what the other commands made
	rm -rf .venv build dist docs/_build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
