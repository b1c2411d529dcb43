#!/usr/bin/env bash
# Backup tools, which some tests run for real. Installed where that asks no question (root on Debian); else one line says
# what to type, and those tests are left out.
set -euo pipefail

TOOLS=(restic borg git rsync rdiff-backup duplicity borgmatic)
PACKAGES=(restic borgbackup git rsync rdiff-backup duplicity borgmatic)

present() {
    local tool
    for tool in "${TOOLS[@]}"; do command -v "$tool" >/dev/null || return 1; done
}

present && exit 0
if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "installing ${TOOLS[*]} from the distribution" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 || true # one broken source of many must not stop this
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${PACKAGES[@]}" >&2 </dev/null || true
fi
present || echo "make: tests of backup tools are left out: install them (Debian: apt-get install ${PACKAGES[*]})" >&2
