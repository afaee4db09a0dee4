# Two commands matter: `make run` and `make test`. Both set themselves up inside the checkout.
HOST ?= 127.0.0.1
PORT ?= 8080
RUNG_DATA ?= ../shared/data
export RUNG_DATA
BIN := .venv/bin

.PHONY: run test check unit bench lock resolve wheel clean

run:
	@scripts/setup.sh requirements/run.lock $(PYTHON)
	@exec $(BIN)/rung serve --host $(HOST) --port $(PORT)

test: check
	@$(BIN)/rung models get smollm2-135m-instruct qwen2.5-coder-1.5b-instruct all-minilm-l6-v2
	@$(BIN)/pytest

setup-dev:
	@scripts/setup.sh requirements/dev.lock $(PYTHON)

check: setup-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/sizes.py src/rung

unit: setup-dev
	@$(BIN)/pytest tests/unit

bench: setup-dev
	@test -f benchmarks/$(NAME).py || { echo "Say which: make bench NAME=hotpath, or another of benchmarks/*.py that says how it is run"; exit 2; }
	@$(BIN)/python benchmarks/$(NAME).py $(ARGS)

# Writes the locks again (the only step that looks for newer versions).
lock:
	@scripts/lock.sh

# Shows that the locked versions exist as wheels for every platform that is promised.
resolve: setup-dev
	@scripts/resolve.sh

wheel: setup-dev
	@$(BIN)/uv build --wheel --no-build-isolation --python $(BIN)/python -o dist

clean:
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
