"""Votes for an export are read while earlier ones are written: nothing of that may show."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import transaction

from arena.models import Vote
from rlhf import selectors
from rlhf.selection import Selection
from rlhf.selectors import judged
from rlhf.selectors.ahead import read_ahead
from tests.rlhf.votes import converse, many_votes, vote

AWKWARD = 'An "odd" text:\\n\n\u2028 é 中文 😀 \x01</script>'


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("reading-ahead")]


def read() -> Iterator[list[judged.Judged]]:
    return selectors.judged_votes(selectors.chosen_votes(Selection()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [1, 3, 6, 7, 8])
def test_every_vote_comes_once_in_the_order_cast(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [made.pk for made in many_votes(7)]
    monkeypatch.setattr(judged, "CHUNK", size)
    chunks = list(read())
    assert max(map(len, chunks)) <= size
    assert [one.vote_id for chunk in chunks for one in chunk] == numbers
    assert [one.prompts for chunk in chunks for one in chunk] == [
        (f"Question number {number}?",) for number in range(7)
    ]
    assert not threads()


@pytest.mark.django_db(transaction=True)
def test_no_votes_are_no_rows() -> None:
    assert [one for chunk in read() for one in chunk] == []
    none = selectors.judged_votes(Vote.objects.none())
    assert [one for chunk in none for one in chunk] == []


@pytest.mark.django_db(transaction=True)
def test_a_transaction_reads_what_it_has_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged, "CHUNK", 2)
    with transaction.atomic():
        many_votes(5)
        assert sum(map(len, read())) == 5


@pytest.mark.django_db(transaction=True)
def test_who_stops_listening_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    many_votes(9)
    monkeypatch.setattr(judged, "CHUNK", 2)
    chunks = read()
    next(chunks)
    next(chunks)
    assert threads()
    chunks.close()  # type: ignore[attr-defined]
    assert not threads()


@pytest.mark.django_db(transaction=True)
def test_what_goes_wrong_ahead_is_heard_when_it_is_reached() -> None:
    def step(number: int) -> tuple[str, int]:
        if number == 3:
            raise OSError("the disk is gone")
        return f"step {number}", number + 1

    steps = read_ahead(step, 0)
    assert [next(steps) for _ in range(3)] == ["step 0", "step 1", "step 2"]
    with pytest.raises(OSError, match="the disk is gone"):
        next(steps)
    assert not threads()


@pytest.mark.django_db
def test_texts_and_times_are_what_was_stored() -> None:
    cast = vote(converse([AWKWARD, "And?"], {"amber": ["a", AWKWARD], "birch": ["c", "d"]}), [2, 1])
    for moment in (
        datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC),
        datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
    ):
        Vote.objects.update(cast_at=moment)
        [[one]] = selectors.judged_votes(selectors.chosen_votes(Selection()), timed=True)
        assert (one.vote_id, one.cast_at) == (cast.pk, moment)
    assert one.prompts == (AWKWARD, "And?")
    assert [(s.contender, s.rank, s.answers) for s in one.sides] == [
        ("amber", 2, ("a", AWKWARD)),
        ("birch", 1, ("c", "d")),
    ]
    assert one.all_bad is False
