#!/usr/bin/env bash
# The browser of the page's tests: the distribution's Chromium and its driver. Installed where that asks no question
# (root on Debian); else one line says what to type, and the exit status is 1.
set -euo pipefail

present() {
    command -v chromium >/dev/null && command -v chromedriver >/dev/null
}

present && exit 0
if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "installing chromium and chromium-driver from the distribution" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 || true # one broken source of many must not stop this
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
        chromium chromium-driver fonts-dejavu-core >&2 </dev/null || true
fi
present || {
    echo "make: chromium and chromedriver are needed: install both (Debian: apt-get install chromium chromium-driver), then type this again" >&2
    exit 1
}
