"""Secrets in what jobs send."""

import pytest

from earlywatch.domain.masking import mask, mask_text

# Put together here, so that no scanner takes them for real ones.
LONG = "a1B2c3D4" * 5
SECRETS = [
    "AKIA" + "ABCD" * 4,
    "ASIA" + "1234" * 4,
    *(f"gh{letter}_" + LONG for letter in "pousr"),
    "github" + "_pat_" + LONG,
    "glpat" + "-" + LONG[:20],
    "xox" + "b-1234567890-" + LONG,
    "xox" + "p-1234567890-" + LONG,
    "xapp" + "-1-" + LONG,
    "sk" + "_live_" + LONG,
    "rk" + "_live_" + LONG,
    "sk" + "_test_" + LONG,
    "whsec" + "_" + LONG,
    "eyJ" + "hbGciOiJIUzI1NiJ9." + "eyJ" + "zdWIiOiIxIn0." + LONG,
    "AIza" + LONG[:35],
    "npm" + "_" + LONG[:36],
    "pypi" + "-AgEI" + LONG,
    "SG" + "." + LONG[:22] + "." + LONG,
    "sk" + "-proj-" + LONG,
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_that_is_known_by_its_beginning_is_masked(secret: str) -> None:
    line = f"upload with {secret} failed\nnext line"

    assert mask_text(line) == ("upload with [masked] failed\nnext line", 1)
    assert mask_text(f'key "{secret}", done') == ('key "[masked]", done', 1)


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("password=hunter2", "password=[masked]"),
        ("passwd: hunter2", "passwd: [masked]"),
        ("DB_PASS=hunter2", "DB_PASS=[masked]"),
        ("PGPASSWORD=a,b psql -h db", "PGPASSWORD=[masked] psql -h db"),
        ("MYSQL_PWD=hunter2 mysqldump x", "MYSQL_PWD=[masked] mysqldump x"),
        ('{"token": "ab cd", "n": 1}', '{"token": "[masked]", "n": 1}'),
        (r'{"password": "ab\"cd", "n": 1}', '{"password": "[masked]", "n": 1}'),
        (r'"{\"password\":\"hunter2\",\"n\":1}"', r'"{\"password\":\"[masked]\",\"n\":1}"'),
        ("'secret' => 'ab cd'", "'secret' => '[masked]'"),
        ("client_secret := hunter2", "client_secret := [masked]"),
        ("api_key=hunter2&user=x", "api_key=[masked]&user=x"),
        ("X-Api-Key: hunter2", "X-Api-Key: [masked]"),
        ("?access_token=hunter2#top", "?access_token=[masked]"),
        ("Authorization: Bearer ab.cd", "Authorization: Bearer [masked]"),
        ("-H 'authorization: Basic YWI6Y2Q='", "-H 'authorization: Basic [masked]'"),
        ("aws_secret_access_key = ab/cd+ef", "aws_secret_access_key = [masked]"),
        ("mysqldump --password=hunter2 db", "mysqldump --password=[masked] db"),
        ("tool --db-password hunter2 --all", "tool --db-password [masked] --all"),
        ("Server=x;Password=hunter2;User=y", "Server=x;Password=[masked];User=y"),
        ("host=x,password=hunter2,user=y", "host=x,password=[masked],user=y"),
        ("Config{password=hunter2, user=y}", "Config{password=[masked], user=y}"),
        ("login(password='hunter2')", "login(password='[masked]')"),
        ("<password>hunter2</password>", "<password>[masked]</password>"),
        ("params[password]=hunter2", "params[password]=[masked]"),
        ('password="cut in the mid', 'password="[masked]'),
        ("DB_PASS: hunter2", "DB_PASS: [masked]"),
        ('{"pass": "hunter2", "n": 1}', '{"pass": "[masked]", "n": 1}'),
        ("password:\n  hunter2\nuser: x", "password:\n  [masked]\nuser: x"),
        ("password: |\r\n\thunter2\r\n", "password: |\r\n\t[masked]\r\n"),
        ('"password":\n  "hun ter2"', '"password":\n  "[masked]"'),
    ],
)
def test_the_value_after_a_name_is_masked_and_the_name_stays(line: str, masked: str) -> None:
    assert mask_text(line) == (masked, 1)


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("postgres://app:hunter2@db/x", "postgres://app:[masked]@db/x"),
        ("redis://:hunter2@db:6379/0", "redis://:[masked]@db:6379/0"),
        ("postgres://app:p@ss:word@db/x", "postgres://app:[masked]@db/x"),
        ("amqp://app:hun/ter/2@db/x", "amqp://app:[masked]@db/x"),
        ("http://app:hunter2@db/a/@b", "http://app:[masked]@db/a/@b"),
        (
            "https://hooks.slack.com/services/T1/B2/" + LONG,
            "https://hooks.slack.com/services/[masked]",
        ),
    ],
)
def test_only_the_secret_of_an_address_is_masked(address: str, masked: str) -> None:
    assert mask_text(f"to {address} now") == (f"to {masked} now", 1)


