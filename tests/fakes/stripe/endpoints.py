"""Webhook endpoints and the events that were sent to them."""

from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.state import Obj, State, merged

EVERYTHING = "*"


def add(state: State, url: str, secret: str, params: Obj | None = None) -> Obj:
    """Store an endpoint; its secret is shown once only."""
    given = params or {}
    endpoint = {
        "id": state.new_id("we"),
        "object": "webhook_endpoint",
        "api_version": given.get("api_version"),
        "application": None,
        "created": state.now,
        "description": given.get("description") or None,
        "enabled_events": given.get("enabled_events", [EVERYTHING]),
        "livemode": False,
        "metadata": merged({}, given.get("metadata")),
        "status": "enabled",
        "url": url,
    }
    state.secrets[endpoint["id"]] = secret
    return state.add(endpoint)


def create(state: State, params: Obj) -> Obj:
    """Make an endpoint; the answer alone carries its secret."""
    if not params["url"].startswith(("http://", "https://")):
        raise Refused("Invalid URL: An explicit scheme (such as https) must be provided.")
    secret = state.new_id("whsec")
    return {**add(state, params["url"], secret, params), "secret": secret}


def update(state: State, params: Obj, key: str) -> Obj:
    """Change an endpoint."""
    endpoint = state.get("webhook_endpoint", key)
    for name in ("description", "enabled_events", "url"):
        endpoint[name] = params.get(name, endpoint[name])
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    endpoint["metadata"] = merged(endpoint["metadata"], params.get("metadata"))
    return endpoint


def delete(state: State, _params: Obj, key: str) -> Obj:
    """Forget an endpoint."""
    state.get("webhook_endpoint", key)
    del state.table("webhook_endpoint")[key]
    return {"id": key, "object": "webhook_endpoint", "deleted": True}


def wanting(state: State, kind: str) -> list[Obj]:
    """Return the endpoints that an event goes to."""
    return [
        one
        for one in state.all("webhook_endpoint", status="enabled")
        if EVERYTHING in one["enabled_events"] or kind in one["enabled_events"]
    ]


def list_events(state: State, params: Obj) -> list[Obj]:
    """Return events, some by type (`invoice.*` too)."""
    found, wanted = state.all("event"), params.get("types", [])
    if "type" in params:
        wanted = [params["type"]]
    if wanted:
        found = [one for one in found if any(_is(one["type"], kind) for kind in wanted)]
    return found


def _is(kind: str, wanted: str) -> bool:
    if wanted.endswith("*"):
        return kind.startswith(wanted[:-1])
    return kind == wanted
