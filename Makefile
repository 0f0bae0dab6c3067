# One command each for what is done every day. Each makes the virtual environment it needs, the first time.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check graph simulate simulate-mutations explore mutate bench

demo: $(STAMP)
	$(BIN)/shelfsync demo $(ARGS)

# On all cores. Each file runs in one process, because its tests share what is expensive to make.
test: check
	$(BIN)/pytest -n auto --dist loadfile $(ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Who imports whom in replica/core and replica/runtime. ARGS=--write puts the pictures into ARCHITECTURE.md.
graph: $(STAMP)
	$(BIN)/python -m tests.imports $(ARGS)

# Thousands of seeds, and hundreds with whole nodes, within half an hour on two cores. ARGS="--seed 7", ARGS="--scenario black-friday" …
simulate: $(STAMP)
	$(BIN)/shelfsync simulate $(or $(ARGS),--seeds 1..4000 --minutes 21)
	$(if $(ARGS),,$(BIN)/shelfsync simulate --profile full-stack --seeds 1..500 --minutes 4)
	$(if $(ARGS),,$(BIN)/shelfsync simulate --scenario week-offline)

# Plants each known bug and hunts for it. ARGS="--only NAME", ARGS=--write
simulate-mutations: $(STAMP)
	$(BIN)/python -m simulations.mutations $(ARGS)

# Every order of a few steps at two hubs and a store, in less than 20 minutes on two cores. ARGS="--scope retries" …
explore: $(STAMP)
	$(BIN)/python -m simulations.explorer $(ARGS)

# Mutants of the core that no test kills. ARGS="replica.core.ledger", ARGS=--again, ARGS=--report …
mutate: $(VENV)/.mutate
	$(BIN)/python -m tests.mutants $(ARGS)

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(ARGS)

# Debian keeps the venv module in a package of its own; fetch it where we may.
$(STAMP): pyproject.toml requirements.lock console/package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq python3-venv; } \
		|| { echo "the venv module is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	@command -v npm >/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[console]'
	$(BIN)/python -m console.third_party
	@touch $@

$(VENV)/.bench: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev,bench]'
	@touch $@

$(VENV)/.mutate: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev,mutate]'
	@touch $@
