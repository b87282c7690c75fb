secret=whsec_…
key=$(printf %s "${secret#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
digest=$({ printf '%s.%s.' "$HTTP_WEBHOOK_ID" "$HTTP_WEBHOOK_TIMESTAMP"; cat; } |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
if [ "v1,$digest" != "$HTTP_WEBHOOK_SIGNATURE" ]; then
  echo "not from Earlywatch" >&2
  exit 1
elif [ $(($(date +%s) - HTTP_WEBHOOK_TIMESTAMP)) -gt 300 ]; then
  echo "sent long ago" >&2
  exit 1
fi
