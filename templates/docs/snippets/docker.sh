docker run --rm example/backup
curl -fsS -m 10 --retry 5 -o /dev/null {{ ping_url }}/$?
