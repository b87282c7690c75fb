output=$(/usr/local/bin/backup.sh 2>&1) && result=succeeded || result=failed
printf '%s\n' "$output" | tail -n 50 | mail -s "backup $result" {{ ping_url }}
