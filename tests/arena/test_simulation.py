"""Simulated raters: what they like, how they vote, and a crowd of them in the running arena."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from random import Random

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from arena.models import ApiToken, Battle, Placement, Population, Reaction, Vote
from arena.selectors import decided_votes
from arena.services import create_token
from arena.simulation import (
    PREFERENCES,
    Outcome,
    Simulation,
    find_preference,
    noisy_ranks,
    noisy_thumbs,
    preferred_ranks,
    raters,
    simulate,
)
from tests.browser.conftest import LiveArena

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [
        ("concise", "Yes.", "Yes, it is, as far as I can see."),
        ("detailed", "Yes, it is, as far as I can see.", "Yes."),
        ("lists", "Buy:\n- milk\n- bread\n3. eggs", "Buy milk - bread - and 3 eggs."),
        ("polite", "Of course, I am happy to help. Thank you!", "Do it yourself, then."),
        ("simple_words", "We go to the sea.", "Peregrinations necessitate preparation."),
    ],
)
def test_a_preference_likes_what_its_name_says(name: str, better: str, worse: str) -> None:
    preference = PREFERENCES[name]
    assert preference("Well?", better) > preference("Well?", worse)


@pytest.mark.parametrize("name", PREFERENCES)
def test_no_preference_likes_an_answer_without_words(name: str) -> None:
    preference = PREFERENCES[name]
    assert preference("Well?", " \n-\n") < preference("Well?", "Incomprehensibilities.")


def test_a_preference_may_be_any_function() -> None:
    assert find_preference("arena.simulation:polite") is PREFERENCES["polite"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("rude", "concise, detailed, lists, polite, simple_words, or module:function"),
        ("no.such:function", "cannot be loaded"),
        ("arena.simulation:rude", "cannot be loaded"),
        ("arena.models:POSITIONS", "is not a function"),
        (":", "cannot be loaded"),
    ],
)
def test_an_unknown_preference_is_refused_with_what_to_say(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        find_preference(name)


def test_ranks_follow_the_utilities_and_ties_share() -> None:
    assert preferred_ranks([2.0, 3.0]) == [2, 1]
    assert preferred_ranks([5.0, 1.0, 5.0]) == [1, 3, 1]
    with pytest.raises(ValueError, match="NaN"):
        preferred_ranks([1.0, float("nan")])


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=3), st.integers())
def test_a_consistent_rater_votes_as_it_prefers(utilities: list[float], seed: int) -> None:
    assert noisy_ranks(utilities, 1.0, Random(seed)) == preferred_ranks(utilities)


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=3), st.integers())
def test_an_inconsistent_rater_never_does(utilities: list[float], seed: int) -> None:
    ranks = noisy_ranks(utilities, 0.0, Random(seed))
    assert ranks != preferred_ranks(utilities)
    assert sorted(ranks) == list(range(1, len(utilities) + 1))


def test_noise_is_as_frequent_as_stated_and_even_among_the_other_orders() -> None:
    chance = Random(5)
    drawn = Counter(tuple(noisy_ranks([3.0, 2.0, 1.0], 0.7, chance)) for _ in range(10_000))
    assert drawn[1, 2, 3] / 10_000 == pytest.approx(0.7, abs=0.02)
    others = [count for ranks, count in drawn.items() if ranks != (1, 2, 3)]
    assert len(others) == 5
    assert min(others) > 0.8 * max(others)


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=3), st.integers())
def test_thumbs_point_up_for_the_best_and_down_for_the_worst(
    utilities: list[float], seed: int
) -> None:
    best, worst = max(utilities), min(utilities)
    liked = [(one == best) - (one == worst) for one in utilities]
    assert noisy_thumbs(utilities, 1.0, 1.0, Random(seed)) == liked
    assert noisy_thumbs(utilities, 0.0, 1.0, Random(seed)) == [-one for one in liked]
    assert not any(noisy_thumbs(utilities, 1.0, 0.0, Random(seed)))


def test_thumbs_are_as_frequent_and_as_noisy_as_stated() -> None:
    chance = Random(5)
    drawn = [noisy_thumbs([2.0, 1.0], 0.8, 0.3, chance) for _ in range(10_000)]
    given_first = Counter(first for first, _ in drawn)
    assert given_first[0] / 10_000 == pytest.approx(0.7, abs=0.02)
    assert given_first[1] / (given_first[1] + given_first[-1]) == pytest.approx(0.8, abs=0.03)


def test_the_share_of_thumbs_leaves_the_dice_as_they_are() -> None:
    few, many = Random(5), Random(5)
    noisy_thumbs([2.0, 1.0], 0.8, 0.0, few)
    noisy_thumbs([2.0, 1.0], 0.8, 1.0, many)
    assert few.random() == many.random()


@pytest.fixture
def arena(transactional_db: None) -> Iterator[LiveArena]:
    live = LiveArena()
    live.start()
    yield live
    live.stop()


def run(arena: LiveArena, *args: str) -> str:
    out = StringIO()
    call_command("simulate_raters", "--url", arena.url, *args, stdout=out, stderr=StringIO())
    return out.getvalue()


def winners() -> Counter[str]:
    return Counter(Placement.objects.filter(rank=1).values_list("contender__model", flat=True))


@pytest.mark.slow
def test_a_crowd_votes_as_it_prefers_and_is_marked_as_simulated(arena: LiveArena) -> None:
    arena.add("markdown", "whole")
    said = run(arena, "--votes", "8", "--preference", "detailed", "--consistency", "1")
    assert "8 votes and 0 failures" in said
    assert "Contender One of markdown: first in 8 of 8 battles (100%)" in said
    assert winners() == {"markdown": 8}
    assert set(Battle.objects.values_list("population", flat=True)) == {Population.SIMULATED}
    assert list(decided_votes(Population.PEOPLE)) == []
    assert len(list(decided_votes(Population.SIMULATED))) == 8


def thumbs() -> list[tuple[int, int]]:
    """The number of the battle and the value of each thumb."""
    battles = list(Battle.objects.order_by("created_at").values_list("pk", flat=True))
    told = Reaction.objects.values_list("response__turn__battle", "value")
    return sorted((battles.index(battle), value) for battle, value in told)


@pytest.mark.slow
def test_a_crowd_gives_thumbs_the_same_ones_for_the_same_seed(arena: LiveArena) -> None:
    arena.add("markdown", "whole")
    said = ["--preference", "detailed", "--consistency", "1", "--seed", "3", "--concurrency", "1"]
    out = run(arena, "--votes", "6", "--thumbs", "1", *said)
    assert "6 thumbs up and 6 down." in out
    by_model = Reaction.objects.values_list("response__placement__contender__model", "value")
    assert set(by_model) == {("markdown", 1), ("whole", -1)}
    given_by_seed = []
    for _ in range(2):
        Battle.objects.all().delete()
        run(arena, "--votes", "6", "--thumbs", "0.5", *said)
        given_by_seed.append([battle for battle, _ in thumbs()])
    assert given_by_seed[0] == given_by_seed[1]
    assert 0 < len(given_by_seed[0]) < 12
    Battle.objects.all().delete()
    run(arena, "--votes", "1", "--thumbs", "0", *said)
    assert not Reaction.objects.exists()


@pytest.mark.slow
def test_a_crowd_ranks_three(arena: LiveArena) -> None:
    arena.add("markdown", "whole", "half")
    run(arena, "--votes", "4", "--size", "3", "--preference", "detailed", "--consistency", "1")
    ranks = {
        tuple(
            Placement.objects.filter(battle=battle)
            .order_by("contender__model")
            .values_list("contender__model", "rank")
        )
        for battle in Battle.objects.all()
    }
    assert ranks == {(("half", 3), ("markdown", 1), ("whole", 2))}


@pytest.mark.slow
def test_the_token_that_it_makes_is_gone_afterwards(arena: LiveArena) -> None:
    arena.add("markdown", "whole")
    run(arena, "--votes", "1")
    assert not ApiToken.objects.exists()
    assert not get_user_model().objects.get(username="simulator").has_usable_password()


@pytest.mark.slow
def test_it_gives_up_when_battle_after_battle_fails(arena: LiveArena) -> None:
    arena.add("whole", "error-500")
    with pytest.raises(CommandError, match="10 battles in a row failed"):
        run(arena, "--votes", "3", "--concurrency", "5")
    assert not Vote.objects.exists()


@pytest.mark.slow
def test_too_few_contenders_and_a_wrong_token_are_said(arena: LiveArena) -> None:
    with pytest.raises(CommandError, match="needs 2 active contenders"):
        run(arena, "--votes", "1")
    with pytest.raises(CommandError, match="token is not valid"):
        run(arena, "--votes", "1", "--token", "arena_nobody")


@pytest.mark.django_db
def test_an_arena_that_is_not_running_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(CommandError, match=f"Nothing answers at {url}. Start the arena"):
        call_command(
            "simulate_raters", "--votes", "2", "--url", url, stdout=StringIO(), stderr=StringIO()
        )


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--votes", "0"], "'0' is not a whole number from 1"),
        (["--votes", "many"], "'many' is not a whole number"),
        (["--votes", "1", "--size", "4"], "invalid choice: 4"),
        (["--votes", "1", "--consistency", "1.1"], "'1.1' is not a number from 0 to 1"),
        (["--votes", "1", "--thumbs", "2"], "'2' is not a number from 0 to 1"),
        (["--votes", "1", "--consistency", "nan"], "'nan' is not a number from 0 to 1"),
        (["--votes", "1", "--preference", "rude"], "Unknown preference 'rude'"),
        (["--votes", "1", "--url", "arena"], "'arena' is not an address"),
    ],
)
def test_wrong_options_are_refused(args: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        call_command("simulate_raters", *args)


@pytest.mark.slow
def test_ctrl_c_ends_it_with_the_summary(arena: LiveArena) -> None:
    arena.add("markdown", "whole")
    token = create_token(user=get_user_model().objects.create_user("someone"))
    command = [sys.executable, "manage.py", "simulate_raters", "--votes", "100000"]
    # A job in the background of a script ignores it, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*command, "--url", arena.url, "--token", token],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while not Vote.objects.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "votes and" in out
    assert "Stopped." in err
    assert "Traceback" not in err


async def test_it_ends_though_a_rater_loses_its_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = asyncio.Event()

    async def stubborn(self: object, numbers: Iterator[int]) -> None:
        begun.set()
        with suppress(asyncio.CancelledError):  # as a time-out in the same moment does
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    monkeypatch.setattr(raters, "CANCEL_AGAIN_S", 0.01)
    monkeypatch.setattr(raters._Rater, "vote_on", stubborn)
    simulation = Simulation(
        url="http://127.0.0.1:9", token="", prompts=["Why?"], preference=find_preference("concise"),
        votes=3,
    )  # fmt: skip
    going = asyncio.create_task(simulate(simulation, Outcome()))
    await begun.wait()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(going, 5)
