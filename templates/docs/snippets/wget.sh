wget -q -T 10 -t 5 -O /dev/null {{ ping_url }}
