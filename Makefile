# Everything starts here. `make run`, `make test`, `make bench`, `make check`; docs/operations.md.
PYTHON ?= python3
PY := .venv/bin/python

.PHONY: run setup setup-dev check test bench postgres-test messages

run: setup
	@exec $(PY) -m config.supervisor

setup:
	@command -v $(PYTHON) > /dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python)."; exit 1; }
	@$(PYTHON) config/setup.py

setup-dev:
	@command -v $(PYTHON) > /dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python)."; exit 1; }
	@$(PYTHON) config/setup.py --dev

# What CI runs: lint, types, import contracts (a test), all tests, the fast ones once more on
# PostgreSQL. Browsers and models want the machine for themselves. The last line is pytest's.
check: setup-dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	$(PY) config/postgres_for_tests.py $(PY) -m pytest -q -n 2 -m "not slow and not browser"
	$(PY) -m pytest -q -n 2 -m "not slow and not browser"
	$(PY) -m pytest -q -m "slow or browser"

test: check

postgres-test: setup-dev
	$(PY) config/postgres_for_tests.py $(PY) -m pytest -m "not slow and not browser"

bench: setup-dev
	$(PY) -m benchmarks

# The catalogues in locale/ get what is new in the source; docs/translating.md.
messages: setup
	$(PY) -m config.messages
