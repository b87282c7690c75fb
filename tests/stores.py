"""An object store on loopback that behaves, and some that do not."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from itertools import count

from minio import Minio

KEYS = "some-access", "so/secret"
_numbers = count(1)


@contextmanager
def object_server() -> Iterator[str]:
    """Give the address, `host:port`, of what speaks like S3 and keeps everything in memory."""
    # Half a second that most test processes need not wait.
    server = import_module("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    try:
        yield "{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


class Bucket:
    """A new bucket. `url` is what `OBJECT_STORE_URL` would be."""

    def __init__(self, host: str) -> None:
        self.name = f"bodies-{next(_numbers)}"
        self.url = store_url(host, self.name)
        self._client = Minio(host, *KEYS, secure=False)
        self._client.make_bucket(self.name)

    def keys(self) -> set[str]:
        """Return what is in it."""
        found = self._client.list_objects(self.name, recursive=True)
        return {each.object_name for each in found if each.object_name}

    def content(self, key: str) -> bytes:
        """Return one of them."""
        response = self._client.get_object(self.name, key)
        try:
            return response.read()
        finally:
            response.close()


def store_url(host: str, bucket: str = "bodies") -> str:
    """Return a setting with keys that a URL must escape."""
    access, secret = KEYS
    return f"http://{access}:{secret.replace('/', '%2F')}@{host}/{bucket}?region=us-east-1"


@contextmanager
def failing_server(status: int, code: str) -> Iterator[tuple[str, list[str]]]:
    """Give the address of a store that answers everything so, and the paths it was asked for."""
    asked: list[str] = []
    text = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode() if code else b"?"

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_DELETE = answer  # noqa: N815 - the library's names

        def log_message(self, *_arguments: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
