"""Networks that pings may come from, as people type them."""

import pytest

from earlywatch.domain.monitor import InvalidMonitor
from earlywatch.domain.networks import clean_networks, short_network


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", ()),
        ("10.0.0.0/8", ("10.0.0.0/8",)),
        ("203.0.113.7\n 2001:DB8::1 ,10.0.0.0/8",
         ("203.0.113.7/32", "2001:db8::1/128", "10.0.0.0/8")),
        ("2001:db8:0:0::/32 2001:db8::/32", ("2001:db8::/32",)),
        ("192.0.2.0/255.255.255.0", ("192.0.2.0/24",)),
        ("0.0.0.0/0", ("0.0.0.0/0",)),
    ],
)  # fmt: skip
def test_addresses_and_networks_are_kept_as_cidr_each_once(
    text: str, networks: tuple[str, ...]
) -> None:
    assert clean_networks(text) == networks
    assert clean_networks(" ".join(networks)) == networks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("office", '"office" is not a network. Write an address'),
        ("10.0.0.0/33", "is not a network"),
        ("010.0.0.1", "is not a network"),
        ("10.0.0.0/8/8", "is not a network"),
        ("1\N{FULLWIDTH DIGIT ONE}.0.0.1", "is not a network"),
        ("10.1.2.3/8", 'Write "10.0.0.0/8".'),
        ("2001:db8::1/32", 'Write "2001:db8::/32".'),
        ("fe80::1%eth0", "names an interface"),
        ("::ffff:10.0.0.1", "Write it as IPv4."),
        ("z" * 5000, "z…"),
        (" ".join(f"10.0.0.{last}" for last in range(51)), "At most 50 networks"),
    ],
)
def test_what_is_no_network_is_refused_with_a_short_sentence(text: str, words: str) -> None:
    with pytest.raises(InvalidMonitor) as refused:
        clean_networks(text)

    assert words in str(refused.value)
    assert len(str(refused.value)) < 200


def test_a_single_address_is_shown_without_its_length() -> None:
    shown = [short_network(each) for each in ("203.0.113.7/32", "2001:db8::1/128", "10.0.0.0/8")]

    assert shown == ["203.0.113.7", "2001:db8::1", "10.0.0.0/8"]
