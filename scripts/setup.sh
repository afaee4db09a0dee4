#!/bin/sh
# Makes .venv from a lock with hashes. Usage: scripts/setup.sh LOCK [PYTHON]
# Everything stays inside the checkout; a Debian without python3-venv works as long as it has pip.
set -eu
cd "$(dirname "$0")/.."
lock=$1
fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'

find_python() {
    for candidate in ${2:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c "$fits" 2>/dev/null; then echo "$candidate"; return; fi
    done
    echo "Rung needs Python 3.11, 3.12, 3.13 or 3.14, and found none of them. Install one, or name it: make PYTHON=/path/to/python3.12" >&2
    exit 1
}

venv=.venv/bin/python
if ! "$venv" -c "$fits" 2>/dev/null; then
    python=$(find_python "$@")
    rm -rf .venv
    if ! "$python" -m venv .venv 2>/dev/null; then
        rm -rf .venv
        "$python" -m venv --without-pip .venv
    fi
fi

# A lock is installed when its name and sum are the ones that were last written here.
stamp=.venv/installed-$(basename "$lock")
sum=$(cat "$lock" requirements/uv.lock pyproject.toml | cksum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then exit 0; fi

echo "Setting up .venv from $lock ..."
if ! .venv/bin/uv --version >/dev/null 2>&1; then
    if "$venv" -m pip --version >/dev/null 2>&1; then
        "$venv" -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.lock
    else
        python=$(find_python "$@")
        "$python" -m pip --python "$venv" install -q --disable-pip-version-check --require-hashes -r requirements/uv.lock
    fi
fi
.venv/bin/uv pip install -q --python "$venv" --require-hashes -r "$lock"
.venv/bin/uv pip install -q --python "$venv" --no-deps --no-build-isolation --editable .
echo "$sum" >"$stamp"