def test_a_private_key_is_masked_between_its_lines() -> None:
    for label in ("PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"):
        begin, end = f"-----BEGIN {label}-----", f"-----END {label}-----"

        masked = mask_text(f"a\n{begin}\nMIIE\nabcd\n{end}\nb")

        assert masked == (f"a\n{begin}\n[masked]\n{end}\nb", 1)


def test_a_private_key_without_an_end_is_masked_to_the_end() -> None:
    begin = "-----BEGIN " + "EC PRIVATE KEY-----"

    assert mask_text(f"{begin}\nMIIE\n\nabcd\n") == (f"{begin}\n[masked]\n", 1)


def test_a_block_within_a_block_is_masked_with_it() -> None:
    begin, end = "-----BEGIN " + "PRIVATE KEY-----\n", "-----END " + "PRIVATE KEY-----\n"

    masked = mask_text(f"{begin}{begin}MIIE\n{end}{begin}[masked]\n{begin}MIIE\n{end}")

    assert masked == (f"{begin}[masked]\n{end}{begin}[masked]\n{begin}[masked]\n{end}", 2)


@pytest.mark.parametrize(
    "unit", ["-----BEGIN " + "PRIVATE KEY-----\n" + rest for rest in ("", "[masked]", "a")]
)
def test_blocks_that_never_end_cost_no_more_than_their_length(unit: str) -> None:
    data = unit.encode() * (400_000 // len(unit))

    once, _ = mask(data)

    assert mask(once) == (once, 0)


def test_several_secrets_are_counted() -> None:
    text = f"password=a\nurl ftp://me:you@host\n{SECRETS[0]} {SECRETS[2]}"

    assert mask_text(text) == (
        "password=[masked]\nurl ftp://me:[masked]@host\n[masked] [masked]",
        4,
    )


def test_a_secret_that_is_known_in_two_ways_counts_once() -> None:
    assert mask_text(f"GITHUB_TOKEN={SECRETS[2]}") == ("GITHUB_TOKEN=[masked]", 1)


@pytest.mark.parametrize(
    "line",
    [
        "token bucket is full",
        "api key: present",
        "Password: correct",
        "tests_pass: 12, tests_fail: 3",
        '{"pass": true, "fail": 3}',
        "password:\n  it was reset by its owner",
        "password:\n  valueFrom:\n    name: x",
        "password changed for bob",
        "the password is required; set --password to use it",
        "Enter password: \nok",
        "secret: none",
        "password=",
        'password=""',
        "password=$DB_PASSWORD",
        "password: ${PASSWORD}",
        "password: ********",
        "token = null",
        "max_token: 4096, tokens: 128000",
        "secretName: db-credentials",
        'the "token": {"id": 1}',
        "PWD=/home/bob OLDPWD=/root",
        "pass: 12, fail: 3",
        "Token::new(x)",
        "primary key = 3; foreign_key=4; keyboard: us",
        "monkey=3",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "ping 550e8400-e29b-41d4-a716-446655440000 OK",
        "sha256:" + "e3b0c44298fc1c14" * 4,
        "https://example.org:8080/a@b?c=d",
        "http://[2001:db8::1]:8080/a@b",
        "http://example.org:/a@b",
        "ssh://git@example.org:22/x and git@example.org:a/b",
        "2026-11-20 06:17:00 http://a/b mail to ops@example.org",
        "sk-learn-is-a-nice-library-of-things",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----",
    ],
)
def test_a_harmless_line_stays(line: str) -> None:
    assert mask_text(line) == (line, 0)


def test_bytes_that_are_no_text_stay_around_a_secret() -> None:
    assert mask(b"\xff\0password=a\0b\xfe\nrest\x80") == (b"\xff\0password=[masked]\nrest\x80", 1)


def test_nothing_is_nothing() -> None:
    assert mask(b"") == (b"", 0)
