"""Our own door for pings, as jobs find it: over the public address, on a new connection."""

import requests
from urllib3.exceptions import HTTPError

AGENT = "Earlywatch canary"


def knock(url: str, seconds: float) -> str | None:
    """Send a ping to `url`; return None if it was stored, else why not, for the log.

    Each part of the answer may take so many `seconds`.
    """
    # A connection that is kept would find one process of many, and no balancer.
    headers = {"Connection": "close", "User-Agent": AGENT}
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                url, headers=headers, timeout=seconds, allow_redirects=False, stream=True
            )
            status = answer.status_code
            answer.close()
    except (requests.RequestException, HTTPError, OSError) as error:
        return type(error).__name__
    return None if status == requests.codes.ok else f"status {status}"
