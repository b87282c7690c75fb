#!/bin/sh
# Runs a job and tells when it starts, how it ends and what it said last:
#   watched /usr/local/bin/backup.sh --all
url=${PING_URL:-{{ ping_url }}}
rid=$(cat /proc/sys/kernel/random/uuid)

tell() { curl -fsS -m 10 --retry 5 -o /dev/null "$@" || true; }

tell "$url/start?rid=$rid"
output=$("$@" 2>&1)
status=$?
printf '%s\n' "$output"
printf '%s' "$output" | tail -c 10000 | tell --data-binary @- "$url/$status?rid=$rid"
exit "$status"
