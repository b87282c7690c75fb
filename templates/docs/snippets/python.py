import http.client
import sys
import time
import traceback
import urllib.request

PING_URL = "{{ ping_url }}"


def tell(ending="", text=""):
    """Tell Earlywatch. Never raises, and gives up after three tries."""
    for wait in (0, 2, 8):  # seconds
        time.sleep(wait)
        try:
            request = urllib.request.Request(PING_URL + ending, text.encode()[-10_000:])
            urllib.request.urlopen(request, timeout=10).close()
            return
        except (OSError, http.client.HTTPException) as error:
            problem = error
    print(f"ping failed: {problem}", file=sys.stderr)


tell("/start")
try:
    backup()
except BaseException:
    tell("/fail", traceback.format_exc())
    raise
tell()
