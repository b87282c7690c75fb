"""The API: who asks, may it be asked so, has it been asked before?"""

import json
from dataclasses import dataclass, field
from typing import Any

from stripe import api_version

from tests.fakes.stripe import expand, form, lists, routes
from tests.fakes.stripe.asked import WITHOUT_EFFECT, Asked
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.http import Request, Response
from tests.fakes.stripe.params import check
from tests.fakes.stripe.state import State

KEY_PREFIX = "sk_test_"
LONGEST_KEY = 255  # characters of an idempotency key
NOT_SAVED = (400, 401, 404)  # refused before anything was done


@dataclass
class Api:
    """Answers calls. Whoever calls it holds the state's lock."""

    state: State
    saved: dict[str, tuple[str, Response]] = field(default_factory=dict)

    def answer(self, request: Request) -> Response:
        """Answer a call, or say as Stripe does what is wrong with it."""
        number = self.state.new_id("req")
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        asked = json.dumps([request.method, request.path, request.body])
        try:
            _authenticate(request)
            if key and (old := self._saved(key, asked)):
                return old
            self.state.request = {"id": number, "idempotency_key": key}
            response = Response.as_json(200, self._call(request), Request_Id=number)
        except Refused as error:
            body = {"error": error.error}
            response = Response.as_json(error.status, body, Request_Id=number)
        finally:
            self.state.request = {"id": None, "idempotency_key": None}
        if key and response.status not in NOT_SAVED:
            self.saved[key] = (asked, response)
        return response

    def forget_answer(self, request: Request, instead: Response) -> None:
        """Save another answer for a request whose work is done: the outage of a test."""
        if key := request.headers.get("idempotency-key"):
            asked, _ = self.saved.get(key, ("", instead))
            self.saved[key] = (asked, instead)

    def _saved(self, key: str, asked: str) -> Response | None:
        """Return the answer that the first request with this key got."""
        if len(key) > LONGEST_KEY:
            raise Refused("Idempotency keys can be at most 255 characters long.")
        if key not in self.saved:
            return None
        before, response = self.saved[key]
        if before != asked:
            raise Refused(
                "Keys for idempotent requests can only be used with the same parameters they were"
                f" first used with. Try using a key other than '{key}' if you meant to execute a"
                " different request.",
                kind="idempotency_error",
            )
        headers = {**response.headers, "Idempotent-Replayed": "true"}
        return Response(response.status, response.body, headers)

    def _call(self, request: Request) -> Any:
        found = routes.find(request.method, request.path)
        if found is None:
            raise Refused(
                f"Unrecognized request URL ({request.method}: {request.path}). Please see"
                " https://stripe.com/docs or we can help at https://support.stripe.com/.",
                404,
            )
        route, ids = found
        text = request.body if request.method == "POST" else request.query
        params = Asked(check(route.params, form.decode(text)))
        wanted: list[str] = params.pop("expand", [])
        answer = route.call(self.state, params, *ids)
        if ignored := params.unread - WITHOUT_EFFECT:
            raise NotImplementedError(f"{route.method} {route.path} ignores {sorted(ignored)}")
        if isinstance(answer, list):
            answer = lists.page(answer, params, request.path)
        return expand.expanded(self.state, answer, wanted)


def _authenticate(request: Request) -> None:
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind != "Bearer" or not key:
        raise Refused(
            "You did not provide an API key. You need to provide your API key in the"
            " Authorization header, using Bearer auth.",
            401,
        )
    if not key.startswith(KEY_PREFIX):
        raise Refused(f"Invalid API Key provided: {key[:8]}{'*' * 8}", 401)
    version = request.headers.get("stripe-version", api_version)
    if version != api_version:
        raise Refused(f"Invalid Stripe API version: {version}")
