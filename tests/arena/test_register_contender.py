"""A new contender."""

from typing import Any

import pytest

from arena.errors import Invalid
from arena.services import register_contender


def test_it_gets_a_slug_of_its_own(db: None) -> None:
    first = register_contender(name="Best of 8", model="runs/7")
    second = register_contender(name="Best of 8", model="runs/8")
    assert (first.slug, second.slug) == ("best-of-8", "best-of-8-2")
    assert (first.backend, first.active, first.version) == ("local", True, 1)


def test_a_child_is_its_parents_next_version(db: None) -> None:
    parent = register_contender(name="Smol", model="a")
    child = register_contender(
        name="Smol tuned", model="b", parent=parent, system_prompt="Be kind.", temperature=0.2
    )
    assert (child.parent, child.version) == (parent, 2)
    assert (child.system_prompt, child.temperature) == ("Be kind.", 0.2)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"backend": "carrier-pigeon"}, "choose one of local, openai"),
        ({"temperature": 3.0}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"api_key_env": "sk-1234"}, "NAME of an environment variable"),
        ({"base_url": "not a url"}, "base_url"),
        ({"name": ""}, "name"),
    ],
)
def test_values_that_do_not_fit_are_named(db: None, fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        register_contender(**{"name": "X", "model": "m", **fields})
