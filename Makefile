# What can be done here; `make` alone lists it.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/.run-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
DEV := $(VENV)/.dev-$(shell cat requirements-dev.lock pyproject.toml | cksum | cut -d' ' -f1)

.DEFAULT_GOAL := help
.PHONY: help setup run test lint lock clean

help: ## list these targets
	@awk -F ': .*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(RUN) ## make .venv with what running takes, and libpcap
	@scripts/debian-packages libpcap0.8

run: setup ## run everything on this machine: `capflow up`
	@scripts/run-up

test: $(DEV) lint ## set up what tests take, then check and test all
	@scripts/debian-packages libpcap0.8 rabbitmq-server redis-server iproute2 tcpdump tshark netsniff-ng
	@$(VENV)/bin/pytest -q

lint: $(DEV) ## check style, types, and who imports whom
	@scripts/quietly $(VENV)/bin/ruff check
	@scripts/quietly $(VENV)/bin/ruff format --check
	@scripts/quietly $(VENV)/bin/mypy
	@scripts/quietly $(VENV)/bin/lint-imports

lock: ## write the lock files anew (takes uv)
	@scripts/lock

clean: ## remove what was made here
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find contracts services scripts tests -name __pycache__ -prune -exec rm -rf {} +

$(RUN):
	@PYTHON="$(PYTHON)" scripts/install $(VENV) requirements.lock
	@rm -f $(VENV)/.run-*
	@touch $@

$(DEV):
	@PYTHON="$(PYTHON)" scripts/install $(VENV) requirements-dev.lock
	@rm -f $(VENV)/.dev-*
	@touch $@
