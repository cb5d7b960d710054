"""Verdicts as a mapping and as arrays say the same."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.estimators import BradleyTerry, Comparisons, PlackettLuce
from ranking.tallies import Tallies, Verdict

LINEUPS = st.lists(st.integers(1, 300), min_size=2, max_size=4, unique=True).map(sorted).map(tuple)


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    lineup = draw(LINEUPS)
    raw = [draw(st.integers(1, 3)) for _ in lineup]
    return lineup, tuple(1 + sum(other < rank for other in raw) for rank in raw)


COUNTED = st.dictionaries(verdicts(), st.integers(1, 50), max_size=12)


def joined(numbers: tuple[int, ...]) -> str:
    return "-".join(map(str, numbers))


@given(COUNTED)
def test_rows_of_the_database_are_read_as_they_were_written(counted: dict[Verdict, int]) -> None:
    rows = [(joined(lineup), joined(ranks), n) for (lineup, ranks), n in counted.items()]
    read = Tallies.read(rows)
    assert read == Tallies.of(counted) == counted
    assert list(read) == list(counted)
    assert read.total() == sum(counted.values())
    assert read.contenders == sorted({one for lineup, _ in counted for one in lineup})
    assert read.votes_of_contenders().tolist() == [
        sum(n for (lineup, _), n in counted.items() if one in lineup) for one in read.contenders
    ]


@given(COUNTED, st.randoms(use_true_random=False))
def test_what_is_hashed_is_the_sorted_list_that_the_methodology_describes(
    counted: dict[Verdict, int], random: object
) -> None:
    ids = Tallies.of(counted).contenders
    letters = [f'"{one * 7 % 11}é{one}' for one in ids]
    slugs = dict(zip(ids, letters, strict=True))
    kinds = []
    for (lineup, ranks), count in counted.items():
        pairs = sorted((slugs[one], rank) for one, rank in zip(lineup, ranks, strict=True))
        kinds.append([*map(list, zip(*pairs, strict=True)), count])
    assert Tallies.of(counted).as_json(slugs) == json.dumps(sorted(kinds), separators=(",", ":"))


def test_other_slugs_are_written_anew() -> None:
    tallies = Tallies.of({((1, 2), (1, 2)): 3})
    assert tallies.as_json({1: "a", 2: "b"}) == '[[["a","b"],[1,2],3]]'
    assert tallies.as_json({1: "z", 2: "b"}) == '[[["b","z"],[2,1],3]]'


@settings(deadline=None, max_examples=30)
@given(COUNTED)
def test_comparisons_are_those_of_the_mapping(counted: dict[Verdict, int]) -> None:
    found, plain = Tallies.of(counted).comparisons, Comparisons.from_tallies(counted)
    assert found.labels == plain.labels
    for model in (BradleyTerry, PlackettLuce):
        np.testing.assert_allclose(model().fit(found).ratings_, model().fit(plain).ratings_)
        np.testing.assert_allclose(
            model().fit(found).intervals(), model().fit(plain).intervals(), atol=1e-6
        )


def test_verdicts_without_a_vote_are_left_out() -> None:
    tallies = Tallies.of({((1, 2), (1, 2)): 0, ((1, 3), (1, 1)): 2})
    assert dict(tallies) == {((1, 3), (1, 1)): 2}
    assert tallies.contenders == [1, 3]
