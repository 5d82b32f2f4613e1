# Tidewaiter. `make help` lists what there is. Needs Python 3.11+ and a package index, nothing else.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENV_READY := $(VENV)/.ready
# Trust whom the machine trusts: networks with a proxy of their own sign for it themselves.
export UV_SYSTEM_CERTS := 1

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tidewaiter needs Python 3.11 or newer; set PYTHON=…"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip uv

$(ENV_READY): requirements/dev.txt pyproject.toml | $(BIN)/uv
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet requirements/dev.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

run: $(ENV_READY) ## set up, load the demonstration, decide it, serve the pages
	$(BIN)/tidewaiter demo --serve

test: $(ENV_READY) ## run every test, on two processors
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: $(ENV_READY) ## style, types, import contracts, docs up to date
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/tidewaiter docs check

judges: ## install the outside judges of the record, where there is a Python 3.12 or newer
	.ci/judges .judges

contract: $(ENV_READY) ## compile the contract of anchors again
	$(BIN)/python tests/contracts.py

docs: $(ENV_READY) ## write the generated parts of docs/
	$(BIN)/tidewaiter docs write

bench: $(ENV_READY) ## measure this machine
	$(BIN)/tidewaiter bench bulk
	$(BIN)/tidewaiter bench live

lock: $(BIN)/uv ## choose versions again and write their hashes
	@for f in run dev bench risk; do $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header requirements/$$f.in -o requirements/$$f.txt; done
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.12 \
	  --generate-hashes --no-emit-index-url --no-header requirements/judges.in -o requirements/judges.txt

.PHONY: help run test check judges contract docs bench lock
