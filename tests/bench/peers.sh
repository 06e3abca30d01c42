#!/usr/bin/env bash
# Installs what engine.py measures beside `pipe`, pinned, into a folder of its own. Tests never need it.
# Not known here: what is measured. make, b3sum and md5sum are the system's, where it has them.
set -euo pipefail
peers="${PIPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pipe}/peers"
# A stamp is written after success, so that an interrupted installation is done again.
stamp="$peers/ready-1"
if [ ! -e "$stamp" ]; then
  rm -rf "$peers"
  python3 -m venv "$peers"
  "$peers/bin/pip" install --quiet --disable-pip-version-check dvc==3.67.1 snakemake==9.27.1 ninja==1.13.2
  touch "$stamp"
fi
for tool in dvc snakemake ninja make b3sum md5sum; do
  at="$(PATH="$peers/bin:$PATH" command -v "$tool" || echo "not installed: skipped")"
  printf '%-10s %s\n' "$tool" "$at"
done
