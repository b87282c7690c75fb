"""The door to an object store: S3, or what speaks like it. Bodies go there that are large."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from io import BytesIO
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree.ElementTree import ParseError

from minio import Minio
from minio.error import MinioException, S3Error
from urllib3 import BaseHTTPResponse, PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from earlywatch.errors import EarlywatchError

CONNECT, READ = 3.0, 10.0  # seconds
LONGEST_READ = 15.0  # seconds for a whole object, however slowly it drips
LARGEST = 1_000_000  # bytes; ours are smaller
LONGEST_CODE = 40  # characters
PIECE = 64 * 1024  # bytes
CONNECTIONS = 10
# A store that is busy for a moment is asked once more; one that is silent is not.
RETRIES = Retry(
    total=None, connect=1, read=0, status=1, other=0, redirect=False,
    backoff_factor=0.2, status_forcelist=(500, 502, 503, 504),
)  # fmt: skip


class StoreError(EarlywatchError):
    """The object store did not do what it was asked to; `str(error)` is for people."""


class NoSuchObject(StoreError):
    """The store answers, but has nothing of this key."""


class ObjectStore:
    """One bucket. May be used by several threads. `url` as `Settings.object_store_url` checks it.

    The address is the operator's own, so private ones are fine.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._bucket = parts.path.strip("/")
        self._pool = PoolManager(
            maxsize=CONNECTIONS,
            timeout=Timeout(connect=CONNECT, read=READ),
            retries=RETRIES,
            ssl_context=ssl.create_default_context(),
        )
        self._client = Minio(
            parts.netloc.rpartition("@")[2],
            access_key=unquote(parts.username or ""),
            secret_key=unquote(parts.password or ""),
            secure=parts.scheme == "https",
            region=parse_qs(parts.query).get("region", [None])[0],
            http_client=self._pool,
        )

    def put(self, key: str, content: bytes) -> None:
        """Store `content` under a key. Raises StoreError: then it may be there or not."""
        with _in_words():
            self._client.put_object(self._bucket, key, BytesIO(content), len(content))

    def get(self, key: str) -> bytes:
        """Return what is stored under a key. Raises NoSuchObject and StoreError."""
        with _in_words():
            response = self._client.get_object(self._bucket, key)
            try:
                return _read(response)
            finally:
                response.close()
                response.release_conn()

    def delete(self, key: str) -> None:
        """Delete it; that it was gone before is no error. Raises StoreError."""
        try:
            with _in_words():
                self._client.remove_object(self._bucket, key)
        except NoSuchObject:
            return

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


@contextmanager
def _in_words() -> Iterator[None]:
    """Let whatever goes wrong become a StoreError, without address and keys in it."""
    try:
        yield
    except S3Error as error:
        if error.code == "NoSuchKey":
            raise NoSuchObject("The object store does not have it any more.") from None
        code = error.code if error.code and error.code.isalnum() else "with an error"
        raise StoreError(f"The object store answered {code[:LONGEST_CODE]}.") from None
    except (MinioException, ParseError, ValueError):
        raise StoreError("The object store answered something that is not understood.") from None
    except (HTTPError, HTTPException, OSError) as error:
        raise StoreError(f"The object store does not answer ({type(error).__name__}).") from None


def _read(response: BaseHTTPResponse) -> bytes:
    end, content = time.monotonic() + LONGEST_READ, b""
    while piece := response.read1(PIECE):  # `read` and `stream` would wait for a whole piece
        content += piece
        if time.monotonic() > end or len(content) > LARGEST:
            raise TimeoutError("took too long")
    return content
