#!/usr/bin/env bash
# Make .venv from requirements.lock: scripts/setup.sh [--java] [--chromium]. With --java, what Spark needs as well: find or install a
# Java, fetch Delta's JARs, archive the JVM's classes. With --chromium, a browser for the tests of the report's page, which are left
# out where there is none. It costs nothing when all is there. Talks on stderr. Exits 3 when something lacks that it may not install itself. PYTHON=... chooses the interpreter.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$root"
exec >&2

lacks() {
    printf 'setup: %s\n' "$*"
    exit 3
}

# A complete .venv carries the hash of what it was made from, written last.
packages_hash() { { cat requirements.lock .venv/pyvenv.cfg && pwd -P; } 2>/dev/null | sha256sum; }
project_hash() { sha256sum <pyproject.toml; }
is_made() { [[ -x .venv/bin/python && -f .venv/made-from && $(<.venv/made-from) == "$(packages_hash)" ]]; }
is_installed() { [[ -f .venv/installed-from && $(<.venv/installed-from) == "$(project_hash)" ]]; }

find_python() {
    local python
    for python in ${PYTHON:-python3.11 python3.12 python3.13 python3 python}; do
        if "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

make_venv() { # one that stands here and runs is brought up to date in place: processes may be at work in it
    local python
    if stands_here; then
        echo "setup: bringing .venv up to date with requirements.lock"
    else
        python=$(find_python) || lacks "needs Python 3.11 or newer with the venv module: on Debian and Ubuntu" \
            "\`apt-get install python3 python3-venv\`, elsewhere https://www.python.org; or set PYTHON to one"
        echo "setup: making .venv with $("$python" --version); the first time takes a minute or two"
        rm -rf .venv
        "$python" -m venv .venv || lacks "cannot make .venv (above)"
    fi
    # setuptools first: pyspark is built from its source, by what is locked and not by what the index has newest
    local pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes)
    { "${pip[@]}" -r <(locked setuptools) && "${pip[@]}" --no-compile --no-build-isolation -r requirements.lock; } ||
        lacks "pip could not install requirements.lock (above); behind a proxy or mirror see pip's --proxy, --index-url"
    .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null || true # on all cores, where pip takes one; some files are templates
    packages_hash >.venv/made-from
}

locked() { # NAME: its entry in the lock, with the hashes
    awk -v entry="^$1==" '$0 ~ entry { found = 1 } found { print } found && !/\\$/ { exit }' requirements.lock
}

stands_here() { # a .venv of a folder that was moved has the old path in its programs
    [[ -z ${PYTHON:-} && -f .venv/pyvenv.cfg ]] && .venv/bin/python -c 'import pip' 2>/dev/null &&
        [[ $(head -n 1 .venv/bin/pip) == "#!$(pwd -P)/.venv/bin/python"* ]]
}

install_project() { # no build isolation: setuptools comes from the lock, and no network is asked
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
    .venv/bin/python -m compileall -q lib # once, also where Python is told to write no bytecode
    project_hash >.venv/installed-from
}

install_one_of() { # WHAT NAME...: the first package of Debian or Ubuntu that can be installed
    local as=() name what=$1
    command -v apt-get >/dev/null || return 1
    if ((EUID != 0)); then
        sudo -n true 2>/dev/null || return 1
        as=(sudo -n)
    fi
    echo "setup: no $what yet; installing one with apt-get"
    "${as[@]}" apt-get -qq update || true # an unreachable list of somebody's need not matter
    for name in "${@:2}"; do
        "${as[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get -qq install -y --no-install-recommends "$name" </dev/null >/dev/null && return
    done
    return 1
}

has_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null

has_archive() { .venv/bin/python -c 'from sigmalake.cli.setup.class_archive import find_archive as f; raise SystemExit(f() is None)'; }

exec {lock}<"$root" # the folder itself: two first calls side by side make one .venv
flock "$lock"
if [[ " $* " == *' --chromium '* ]] && ! has_chromium; then # beside pip
    { install_one_of 'Chromium for the tests of pages' chromium ||
        echo 'setup: Chromium could not be installed; the tests that open a page in a browser are left out'; } &
fi
is_made || make_venv
is_installed || install_project
wait
[[ " $* " == *' --java '* ]] || exit 0
if ! .venv/bin/python -c 'from sigmalake.cli.setup.runtime import find_java; find_java()' 2>/dev/null; then
    install_one_of 'Java for Spark' openjdk-17-jre-headless openjdk-21-jre-headless || true # what to do by hand is said below
fi
.venv/bin/python -m sigmalake.cli.setup.runtime >/dev/null
if ! has_archive; then # sessions do without, and take some seconds more
    echo "setup: archiving the classes that Spark loads; about a minute, once"
    .venv/bin/python -m sigmalake.cli.archive_classes || true
fi
