"""Reading what other sides answer."""

import json
from typing import Any

from earlywatch.clients.http import Answer


def fields(answer: Answer) -> dict[str, Any]:
    """Return the JSON object that an answer is; an empty one if it is something else."""
    try:
        said = json.loads(answer.text)
    except (ValueError, RecursionError):  # brackets without end
        return {}
    return said if isinstance(said, dict) else {}
