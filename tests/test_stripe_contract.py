"""`make test-stripe` speaks to Stripe's test mode alone."""

import pytest

from tests.stripe_contract.__main__ import main


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("", "Set TEST_STRIPE_SECRET_KEY to the secret key of a Stripe test account"),
        ("sk_live_earlywatch", "must begin with sk_test_: these tests move money."),
        ("rk_test_earlywatch", "must begin with sk_test_: these tests move money."),
    ],
)
def test_any_other_key_is_refused_with_a_sentence(
    capsys: pytest.CaptureFixture[str], key: str, sentence: str
) -> None:
    assert main(key) == 1
    assert sentence in capsys.readouterr().err
