"""The HTTP client against servers that answer, redirect, hang, drip and pretend to be others."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from earlywatch.clients import guard, http
from earlywatch.clients.http import Answer, Http, Unreachable
from tests.clients.servers import Receiver, tcp_server


def test_an_answer_has_status_and_text(client: Http, receiver: Receiver) -> None:
    answer = client.post(f"{receiver.url}/hook", json={"text": "späť"})

    [request] = receiver.requests
    assert answer == Answer(200, "ok", None)
    assert request.path == "/hook"
    assert json.loads(request.body) == {"text": "späť"}
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == "Earlywatch"


def test_a_form_is_sent_with_name_and_password(client: Http, receiver: Receiver) -> None:
    client.post(receiver.url, data={"To": "+49", "Body": "ä"}, auth=("AC1", "secret"))

    [request] = receiver.requests
    assert request.body == b"To=%2B49&Body=%C3%A4"
    assert request.headers["Authorization"] == "Basic QUMxOnNlY3JldA=="


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH"])
def test_any_bytes_are_sent_with_any_method(method: Any, client: Http, receiver: Receiver) -> None:
    body = b"" if method == "GET" else b"\x00<a>\xff"
    answer = client.request(method, f"{receiver.url}/a?b=c", body=body, headers={"X-Key": "k"})

    [request] = receiver.requests
    assert answer == Answer(200, "ok", None)
    assert (request.method, request.path, request.body) == (method, "/a?b=c", body)
    assert request.headers["X-Key"] == "k"
    assert "Content-Type" not in request.headers


def test_redirects_are_not_followed(client: Http, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"Location": f"{receiver.url}/elsewhere"}

    assert client.post(receiver.url).status == 307
    assert len(receiver.requests) == 1


def test_proxies_of_the_environment_are_not_used(
    client: Http, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert client.post(receiver.url).status == 200


def test_cookies_are_not_kept(client: Http, receiver: Receiver) -> None:
    receiver.headers = {"Set-Cookie": "a=b; Path=/"}
    client.post(receiver.url)
    client.post(receiver.url)

    assert "Cookie" not in receiver.requests[1].headers


@pytest.mark.parametrize(
    ("headers", "wish"),
    [
        ({"Retry-After": "120"}, timedelta(seconds=120)),
        ({"Retry-After": "7200"}, timedelta(hours=1)),
        ({"Retry-After": "9" * 5000}, timedelta(hours=1)),
        (
            {
                "Retry-After": "Fri, 20 Nov 2026 05:20:00 GMT",
                "Date": "Fri, 20 Nov 2026 05:17:00 GMT",
            },
            timedelta(minutes=3),
        ),
        (
            {
                "Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT",
                "Date": "Fri, 20 Nov 2026 05:17:00 GMT",
            },
            timedelta(hours=1),
        ),
        (
            {
                "Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT",
                "Date": "Mon, 01 Jan 0001 00:00:00 GMT",
            },
            timedelta(hours=1),
        ),
        (
            {
                "Retry-After": "Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
                "Date": "Fri, 20 Nov 2026 05:17:00 GMT",
            },
            None,
        ),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({}, None),
    ],
)
def test_the_wish_to_wait_is_understood(
    headers: dict[str, str], wish: timedelta | None, client: Http
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reply = f"HTTP/1.1 429 slow down\r\n{lines}Content-Length: 0\r\n\r\n".encode()

    with tcp_server(_replying(reply)) as port:
        answer = client.post(f"http://127.0.0.1:{port}/")

    assert answer == Answer(429, "", wish)


def test_a_long_answer_is_cut(client: Http, receiver: Receiver) -> None:
    receiver.text = "x" * 1_000_000

    assert len(client.post(receiver.url).text) == 64 * 1024


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_an_answer_of_50_mb_or_without_end_is_cut_off(head: bytes, client: Http) -> None:
    sent: list[int] = []
    hung_up = threading.Event()
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n" if b"chunked" in head else b"x" * 0x2000

    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head)
        try:
            while len(sent) * len(chunk) < 50_000_000:
                connection.sendall(chunk)
                sent.append(len(chunk))
        except OSError:
            hung_up.set()

    with tcp_server(flood) as port:
        answer = client.post(f"http://127.0.0.1:{port}/")
        assert hung_up.wait(5)

    assert answer.status == 200
    assert answer.text.strip("x0\r\n2") == ""
    assert len(answer.text) <= 64 * 1024
    assert sum(sent) < 20_000_000


@pytest.mark.parametrize("flood", [b"HTTP/1.1 100 Continue\r\n\r\n", b"X-More: x\r\n", b"x" * 99])
def test_a_head_without_end_is_given_up(
    flood: bytes, client: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.5)

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"" if flood.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(flood)

    began = time.monotonic()
    with tcp_server(script) as port, pytest.raises(Unreachable):
        client.post(f"http://127.0.0.1:{port}/")
    assert time.monotonic() - began < 1.5


def test_connections_are_used_again(client: Http, receiver: Receiver) -> None:
    for _ in range(5):
        client.post(receiver.url)

    assert receiver.connections == 1


def test_a_connection_idle_for_long_is_not_used_again(
    client: Http, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "IDLE_SECONDS", 0.0)
    client.post(receiver.url)
    client.post(receiver.url)

    assert receiver.connections == 2


def test_threads_share_one_client(client: Http, receiver: Receiver) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.post(receiver.url, json={}), range(80)))

    assert {answer.status for answer in answers} == {200}
    assert len(receiver.requests) == 80
    assert receiver.connections <= 8


def test_a_kept_connection_closed_meanwhile_is_replaced(client: Http) -> None:
    served = threading.Event()

    def once(connection: socket.socket) -> None:
        # The second request on a connection meets a closed door, as after a restart.
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        served.set()
        connection.recv(65536)

    with tcp_server(once) as port:
        assert client.post(f"http://127.0.0.1:{port}/").status == 200
        assert served.wait(5)
        assert client.post(f"http://127.0.0.1:{port}/").status == 200


def test_silence_is_given_up(client: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.3)

    with tcp_server(lambda _connection: time.sleep(3)) as port:
        _gives_up_in_time(client, f"http://127.0.0.1:{port}/")


def test_dripping_headers_are_given_up(client: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.4)

    with tcp_server(_dripping(b"HTTP/1.1 200 OK\r\nX-Long: ")) as port:
        _gives_up_in_time(client, f"http://127.0.0.1:{port}/")


def test_a_dripping_body_does_not_hide_the_status(
    client: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.4)
    began = time.monotonic()

    with tcp_server(_dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")) as port:
        answer = client.post(f"http://127.0.0.1:{port}/")

    assert answer.status == 200
    assert time.monotonic() - began < 1.5


def test_nobody_listening_is_temporary(client: Http) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 could not be reached") as caught:
        client.post(f"http://127.0.0.1:{port}/")

    assert not caught.value.permanent


def test_nonsense_instead_of_an_answer_is_temporary(client: Http) -> None:
    with (
        tcp_server(_replying(b"220 this is a mail server\r\n")) as port,
        pytest.raises(Unreachable, match="could not be reached") as caught,
    ):
        client.post(f"http://127.0.0.1:{port}/")

    assert not caught.value.permanent


def _replying(reply: bytes) -> Callable[[socket.socket], None]:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(reply)

    return script


def _dripping(start: bytes) -> Callable[[socket.socket], None]:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(start)
        for _ in range(100):
            connection.sendall(b"z")
            time.sleep(0.05)

    return script


def _gives_up_in_time(client: Http, url: str) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer in time") as caught:
        client.post(url)

    assert not caught.value.permanent
    assert time.monotonic() - began < 1.5
