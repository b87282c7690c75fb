"""Reading addresses as proxies write them."""

import pytest

from earlywatch.domain.address import find_address, read_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        (" 203.0.113.9:4711 ", "203.0.113.9"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("[2001:DB8::1]:4711", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::FFFF:203.0.113.9]:4711", "203.0.113.9"),
        ("", None),
        ("unknown", None),
        ("203.0.113.9.7", None),
        ("\0", None),
    ],
)
def test_every_way_to_write_an_address_is_one_address(text: str, address: str | None) -> None:
    assert read_address(text) == address


def test_an_address_to_reckon_with_is_ipv4_where_it_only_looks_like_ipv6() -> None:
    assert str(find_address("::ffff:203.0.113.9")) == "203.0.113.9"
    assert str(find_address("2001:db8::1")) == "2001:db8::1"
    assert find_address("unknown") is None
