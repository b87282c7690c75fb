"""What holds for masking whatever a job sends."""

from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.masking import KINDS, MASKED, NAMES, mask, mask_text
from tests.domain.test_masking import SECRETS

PIECES = [
    *(mark for mark, _ in KINDS),
    *(name for name, _ in NAMES),
    *(secret.encode() for secret in SECRETS),
    *(b"password", b"--password ", b"api_key", b"=", b": ", b" ", b"\n", b'"', b"'", b"\\", b","),
    *(b"bearer ", b"</", b">", b"@", b"://a:b@c", b"a1B2c3D4e5", b"[masked]", b"[", b"]", b"none"),
    *(b":\n  ", b"|\n\t", b"_pass", b'"pass"', b"://a:b/c@d", b"/", b"key"),
    *(b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----", b"-----BEGIN ", b"\xc3\xa4"),
]
around = st.text(st.characters(exclude_characters="=:", exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=25).map(b"".join))
def test_what_was_masked_stays_as_it_is(data: bytes) -> None:
    once, _ = mask(data)

    assert mask(once) == (once, 0)


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=25).map(b"".join))
def test_what_is_not_masked_stays_byte_by_byte(data: bytes) -> None:
    masked, count = mask(data)
    rest = data

    for part in masked.split(MASKED):
        assert part in rest
        rest = rest[rest.index(part) + len(part) :]
    assert masked.count(MASKED) - data.count(MASKED) <= count


@given(st.lists(st.tuples(around, st.sampled_from(SECRETS)), max_size=5), around)
def test_every_secret_in_any_text_is_masked(parts: list[tuple[str, str]], end: str) -> None:
    text = "".join(f"{before} {secret} " for before, secret in parts) + end

    masked, count = mask_text(text)

    assert masked == "".join(f"{before} [masked] " for before, _ in parts) + end
    assert count == len(parts)


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    assert mask_text(text) == (text, 0) or "[masked]" in mask_text(text)[0]


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(data: bytes) -> None:
    masked, count = mask(data)

    assert (masked == data) == (count == 0)
