import sys
import traceback

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

PING_URL = "{{ ping_url }}"
RETRY = Retry(3, backoff_factor=1, status_forcelist=(429, 502, 503, 504), allowed_methods=None)
session = requests.Session()
session.mount(PING_URL, HTTPAdapter(max_retries=RETRY))


def tell(ending="", text=""):
    """Tell Earlywatch. Never raises."""
    try:
        answer = session.post(PING_URL + ending, text.encode()[-10_000:], timeout=10)
        answer.raise_for_status()
    except requests.RequestException as error:
        print(f"ping failed: {error}", file=sys.stderr)


tell("/start")
try:
    backup()
except BaseException:
    tell("/fail", traceback.format_exc())
    raise
tell()
