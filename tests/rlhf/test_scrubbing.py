"""What is replaced in texts, and what looks like it and stays."""

import pytest

from rlhf.exporting.scrubbing import Scrubber

KEY = "sk-proj-" + "a1B2" * 8


def scrubbed(text: str) -> str:
    return Scrubber({})(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mail zoe@example.org now.", "Mail [EMAIL] now."),
        ("<first.last+tag@mail.example.co.uk>", "<[EMAIL]>"),
        ("mailto:a@b.io, c_d@e-f.com", "mailto:[EMAIL], [EMAIL]"),
        ("Ring +49 30 1234567 or +1 415 555 0123.", "Ring [PHONE] or [PHONE]."),
        ("tel. (415) 555-0123", "tel. [PHONE]"),
        ("call 415-555-2671 today", "call [PHONE] today"),
        ("Telefon 030 12345678 oder 0171/1234567", "Telefon [PHONE] oder [PHONE]"),
        ("+44 (0)20 7946 0958", "[PHONE]"),
        ("0049 89 1234567", "[PHONE]"),
        (f"export OPENAI={KEY}", "export OPENAI=[KEY]"),
        ("ghp_" + "Ab1" * 12, "[KEY]"),
        ("AKIAIOSFODNN7EXAMPLE is one", "[KEY] is one"),
        ("hf_" + "aB" * 17, "[KEY]"),
        ('api_key = "s3cr3t-v4lue"', 'api_key = "[KEY]"'),
        ("password: hunter2hunter2", "password: [KEY]"),
        ("Authorization: Bearer abc123.def456", "Authorization: Bearer [KEY]"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nend",
            "[KEY]\nend",
        ),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4", "[KEY]"),
    ],
)
def test_what_names_or_unlocks_is_replaced(text: str, expected: str) -> None:
    assert scrubbed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Use @dataclass and x @ y in Python.",
        "root@localhost and git@host:path",
        "a@b",
        "version 1.2.3.4 of 2026-01-31, 10:30:15",
        "192.168.100.200 and 2001:db8::1",
        "31.12.2026, 12/31/2026, 1999-2026",
        "It costs $1,234,567.89 or 1 234 567 euros.",
        "pi is 3.14159265358979, e is 2.718281828459045",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "id 550e8400-e29b-41d4-a716-446655440000",
        "ISBN 978-3-16-148410-0",
        "123-456 = -333 and 415-555-0123/2",
        "x = 0171 1234567890123456",
        "1000000000000, 20260131123456",
        "0.123 45678 and 0 12 345",
        "3-4-5 triangle, 555-0123",
        "import sk_learn; sk-learn is a skill",
        "The password: please choose one.",
        "password = getpass()",
        "Bearer of bad news",
        "the api_key argument is required",
        "Room 030 on floor 12",
        "def f(a, b): return a**2 + b**2",
    ],
)
def test_look_alikes_stay(text: str) -> None:
    assert scrubbed(text) == text


def test_replacements_are_counted_by_kind() -> None:
    counts: dict[str, int] = {}
    scrub = Scrubber(counts)
    scrub(f"a@example.org, b@example.org, +49 30 1234567, {KEY}")
    scrub("nothing here")
    assert counts == {"email": 2, "phone": 1, "key": 1}


def test_scrubbing_twice_changes_nothing_more() -> None:
    once = scrubbed(f'a@example.org +49 30 1234567 {KEY} password="hunter2hunter2"')
    assert scrubbed(once) == once
