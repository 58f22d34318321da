# Two commands: `make app` opens the app, `make test` checks it. `make check` is the quick part of that,
# and `make test-long` has what takes longest.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: app style check test test-long check-deployment
.DELETE_ON_ERROR:

app: $(VENV)/installed
	$(BIN)/streamlit run app.py

style: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: style
	$(BIN)/pytest -n auto --dist loadfile -m "not slow and not long and not weights" tests/unit

test: style
	tools/ensure_chromium.sh
	$(BIN)/pytest -n auto --dist loadfile -m "not long" tests/unit tests/app
	$(BIN)/pytest tests/browser

# networks at full size, peers, whole grids of cases, documents followed to the letter, kills at random moments: before a release
test-long: $(VENV)/installed-dev
	$(BIN)/pytest -n auto --dist loadfile -m long tests/unit tests/app

# the Dockerfile's steps, the proxy and a browser for real: minutes, as root on Linux
check-deployment: $(VENV)/installed-dev
	tools/ensure_chromium.sh
	$(BIN)/pytest tests/deployment

$(VENV)/installed: requirements.txt requirements-library.txt requirements-app.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -r requirements.txt -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt requirements-ray.txt benchmarks/requirements-peers.txt
	$(BIN)/pip install -r requirements-dev.txt -r requirements-ray.txt
	$(BIN)/pip install --no-deps -r benchmarks/requirements-peers.txt
	touch $@
