curl -fsS -m 10 --retry 20 --retry-connrefused --retry-max-time 1800 -o /dev/null {{ ping_url }} &
