#!/bin/sh
# Every locked runtime dependency must be there as a wheel for every promised platform and Python.
set -eu
cd "$(dirname "$0")/.."
for platform in x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin; do
    for version in 3.11 3.12 3.13 3.14; do
        .venv/bin/uv pip compile -q --only-binary :all: --python-platform "$platform" --python-version "$version" \
            --no-header -c requirements/run.lock --extra local pyproject.toml -o /dev/null
        echo "resolves: $platform, Python $version"
    done
done
