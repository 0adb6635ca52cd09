# Dailies: `make help` lists the targets. The logic is in typed scripts; here is one line each.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
PACKAGES := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml simulator/pyproject.toml deploy/local/pyproject.toml)
CODE := libs services simulator deploy tests

.DEFAULT_GOAL := help
.PHONY: help install demo up down status test lint types imports check bench market record nightly chaos generate train-tiny-clip quick-nsfw second-opinion dead-letters clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

demo: .venv/demo ## Install, start everything, render one premium job and show it whole
	@$(BIN)/python -m local_stack demo

up: .venv/demo ## Start the stack and keep it running
	@$(BIN)/python -m local_stack up

down: .venv/demo ## Stop the stack
	@$(BIN)/python -m local_stack down

status: .venv/demo ## Say what runs
	@$(BIN)/python -m local_stack status

test: .venv/test ## Install everything (torch too: 6 GB) and run all tests but chaos and bench
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not alone" tests/unit tests/contract tests/architecture tests/simulation tests/integration
	@$(BIN)/python -m pytest -m alone tests/integration/provider_workers
	@$(BIN)/python -m pytest tests/e2e

lint: .venv/test ## Check style and formatting
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/test ## Check types
	@$(BIN)/python -m mypy libs/contracts libs/runtime libs/media libs/testkit services/*/*/ simulator/simulator deploy/local

imports: .venv/test ## Check who may import whom
	@$(BIN)/lint-imports

check: lint types imports test ## Everything that main must pass

bench: .venv/test ## Measure; prints ratios and writes .dailies/bench.json
	@$(BIN)/python tests/bench/run.py

market: .venv/test ## Let the router decide months of jobs on a simulated market; figures and pictures in .dailies
	@$(BIN)/python tests/simulation/run.py

record: .venv/test ## Run a handful of jobs on the whole stack and keep their logs for the replay in the tests
	@$(BIN)/python tests/simulation/record.py

nightly: .venv/test ## Two thousand seeds of crashes in virtual time
	@SIMULATION_SEEDS=2000 $(BIN)/python -m pytest -q tests/simulation/test_crashes.py

chaos: .venv/test ## Let everything go wrong for a long time, kill things, and count
	@SEEDS="$$(seq -s ' ' 20)" N_CLIPS=300 $(BIN)/python -m pytest tests/integration/provider_workers/test_random_faults.py
	@$(BIN)/python -m pytest tests/chaos

generate: .venv/test ## Write JSON Schemas and the AsyncAPI document again
	@$(BIN)/python -m dailies_contracts.generate

train-tiny-clip: .venv/test ## Train the small CLIP again (ten minutes on one core)
	@cd simulator && ../$(BIN)/python -m training.train_tiny_clip --out ../services/evaluator/evaluator/models/tiny_scenes

quick-nsfw: .venv/test ## Make the quick look before the safety classifier again (half a minute)
	@cd simulator && ../$(BIN)/python -m training.quick_nsfw --out ../services/evaluator/evaluator/models/quick_nsfw

second-opinion: .venv/test ## Convert the classifier that is asked in doubt again (needs Node.js and npm)
	@scratch=$$(mktemp -d) && trap 'rm -r "$$scratch"' EXIT && npm pack --silent --pack-destination "$$scratch" nsfwjs@4.3.0 >/dev/null \
	  && tar -xzf "$$scratch"/nsfwjs-4.3.0.tgz -C "$$scratch" && cd simulator \
	  && ../$(BIN)/python -m training.nsfwjs "$$scratch/package" --out ../services/evaluator/evaluator/models/nsfwjs

dead-letters: .venv/demo ## List what could not be handled; REPLAY=<number> hands one back
	@$(BIN)/python -m local_stack dead-letters $(if $(REPLAY),--replay $(REPLAY))

clean: ## Remove the virtual environment; data in .dailies stay
	@rm -rf .venv

install: .venv/demo ## Install what the demo needs

.venv/base: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Dailies needs Python 3.11 or newer: set PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip hatchling editables
	@touch $@

.venv/demo: .venv/base requirements.txt $(PACKAGES)
	@echo "Installing what the demo needs (under 1 GB) ..."
	@$(PIP) --no-build-isolation -r requirements.txt
	@touch $@

.venv/test: .venv/demo requirements-test.txt
	@echo "Installing what the tests need (torch too: about 6 GB on disk) ..."
	@$(PIP) --no-build-isolation -r requirements-test.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv/google-genai-3.4 google-genai==3.4.0
	@touch $@
