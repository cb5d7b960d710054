"""One vote a battle: what it needs, what it leaves, and how it is taken out of the count."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client

from arena import pages, services
from arena.errors import ArenaError, Conflict, Invalid
from arena.models import Battle, Contender, Placement, Rater, Response, Vote
from arena.selectors import battle_state, decided_votes, reveal
from arena.signals import vote_cast, vote_excluded, vote_restored


def make_battle(
    *texts: str | None, mode: str = Battle.Mode.ANONYMOUS, prompt: str = "Say it"
) -> Battle:
    """A battle whose responses are finished with these texts; None for one that failed."""
    while Contender.objects.count() < len(texts):
        number = Contender.objects.count()
        Contender.objects.create(slug=f"c{number}", name=f"C{number}", model="m")
    slugs = list(Contender.objects.values_list("slug", flat=True)[: len(texts)])
    battle = services.start_battle(
        rater=Rater.objects.create(),
        prompt=prompt,
        size=len(texts),
        mode=mode,
        contenders=None if mode == Battle.Mode.ANONYMOUS else slugs,
    )
    for position, text in enumerate(texts):
        Response.objects.filter(turn__battle=battle, placement__position=position).update(
            state=Response.State.ERROR if text is None else Response.State.DONE, text=text or ""
        )
    return battle


@pytest.fixture
def told() -> Iterator[list[tuple[str, list[Any]]]]:
    """What the signals said."""
    heard: list[tuple[str, list[Any]]] = []
    receivers = []
    for name, signal in [("cast", vote_cast), ("out", vote_excluded), ("in", vote_restored)]:

        def receive(votes: Any, name: str = name, **_: Any) -> None:
            heard.append((name, list(votes)))

        signal.connect(receive)
        receivers.append((signal, receive))
    yield heard
    for signal, receiver in receivers:
        signal.disconnect(receiver)


@pytest.mark.parametrize("reasons", [["x" * 61], ["x"] * 11, "clear"])
def test_odd_reasons_are_refused_and_the_battle_stays_open(db: None, reasons: Any) -> None:
    battle = make_battle("one", "two")
    with pytest.raises(Invalid, match="reasons"):
        services.cast_vote(battle=battle, ranks=[1, 2], reasons=reasons)
    battle.refresh_from_db()
    assert battle.state == Battle.State.OPEN


def test_a_vote_is_kept_with_its_ranks(db: None, told: list[Any]) -> None:
    battle = make_battle("one", "two", "three")
    vote = services.cast_vote(battle=battle, ranks=[3, 1, 1], comment="  yes\x00 ")
    battle.refresh_from_db()
    assert battle.state == Battle.State.VOTED
    assert (vote.counted, vote.all_bad, vote.comment) == (True, False, "yes")
    ranks = battle.placements.values_list("rank", flat=True)
    assert list(ranks) == [3, 1, 1]
    ((name, votes),) = told
    assert name == "cast"
    assert votes == list(decided_votes(texts=True))
    assert votes[0].ranks == (3, 1, 1)


def test_what_receivers_say_of_elo_is_shown_at_the_reveal(db: None) -> None:
    battle = make_battle("one", "two")
    first, second = (p.contender_id for p in battle.placements.all())

    def rate(votes: Any, **_: Any) -> dict[Any, Any]:
        return {
            (battle.pk, first): (1000.0, 1016.0),
            (battle.pk, second): (1000.0, 984.0),
        }

    vote_cast.connect(rate)
    try:
        services.cast_vote(battle=battle, ranks=[1, 2])
    finally:
        vote_cast.disconnect(rate)
    shown = reveal(battle)
    assert shown is not None
    assert [(place["elo_before"], place["elo_after"]) for place in shown] == [
        (1000.0, 1016.0),
        (1000.0, 984.0),
    ]


def test_a_receiver_that_fails_leaves_no_vote(db: None) -> None:
    battle = make_battle("one", "two")

    def fail(**_: Any) -> None:
        raise RuntimeError("no")

    vote_cast.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            services.cast_vote(battle=battle, ranks=[1, 2])
    finally:
        vote_cast.disconnect(fail)
    battle.refresh_from_db()
    assert battle.state == Battle.State.OPEN
    assert not Vote.objects.exists()


def test_all_bad_is_a_tie_of_everybody(db: None) -> None:
    vote = services.cast_vote(battle=make_battle("one", "two"), ranks=[1, 1], all_bad=True)
    assert vote.all_bad
    with pytest.raises(Invalid):
        services.cast_vote(battle=make_battle("one", "two"), ranks=[1, 2], all_bad=True)


@pytest.mark.parametrize("ranks", [[1], [1, 2, 3], [2, 2], [0, 1], []])
def test_odd_ranks_change_nothing(db: None, ranks: list[int], told: list[Any]) -> None:
    battle = make_battle("one", "two")
    with pytest.raises(Invalid):
        services.cast_vote(battle=battle, ranks=ranks)
    battle.refresh_from_db()
    assert battle.state == Battle.State.OPEN
    assert told == []


def test_a_second_vote_is_a_conflict(db: None) -> None:
    battle = make_battle("one", "two")
    services.cast_vote(battle=battle, ranks=[1, 2])
    with pytest.raises(Conflict, match="already"):
        services.cast_vote(battle=battle, ranks=[2, 1])
    assert list(battle.placements.values_list("rank", flat=True)) == [1, 2]


def test_an_answer_that_failed_cannot_be_compared(db: None) -> None:
    with pytest.raises(Conflict, match="two answers"):
        services.cast_vote(battle=make_battle("one", None), ranks=[1, 2])
    with pytest.raises(Conflict, match="two answers"):
        services.cast_vote(battle=make_battle("one", " \n"), ranks=[1, 2])
    assert services.cast_vote(battle=make_battle("one", None, "three"), ranks=[1, 3, 2])


def test_answers_that_are_being_written_cannot_be_compared(db: None) -> None:
    battle = make_battle("one", "two")
    Response.objects.filter(turn__battle=battle).update(state=Response.State.STREAMING)
    with pytest.raises(Conflict, match="still being written"):
        services.cast_vote(battle=battle, ranks=[1, 2])


def test_only_the_last_turn_must_be_answered(db: None) -> None:
    battle = make_battle("one", None)
    services.add_turn(battle=battle, prompt="More")
    Response.objects.filter(turn__number=2).update(state=Response.State.DONE, text="x")
    assert services.cast_vote(battle=battle, ranks=[1, 2])


def test_a_vote_on_known_names_is_kept_but_not_counted(db: None, told: list[Any]) -> None:
    battle = make_battle("one", "two", mode=Battle.Mode.SIDE_BY_SIDE)
    vote = services.cast_vote(battle=battle, ranks=[1, 2])
    assert not vote.counted
    assert "names" in vote.not_counted_because
    assert told == []
    assert list(decided_votes()) == []


def test_votes_are_excluded_and_restored_once(db: None, told: list[Any]) -> None:
    votes = [services.cast_vote(battle=make_battle("a", "b"), ranks=[1, 2]) for _ in range(3)]
    told.clear()
    assert services.exclude_votes(votes=votes[:2], because="a bot") == 2
    assert services.exclude_votes(votes=votes[:2], because="again") == 0
    assert [v.vote_id for v in decided_votes()] == [votes[2].pk]
    assert Vote.objects.get(pk=votes[0].pk).not_counted_because == "a bot"
    assert services.restore_votes(votes=Vote.objects.all()) == 2
    assert [(name, [v.vote_id for v in said]) for name, said in told] == [
        ("out", [votes[0].pk, votes[1].pk]),
        ("in", [votes[0].pk, votes[1].pk]),
    ]
    assert Vote.objects.get(pk=votes[0].pk).not_counted_because == ""


@pytest.mark.parametrize("because", ["", "  ", "x" * 201])
def test_an_exclusion_needs_a_reason(db: None, because: str) -> None:
    with pytest.raises(Invalid):
        services.exclude_votes(votes=[], because=because)


def test_of_votes_at_the_same_moment_one_counts(transactional_db: None, told: list[Any]) -> None:
    battle = make_battle("one", "two")
    tries = 8
    barrier = Barrier(tries)

    def vote(number: int) -> str:
        try:
            barrier.wait()
            services.cast_vote(battle=Battle(pk=battle.pk), ranks=[1, 2] if number % 2 else [2, 1])
        except ArenaError as error:
            return type(error).__name__
        finally:
            connection.close()
        return "cast"

    with ThreadPoolExecutor(tries) as pool:
        outcomes = sorted(pool.map(vote, range(tries)))
    assert outcomes == ["Conflict"] * (tries - 1) + ["cast"]
    assert Vote.objects.count() == 1
    assert len(told) == 1
    ranks = list(Placement.objects.filter(battle=battle).values_list("rank", flat=True))
    assert tuple(ranks) == told[0][1][0].ranks


def test_of_turns_at_the_same_moment_one_is_added(transactional_db: None) -> None:
    battle = make_battle("one", "two")
    barrier = Barrier(4)

    def ask(_: int) -> str:
        try:
            barrier.wait()
            services.add_turn(battle=Battle(pk=battle.pk), prompt="More")
        except ArenaError as error:
            return type(error).__name__
        finally:
            connection.close()
        return "asked"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(ask, range(4)))
    assert outcomes == ["Conflict"] * 3 + ["asked"]
    assert battle.turns.count() == 2


def test_a_response_that_failed_is_not_ranked_and_loses_nothing(db: None, told: list[Any]) -> None:
    battle = make_battle("one", None, "three")
    vote = services.cast_vote(battle=battle, ranks=[3, 1, 2])
    ranks = list(battle.placements.order_by("position").values_list("rank", flat=True))
    assert ranks == [2, None, 1]
    ((_, (decided,)),) = told
    assert decided.ranks == (2, 1)
    failed = battle.placements.get(position=1)
    assert failed.contender_id not in decided.contender_ids
    assert failed.elo_after is None
    assert vote.counted


def test_the_form_needs_no_place_for_a_response_that_failed(db: None, client: Client) -> None:
    battle = make_battle("one", "two", None)
    client.force_login(user := User.objects.create_user("ann"))
    Rater.objects.filter(pk=battle.rater_id).update(user=user)
    answer = client.post(
        f"/battles/{battle.pk}/vote/", {"verdict": "ranking", "rank_A": "2", "rank_B": "1"}
    )
    assert answer.status_code == 303
    ranks = battle.placements.order_by("position").values_list("rank", flat=True)
    assert list(ranks) == [2, 1, None]
    state = battle_state(Battle.objects.get(pk=battle.pk))
    assert pages.BattlePage(state).verdict == "You found B better"


def test_only_letters_that_answered_are_offered_a_place(db: None) -> None:
    battle = make_battle("one", None, "three")
    page = pages.BattlePage(battle_state(battle))
    assert page.failed == {"B"}
    ballot = render_to_string("arena/ballot.html", {"page": page})
    assert ballot.count('name="rank_B" value="1" required') == 0
    assert ballot.count('name="rank_A" value="1" required') == 1


def test_an_answer_that_broke_off_is_not_compared(db: None) -> None:
    battle = make_battle("one", "half an")
    Response.objects.filter(placement__position=1).update(state=Response.State.ERROR)
    page = pages.BattlePage(battle_state(battle))
    assert page.failed == {"B"}
    assert "Retry what failed" in page.why_not_yet
    with pytest.raises(Conflict, match="not two answers"):
        services.cast_vote(battle=battle, ranks=[1, 2])


@pytest.mark.parametrize("address", ["vote", "turns", "stop"])
def test_addresses_of_forms_lead_to_the_battle(db: None, client: Client, address: str) -> None:
    battle = make_battle("one", "two")
    answer = client.get(f"/battles/{battle.pk}/{address}/")
    assert (answer.status_code, answer["Location"]) == (302, f"/battles/{battle.pk}/")
