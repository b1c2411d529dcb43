#!/usr/bin/env bash
# What set-up needs from the machine: Python 3.11, Java and, for the first time, disk space. Quiet and quick when all is
# there. What is missing is installed where that asks no question (root on Debian or Ubuntu); else one line says what to
# type, and the exit status is 1. Leaves the paths in .venv/.python and .venv/.java.
set -euo pipefail
cd "$(dirname "$0")/.."

disk_needed_kb=$((4 * 1024 * 1024)) # the environment has 1.4 GB, and pip unpacks pyspark beside it

stop() {
    echo "make: $*" >&2
    exit 1
}

may_install() {
    [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null && grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release
}

install() { # each argument: a package; fails when one is not to be had
    may_install || return 1
    echo "installing $* from the distribution" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 || true # one broken source of many must not stop this
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >&2 </dev/null
}

# Started, not only found: a version manager's shim may stand for a Python that is not there.
find_python() {
    local name
    for name in python3.11 python3 python /usr/bin/python3.11; do
        if "$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

find_java() {
    "$python" -m jobs.doctor.java
}

if [[ -x .venv/bin/python && -e .venv/.packages ]]; then
    python=.venv/bin/python
    "$python" -c '' 2>/dev/null || stop 'the Python of .venv does not start any more: type `make distclean`, then this again'
else
    free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
    ((free_kb >= disk_needed_kb)) || stop "4 GB of free disk are needed here, $((free_kb / 1024)) MB are left: make room, then type this again"
    python=$(find_python) || { install python3.11 python3.11-venv && python=$(find_python); } ||
        stop 'Python 3.11 with its venv module is needed: install it so that `python3.11` starts (Debian 12: apt-get install python3.11-venv), then type this again'
fi

java=$(find_java 2>/dev/null) || { { install openjdk-17-jre-headless || install openjdk-21-jre-headless; } && java=$(find_java); } ||
    stop "$(find_java 2>&1 || true): install it (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME, then type this again"

mkdir -p .venv
echo "$python" >.venv/.python
echo "$java" >.venv/.java
