#!/bin/sh
# Resolves pyproject.toml for every platform and Python at once, and writes the locks with hashes.
set -eu
cd "$(dirname "$0")/.."
compile=".venv/bin/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11"
$compile pyproject.toml --all-extras --group dev --group bench -o requirements/dev.lock "$@"
$compile pyproject.toml --extra local --group build -c requirements/dev.lock -o requirements/run.lock
$compile requirements/uv.in -o requirements/uv.lock
