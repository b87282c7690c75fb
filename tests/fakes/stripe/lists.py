"""Pages of a list: newest first, with cursors and filters by creation."""

from tests.fakes.stripe.errors import Refused, no_such
from tests.fakes.stripe.state import Obj

USUAL, MOST = 10, 100
COMPARED = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def page(found: list[Obj], params: Obj, path: str) -> Obj:
    """Return one page of the objects found. Raises Refused."""
    limit = params.get("limit", USUAL)
    if not 1 <= limit <= MOST:
        raise Refused("Invalid limit: it must be between 1 and 100.", param="limit")
    found = [one for one in found if _created(one, params.get("created"))]
    keys = [one["id"] for one in found]
    start, end = 0, len(found)
    if "starting_after" in params:
        start = _position(keys, params["starting_after"], "starting_after") + 1
    if "ending_before" in params:
        end = _position(keys, params["ending_before"], "ending_before")
        start = max(0, end - limit)
    data = found[start:end][:limit]
    more = start > 0 if "ending_before" in params else start + limit < end
    return {"object": "list", "data": data, "has_more": more, "url": path}


def _position(keys: list[str], key: str, param: str) -> int:
    if key not in keys:
        raise no_such("object", key, param)
    return keys.index(key)


def _created(obj: Obj, wanted: Obj | int | None) -> bool:
    if wanted is None:
        return True
    moment = obj.get("created", obj.get("date"))
    if isinstance(wanted, int):
        return bool(moment == wanted)
    return all(COMPARED[name](moment, bound) for name, bound in wanted.items())
