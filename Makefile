# Two commands matter: `make run` and `make test`. Each sets everything up first. `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help setup run wine test unit lint format docs audit bench load peers torture lock clean

BIN := .venv/bin
PREDICT_PORT ?= 5000
SERVER_PORT ?= 5001
HOME_DIR ?= .changeover
COVERAGE_AT_LEAST ?= 90
CODE := changeover object_store model_runner model_server predict_api
MINUTES ?= 5
TESTS_AT_ONCE ?= 3
STORE ?= seaweed
SEED ?=
ARGS ?=
BENCH ?= roundtrip freshness roll_under_load restarts decode memory

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(BIN)/.installed ## everything the project needs, into .venv; does nothing when nothing changed

$(BIN)/.installed: requirements/dev.txt pyproject.toml requirements/install
	@requirements/install
	@touch $@

run: setup ## the whole stack without Docker: train, publish, roll, predict; stays up until Ctrl-C
	@exec $(BIN)/changeover demo --home $(HOME_DIR) --predict-port $(PREDICT_PORT) --server-port $(SERVER_PORT) $(ARGS)

wine: setup ## champion and challenger: three slots of data arrive, the gate refuses the worse model; ends by itself
	@exec $(BIN)/python examples/wine/demo.py $(ARGS)

test: lint ## lint, then every test, two minutes of torture among them; fails under 90 % coverage by branches
	@$(BIN)/python -m pytest --numprocesses $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder --cov --cov-report=term --cov-report=xml --cov-fail-under=$(COVERAGE_AT_LEAST) $(ARGS)

unit: setup ## the tests that touch nothing: seconds
	@$(BIN)/python -m pytest tests/unit tests/test_*.py -q $(ARGS)

lint: setup ## format, lint, types, security findings
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/bandit --quiet --severity-level medium --configfile pyproject.toml --recursive $(CODE)

format: setup ## rewrite to the format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: setup ## write the tables of the README and of the Helm chart from the code
	@$(BIN)/python docs/tables.py
	@$(BIN)/python -m docs.chart

audit: setup ## known vulnerabilities of what is locked; needs the network
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement requirements/dev.txt \
		|| { echo "Not passed: either a finding above, or the vulnerability database could not be reached from here."; exit 1; }

bench: setup ## /predict relative to a bare Flask hello, the cost of freshness, a large roll, restarts; BENCH=name: one
	@for name in $(BENCH); do echo "-- $$name"; $(BIN)/python benchmarks/$$name.py $(ARGS) || exit 1; done

load: setup ## ten Locust users ask 1,000 predictions a minute, then as many as they can; ARGS="--url http://127.0.0.1:5000"
	@exec $(BIN)/python examples/load/run.py $(ARGS)

peers: setup ## beside MLflow, MLServer, BentoML, LitServe, FastAPI and a naive Flask pair; half an hour; ARGS="--quick"
	@$(BIN)/python -m benchmarks.peers $(ARGS)

torture: setup ## kill, pause and cut off everything for MINUTES=5 under load; SEED=N, STORE=seaweed|minio
	@$(BIN)/python -m tests.torture --seconds $$(( $(MINUTES) * 60 )) --store $(STORE) $(if $(SEED),--seed $(SEED)) $(ARGS)

lock: setup ## write requirements/*.txt from pyproject.toml; UPGRADE=1 takes newer versions
	@requirements/lock

clean: ## remove .venv, caches and reports; keeps the models in .changeover
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* coverage.xml htmlcov build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
