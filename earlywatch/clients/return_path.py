"""Where a mail that cannot be delivered comes back to: an address for each, signed."""

import base64
import hashlib
import hmac
import re
from uuid import UUID

SIGNATURE = 10  # bytes: nobody can try out 80 bits over the network
LOCAL = re.compile(r"bounce\+([0-9a-f]{32})\.([a-z2-7]{16})")


class ReturnPath:
    """Makes and reads these addresses, `bounce+<id of the mail>.<signature>@<domain>`.

    What knows the address was told of it by the servers that the mail went through: so a report
    sent there is about this very mail.
    """

    def __init__(self, domain: str, secret_key: str) -> None:
        self._domain = domain
        self._secret = f"earlywatch.bounce:{secret_key}".encode()

    def address(self, mail_id: str) -> str:
        """Return the envelope sender of a mail, whose id is a UUID."""
        about = UUID(mail_id).hex
        return f"bounce+{about}.{self._signature(about)}@{self._domain}"

    def read(self, local: str) -> UUID | None:
        """Return the id of the mail that an address, up to its @, is for; None if not ours."""
        found = LOCAL.fullmatch(local.lower())
        if found is None or not hmac.compare_digest(found[2], self._signature(found[1])):
            return None
        return UUID(found[1])

    def _signature(self, about: str) -> str:
        digest = hmac.digest(self._secret, about.encode(), hashlib.sha256)
        return base64.b32encode(digest[:SIGNATURE]).decode().lower()
