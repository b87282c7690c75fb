#!/usr/bin/env bash
set -euo pipefail

tell() { curl -fsS -m 10 --retry 5 -o /dev/null "{{ ping_url }}/$1" || true; }

trap 'tell "$?"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
tell start

/usr/local/bin/backup.sh
