# Everything from nothing. `make run` serves the arena; `make test` checks and tests it.
PYTHON ?= python3
VENV := .venv/bin

.PHONY: run test check bench setup setup-dev

run: setup
	@exec $(VENV)/python -m config.supervisor

# What CI runs: a fresh clone needs nothing but this.
test: setup-dev
	@$(MAKE) --no-print-directory check

check:
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/python config/postgres_for_tests.py $(VENV)/python -m pytest -q -m "not slow and not browser"
	$(VENV)/python -m pytest -q

bench: setup-dev
	@$(VENV)/python -m benchmarks

setup:
	@$(PYTHON) config/setup.py

setup-dev:
	@$(PYTHON) config/setup.py --dev
