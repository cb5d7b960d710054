"""What web processes know of each other's streams."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from arena.live.keeper import Keeper
from arena.live.processes import has_died, identity


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


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        yield started


def kill(process: subprocess.Popen[bytes]) -> None:
    """Its parent, which is this process, does not take note of it."""
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


async def test_what_a_dead_process_wrote_is_free_at_once(
    keepers: tuple[Keeper, Keeper], process: subprocess.Popen[bytes]
) -> None:
    one, other = keepers
    theirs = Keeper("theirs", process.pid)
    await one.claim([1])
    await theirs.claim([2])
    assert await other.owned([1, 2]) == {1, 2}
    kill(process)
    assert await other.owned([1, 2]) == {1}
    assert await other.claim([1, 2]) == {2}
    assert await one.owned([1, 2]) == {1, 2}
    await theirs.close()


def test_only_a_process_of_this_machine_is_known_to_have_died() -> None:
    mine = identity(os.getpid())
    machine = mine.rpartition("/")[0]
    gone = f"{machine}/{2**22 + 1}"  # above what Linux hands out
    assert [has_died(who) for who in (mine, gone, "elsewhere/1", "", "name")] == [
        False,
        True,
        False,
        False,
        False,
    ]
