# sideman: `make` lists the targets. Needs Python 3.11 or later, and make 3.81 or later.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PYTEST_ARGS ?=

# One stamp for what playing needs and one for what developing needs on top, so that a first
# `make demo` does not wait for torch. Either is redone when the requirements change.
BASE := $(VENV)/.base
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench docs clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEV)  ## everything for working on sideman, into .venv
	@sh tests/setup/system.sh develop

demo: $(BASE)  ## install the player, and play, render and measure once; KEEP=1: then the console
	@sh tests/setup/system.sh play
	@$(BIN)/sideman demo $(if $(KEEP),--keep)

test: setup  ## all tests, the slow ones and those against real programs too
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(DEV)  ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(DEV)  ## measure the bridge, its timing and MusicGen on this machine
	$(BIN)/sideman bench bridge
	$(BIN)/sideman bench time
	$(BIN)/sideman bench engine

docs: $(DEV)  ## write what is made from the protocol table again, and the console's pictures
	$(BIN)/python docs/build_osc.py
	$(BIN)/python daw_presets/touchosc/build.py
	$(BIN)/python daw_presets/max-for-live/build.py
	$(BIN)/python docs/build_screenshots.py

clean:  ## remove what was built and installed
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BASE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "sideman needs Python 3.11 or later: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing sideman into $(VENV)"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(DEV): $(BASE)
	@echo "installing what its tests and the model engine need (torch is large)"
	@$(PIP) install -c constraints.txt -e '.[announce,bench,dev,link,master,musicgen]'
	@touch $@
