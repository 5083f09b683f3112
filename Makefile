# One word for each thing that people do here. `make` alone explains them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
export NEXUS_VAR ?= var

.PHONY: help run manage backup restore test bench bench-bus browser check docs format lock extract secrets clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: .venv/runtime ## start everything here on NEXUS_PORT (8080); with RabbitMQ: make run SHAPE=monolith, SHAPE=services
	@$(BIN)/python -m nexus.embedded run --shape $(or $(SHAPE),embedded)

manage: .venv/runtime ## run a management command in the shop that `make run` started: make manage ARGS=doctor
	@$(BIN)/python -m nexus.embedded beside -- $(BIN)/python manage.py $(or $(ARGS),doctor)

backup: .venv/runtime ## copy the shop that `make run` started, while it goes on: make backup TO=backups/monday
	@$(BIN)/python -m nexus.embedded backup -- "$(or $(TO),$(error name the folder: make backup TO=backups/monday))"

restore: .venv/runtime ## make the shop of such a copy, where there is none: make restore FROM=backups/monday
	@$(BIN)/python -m nexus.embedded restore -- "$(or $(FROM),$(error name the folder: make restore FROM=backups/monday))"

test: .venv/dev ## run the whole test suite; engines start by themselves
	@$(BIN)/python -m tests $(ARGS)

chaos: .venv/dev ## kill and pause everything while 3,000 orders are placed, then check: make chaos SEED=7
	@$(BIN)/python -m tests.chaos --seed $(or $(SEED),1) $(ARGS)

nightly: .venv/dev ## the long versions of the tests, a row for each run: make nightly MINUTES=60
	@$(BIN)/python -m tests.nightly --minutes $(or $(MINUTES),60) $(ARGS)

browser: .venv/dev ## look at the pages in headless Chromium (install chromium and chromium-driver first)
	@$(BIN)/python -m pytest -o addopts="-p nexus.embedded.pytest_plugin" tests/browser

check: .venv/dev ## lint, types, import rules, events as published, migrations, compose file, Dockerfile, manifests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.architecture.hidden_references
	$(BIN)/python -m tests.architecture.expand_contract
	$(BIN)/python -m tests.contracts.check
	$(BIN)/python -m tests.contracts.document --check
	$(BIN)/python -m tests.claims.document --check
	$(BIN)/python -m benchmarks.capacity --check
	$(BIN)/python -m tests.deploy.check
	$(BIN)/python -m tests.kubernetes.check
	NEXUS_DEMO=1 $(BIN)/python -m nexus.embedded exec --throwaway --var $(NEXUS_VAR)/check -- \
		sh -c '$(BIN)/python manage.py prepare && $(BIN)/python manage.py makemigrations --check --dry-run'

bench: .venv/dev ## measure the shop beside its floors (RabbitMQ at NEXUS_BROKER_URL): make bench ARGS=--quick
	@$(BIN)/python -m benchmarks $(ARGS)

bench-bus: .venv/dev ## measure the event bus: latency, idle cost, events a second (RabbitMQ at NEXUS_BROKER_URL)
	@$(BIN)/python -m nexus.embedded exec --throwaway --var $(NEXUS_VAR)/bench -- $(BIN)/python -m benchmarks.bus

extract: .venv/dev ## let one app leave: make extract APP=orders
	$(BIN)/python -m tests.architecture.extraction $(APP)

docs: .venv/dev ## renew what is made from the code: pages, dashboards, the lists of what images need
	@$(BIN)/python -m tests.contracts.document
	@$(BIN)/python -m tests.claims.document
	@$(BIN)/python -m benchmarks.capacity --document
	@$(BIN)/python deploy/observability/grafana/make_dashboards.py
	@$(BIN)/python deploy/elk/kibana/make_objects.py
	@$(BIN)/python deploy/image/make_requirements.py

format: .venv/dev ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

secrets: ## make the secrets that docker-compose.yml mounts
	$(PYTHON) deploy/compose/make_secrets.py

lock: .venv/dev ## pin what requirements*.in ask for, with hashes
	$(BIN)/pip install --quiet uv
	for name in requirements requirements-embedded requirements-dev; do \
		$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url \
			$$name.in --output-file $$name.txt; \
	done

clean: ## forget the demo shop, the tests' engines and the virtual environment
	rm -rf var .venv

.venv/bin/python:
	@echo "making .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Nexus needs Python 3.11 or newer; name one with PYTHON=...")'
	@$(PYTHON) -m venv .venv

.venv/runtime: requirements.txt requirements-embedded.txt | .venv/bin/python
	@echo "installing the locked requirements"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-embedded.txt
	@touch $@

.venv/dev: .venv/runtime requirements-dev.txt
	@echo "installing what development needs"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
