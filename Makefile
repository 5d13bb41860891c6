# Two commands set everything up by themselves: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

run: .venv/app
	$(BIN)/streamlit run explorer/app.py

test: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest -q -n 2 -m "not slow"

test-slow: .venv/dev
	$(BIN)/pytest -q -m slow

.venv/bin/pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make run PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/app: .venv/bin/pip requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/dev: .venv/bin/pip requirements.txt requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch .venv/app $@

.PHONY: run test test-slow
