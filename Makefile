# What can be done here; `make` alone lists it.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/.run-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
DEV := $(VENV)/.dev-$(shell cat requirements-dev.lock pyproject.toml | cksum | cut -d' ' -f1)

LIBRARIES := libpcap0.8
SERVERS := rabbitmq-server redis-server
TOOLS := iproute2 tcpdump tshark netsniff-ng chromium faketime e2fsprogs

.DEFAULT_GOAL := help
.PHONY: help setup run test bench faults fuzz lint contracts lock clean packages suite pages
AT_ONCE = $(MAKE) --no-print-directory --jobs

help: ## list these targets
	@awk -F ': .*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: ## install what tests take, here and from Debian
	@$(AT_ONCE) packages $(DEV)

run: $(RUN) ## run everything on this machine: `capflow up`
	@scripts/debian-packages $(LIBRARIES)
	@scripts/run-up

test: setup ## check and test everything
	@$(AT_ONCE) lint suite pages

bench: setup ## measure everything beside its peers; ONLY=name for one, QUICK=1 to see that all work
	@QUICK="$(QUICK)" $(VENV)/bin/python -m tests.bench $(ONLY)

faults: setup ## inject every fault at full length; ONLY=13 or ONLY=1,2, SOAK=600 for a mix, SEED=…
	@SEED="$(SEED)" SOAK="$(SOAK)" $(VENV)/bin/python -m tests.faults "$(ONLY)"

fuzz: setup ## feed a million broken inputs to each parser; COUNT= for more or fewer, SEED= to repeat
	@COUNT="$(COUNT)" SEED="$(SEED)" $(VENV)/bin/python -m tests.fuzz

lint: $(DEV) ## check style, types, and who imports whom
	@scripts/quietly $(VENV)/bin/ruff check
	@scripts/quietly $(VENV)/bin/ruff format --check
	@nice scripts/quietly $(VENV)/bin/mypy
	@scripts/quietly $(VENV)/bin/lint-imports

contracts: $(DEV) ## write schemas and docs/settings.md anew from the code
	@$(VENV)/bin/python -m scripts.write_contracts
	@$(VENV)/bin/python -m scripts.write_settings

lock: ## write the lock files anew (takes uv)
	@scripts/lock

clean: ## remove what was made here
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache .schemathesis
	find contracts services scripts tests -name __pycache__ -prune -exec rm -rf {} +

packages:
	@scripts/debian-packages $(LIBRARIES) $(SERVERS) $(TOOLS)

# Most of its tests wait most of the time, so there are more of them at once than cores.
suite:
	@scripts/tests -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/browser

# In a process of its own, since what drives the browser leaves an event loop behind.
pages:
	@CACHE=.pytest_cache/pages scripts/later scripts/tests tests/browser

$(RUN):
	@PYTHON="$(PYTHON)" scripts/install $(VENV) requirements.lock
	@rm -f $(VENV)/.run-*
	@touch $@

$(DEV):
	@PYTHON="$(PYTHON)" scripts/install $(VENV) requirements-dev.lock
	@rm -f $(VENV)/.dev-*
	@touch $@
