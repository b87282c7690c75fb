"""The least that an ASGI app can do: what the server alone costs."""

from earlywatch.ingest.http import Receive, Scope, Send

HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"2")]


class Bare:
    """Answers OK to everything."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the process."""
        if scope["type"] == "lifespan":
            for _ in ("startup", "shutdown"):
                event = await receive()
                await send({"type": f"{event['type']}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"OK"})

    def end_streams(self) -> None:
        """There are none."""


app = Bare()
