"""Which doors to the outside an installation has, by its settings."""

from pathlib import Path
from typing import Any

import pytest

from earlywatch.app import make_doors
from earlywatch.channels.registry import Doors
from earlywatch.config import Settings

TWILIO = {
    "twilio_account_sid": "AC1",
    "twilio_auth_token": "token",
    "twilio_from": "+15005550006",
    "base_url": "https://earlywatch.test",
}


def doors(directory: Path, **values: Any) -> Doors:
    return make_doors(Settings.model_validate({"earlywatch_data_dir": directory, **values}))


def test_without_twilio_nobody_is_called_or_sent_a_text(tmp_path: Path) -> None:
    opened = doors(tmp_path)

    assert (opened.sms, opened.voice) == (None, None)


@pytest.mark.parametrize(("sender", "calls"), [("+15005550006", True), ("MG1", False)])
def test_a_messaging_service_sends_texts_and_calls_nobody(
    sender: str, calls: bool, tmp_path: Path
) -> None:
    opened = doors(tmp_path, **{**TWILIO, "twilio_from": sender})

    assert opened.sms is not None
    assert (opened.voice is not None) is calls


@pytest.mark.parametrize(
    ("base_url", "digit_url"),
    [
        ("https://earlywatch.test", "https://earlywatch.test/webhooks/twilio/digit/1.2.abc"),
        ("http://earlywatch.test", None),
        ("", None),
    ],
)
def test_twilio_is_told_of_us_only_where_it_may_reach_us(
    base_url: str, digit_url: str | None, tmp_path: Path
) -> None:
    opened = doors(tmp_path, **{**TWILIO, "base_url": base_url})

    assert opened.voice is not None
    assert opened.voice.digit_url("1.2.abc") == digit_url
