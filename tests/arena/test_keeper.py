"""What web processes know of each other's streams."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from arena.live.keeper import Keeper


@pytest.fixture
async def keepers() -> AsyncIterator[tuple[Keeper, Keeper]]:
    one, other = Keeper("one"), Keeper("other")
    yield one, other
    await one.close()
    await other.close()


async def test_a_response_belongs_to_the_first_that_claims_it(
    keepers: tuple[Keeper, Keeper],
) -> None:
    one, other = keepers
    assert await one.claim([1, 2]) == {1, 2}
    assert await other.claim([2, 3]) == {3}
    assert await one.claim([1, 2, 3]) == {1, 2}  # said once more, as by the beat
    assert await other.owned([1, 2, 3, 4]) == {1, 2, 3}


async def test_what_is_released_is_free_and_a_late_beat_does_not_take_it_back(
    keepers: tuple[Keeper, Keeper],
) -> None:
    one, other = keepers
    await one.claim([1])
    await one.keep({1: "text"})
    assert await one.beat([1]) == set()
    await one.release([1])
    assert await one.beat([1]) == {1}
    assert await other.owned([1]) == set()
    assert await other.texts([1]) == {1: ""}


async def test_texts_are_shared(keepers: tuple[Keeper, Keeper]) -> None:
    one, other = keepers
    await one.keep({1: "grüße 😀"})
    assert await other.texts([1, 2]) == {1: "grüße 😀", 2: ""}
    assert await other.texts([]) == {}


async def test_hundreds_that_ask_at_once_all_get_an_answer(
    keepers: tuple[Keeper, Keeper], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = keepers
    claimed = await asyncio.gather(*[one.claim([pk]) for pk in range(300)])
    assert claimed == [{pk} for pk in range(300)]
    assert await other.owned(range(300)) == set(range(300))
    assert "cannot be reached" not in caplog.text
