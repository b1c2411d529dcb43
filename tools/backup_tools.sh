#!/usr/bin/env bash
# restic and borg, which some tests run for real. Installed where that asks no question (root on Debian); else one line
# says what to type, and those tests are left out.
set -euo pipefail

present() {
    command -v restic >/dev/null && command -v borg >/dev/null && command -v git >/dev/null
}

present && exit 0
if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "installing restic, borgbackup and git from the distribution" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 || true # one broken source of many must not stop this
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 restic borgbackup git >&2 </dev/null || true
fi
present || echo "make: tests of restic and borg are left out: install both (Debian: apt-get install restic borgbackup)" >&2
