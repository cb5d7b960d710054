"""Who meets whom, and with which probability."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from arena.matchmaking import (
    Candidate,
    Policy,
    Targeted,
    Uniform,
    Weighted,
    chances,
    draw_lineup,
    duels,
    propensity,
    wanted,
)
from arena.matchmaking.lineups import TRIAL_SHARE

FloatArray = NDArray[np.float64]
Names = tuple[str, ...]


class Fixed:
    """A policy that wants what it is told."""

    def __init__(self, pairs: FloatArray) -> None:
        self._pairs = pairs

    def pairs(self, candidates: Sequence[Candidate], population: str) -> FloatArray:
        return self._pairs


def candidates(names: str) -> list[Candidate]:
    return [Candidate(10 * (i + 1), name) for i, name in enumerate(names)]


def chance_of_sets(
    policy: Policy, field: Sequence[Candidate], size: int
) -> dict[frozenset[str], float]:
    """Every set of slugs with its propensity."""
    matrix = wanted(policy.pairs(field, "people"), chances(field))
    return {
        frozenset(field[i].slug for i in drawn): propensity(matrix, drawn)
        for drawn in combinations(range(len(field)), size)
    }


def chance_to_be_in(name: str, sets: Mapping[frozenset[str], float]) -> float:
    return sum(chance for drawn, chance in sets.items() if name in drawn)


@st.composite
def policies(draw: st.DrawFn) -> tuple[Fixed, list[Candidate]]:
    """Any wishes for three to six contenders, some of which fail."""
    size = draw(st.integers(3, 6))
    weight = st.one_of(st.just(0.0), st.floats(1e-6, 1e6))
    upper = np.zeros((size, size))
    upper[np.triu_indices(size, 1)] = draw(st.lists(weight, min_size=comb(size, 2), max_size=99))[
        : comb(size, 2)
    ]
    failures = draw(st.lists(st.integers(0, 20), min_size=size, max_size=size))
    field = [Candidate(i, str(i), False, bad, 20) for i, bad in enumerate(failures)]
    return Fixed(upper + upper.T), field


@given(case=policies(), size=st.sampled_from([2, 3]))
def test_the_propensities_of_all_sets_are_positive_and_sum_to_one(
    case: tuple[Fixed, list[Candidate]], size: int
) -> None:
    sets = chance_of_sets(*case, size)
    assert min(sets.values()) > 0
    assert sum(sets.values()) == pytest.approx(1)


@pytest.mark.parametrize("size", [2, 3])
def test_sets_are_drawn_as_often_as_their_propensity_says(size: int) -> None:
    rng, draws = random.Random(7), 8_000
    pairs = np.array([[0, 9, 1, 0], [9, 0, 4, 2], [1, 4, 0, 0.5], [0, 2, 0.5, 0]])
    field = [*candidates("abc"), Candidate(40, "d", False, 5, 10)]
    slug = {one.pk: one.slug for one in field}
    expected = chance_of_sets(Fixed(pairs), field, size)
    drawn: Counter[frozenset[str]] = Counter()
    for _ in range(draws):
        lineup = draw_lineup(Fixed(pairs), field, size, rng)
        found = frozenset(slug[pk] for pk in lineup.contenders)
        assert lineup.propensity == pytest.approx(expected[found])
        drawn[found] += 1
    for found, chance in expected.items():
        error = (draws * chance * (1 - chance)) ** 0.5
        assert abs(drawn[found] - draws * chance) < 4.5 * error


def test_a_pair_is_drawn_in_proportion_to_what_is_wanted_beside_the_uniform_share() -> None:
    pairs = np.array([[0, 6, 3], [6, 0, 1], [3, 1, 0]])
    sets = chance_of_sets(Fixed(pairs), candidates("abc"), 2)
    assert sets == {
        frozenset("ab"): pytest.approx(0.9 * 0.6 + 0.1 / 3),
        frozenset("ac"): pytest.approx(0.9 * 0.3 + 0.1 / 3),
        frozenset("bc"): pytest.approx(0.9 * 0.1 + 0.1 / 3),
    }


def test_a_triple_grows_from_a_pair() -> None:
    """By hand: both pairs lead to their triples in proportion to the pairs that they add."""
    pairs = np.array([[0, 4, 2, 2], [4, 0, 1, 1], [2, 1, 0, 0], [2, 1, 0, 0]])
    matrix = np.where(np.eye(4), 0.0, 0.9 * pairs / pairs.sum() + 0.1 / 12)
    ab, ac, bc, cd = matrix[0, 1], matrix[0, 2], matrix[1, 2], matrix[2, 3]
    # From {a, b} to c or d alike; from {a, c} to b or d; from {b, c} to a or d.
    by_hand = 2 * (
        ab / 2 + ac * (ab + bc) / (ab + bc + ac + cd) + bc * (ab + ac) / (ab + ac + bc + cd)
    )
    sets = chance_of_sets(Fixed(pairs), candidates("abcd"), 3)
    assert sets[frozenset("abc")] == pytest.approx(by_hand)


@pytest.mark.parametrize("size", [2, 3])
def test_uniform_draws_every_set_alike(size: int) -> None:
    sets = chance_of_sets(Uniform(), candidates("abcde"), size)
    assert len(sets) == 10
    assert list(sets.values()) == pytest.approx([1 / 10] * 10)


@pytest.mark.parametrize("size", [2, 3])
def test_positions_are_shuffled(size: int) -> None:
    rng = random.Random(7)
    pairs = np.array([[0, 50, 1], [50, 0, 1], [1, 1, 0]])
    field = candidates("abc")
    orders = Counter(
        lineup.contenders
        for lineup in (draw_lineup(Fixed(pairs), field, size, rng) for _ in range(6_000))
        if set(lineup.contenders) >= {10, 20}
    )
    even = orders.total() / len(orders)
    assert len(orders) == (2 if size == 2 else 6)
    assert all(abs(count - even) < 4.5 * even**0.5 for count in orders.values())


def test_a_weight_multiplies_the_chance_of_a_contender_or_a_pair() -> None:
    weights: dict[Names, float] = {("a",): 2, ("c", "b"): 5, ("gone",): 9, ("a", "gone"): 9}
    pairs = Weighted(weights).pairs(candidates("abc"), "people")
    assert pairs[np.triu_indices(3, 1)].tolist() == [2, 2, 5]
    assert (pairs == pairs.T).all()


def test_weighted_draws_a_new_contender_more_often() -> None:
    field = [*candidates("abcd"), Candidate(50, "new", new=True)]
    sets = chance_of_sets(Weighted(), field, 2)
    # Pairs with it weigh 3, the six others 1.
    assert chance_to_be_in("new", sets) == pytest.approx(0.9 * 12 / 18 + 0.1 * 0.4)


def test_targeted_draws_what_is_named_and_little_else() -> None:
    weights: dict[Names, float] = {("a", "b"): 3, ("c", "d"): 1, ("a", "gone"): 9}
    sets = chance_of_sets(Targeted(weights), candidates("abcd"), 2)
    assert sets[frozenset("ab")] == pytest.approx(0.9 * 0.75 + 0.1 / 6)
    assert sets[frozenset("cd")] == pytest.approx(0.9 * 0.25 + 0.1 / 6)
    assert sets[frozenset("ac")] == pytest.approx(0.1 / 6)


def test_a_contender_is_targeted_with_all_its_pairs() -> None:
    sets = chance_of_sets(Targeted({("a",): 1}), candidates("abcd"), 2)
    assert chance_to_be_in("a", sets) == pytest.approx(0.9 + 0.1 / 2)


@pytest.mark.parametrize("policy", [Targeted(), Targeted({("gone", "a"): 1})])
def test_without_a_target_that_is_there_all_pairs_are_alike(policy: Targeted) -> None:
    sets = chance_of_sets(policy, candidates("abc"), 2)
    assert list(sets.values()) == pytest.approx([1 / 3] * 3)


def test_failures_lower_the_chance_and_good_responses_bring_it_back() -> None:
    # (1 − failures / (responses + 4))³, at least 0.02
    records = [(0, 0), (0, 50), (1, 1), (1, 10), (10, 10), (100, 100)]
    field = [Candidate(i, str(i), False, *record) for i, record in enumerate(records)]
    expected = [1, 1, 0.8**3, (13 / 14) ** 3, (4 / 14) ** 3, 0.02]
    assert chances(field).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("policy", [Uniform(), Weighted(), Targeted({("f", "a"): 1})])
@pytest.mark.parametrize("size", [2, 3])
def test_who_fails_is_drawn_less_by_every_policy_but_not_never(policy: Policy, size: int) -> None:
    healthy = candidates("abcdef")
    failing = [*healthy[:5], healthy[5]._replace(failures=20, responses=20)]
    before = chance_to_be_in("f", chance_of_sets(policy, healthy, size))
    after = chance_to_be_in("f", chance_of_sets(policy, failing, size))
    assert 0 < after < before / 2


def test_when_all_fail_they_are_drawn_as_before() -> None:
    field = [one._replace(failures=9, responses=9) for one in candidates("abc")]
    sets = chance_of_sets(Uniform(), field, 2)
    assert list(sets.values()) == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("size", [0, 1, 3])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"A line-up of {size} cannot be drawn from 2"):
        draw_lineup(Uniform(), candidates("ab"), size, random.Random(7))


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_nonsense_from_a_policy_is_refused(wrong: float) -> None:
    pairs = np.array([[0.0, wrong], [wrong, 0.0]])
    with pytest.raises(ValueError, match="negative or not finite"):
        draw_lineup(Fixed(pairs), candidates("ab"), 2, random.Random(7))


# --- trials -------------------------------------------------------------------------------


def on_trial(names: str, child: int, rival: int) -> list[Candidate]:
    field = candidates(names)
    field[child] = field[child]._replace(rival=field[rival].pk)
    return field


def test_a_child_on_trial_meets_its_rival_in_a_share_of_its_own() -> None:
    field = on_trial("abcde", child=1, rival=3)
    matrix = wanted(Uniform().pairs(field, "people"), chances(field), duels(field))
    sets = {
        frozenset(pair): propensity(matrix, pair) for pair in combinations(range(len(field)), 2)
    }
    assert sum(sets.values()) == pytest.approx(1)
    assert sets[frozenset({1, 3})] == pytest.approx(TRIAL_SHARE + (1 - TRIAL_SHARE) / 10)
    assert sets[frozenset({0, 1})] == pytest.approx((1 - TRIAL_SHARE) / 10)


def test_trials_share_their_share() -> None:
    field = on_trial("abcde", child=1, rival=3)
    field[2] = field[2]._replace(rival=field[0].pk)
    matrix = wanted(Uniform().pairs(field, "people"), chances(field), duels(field))
    assert propensity(matrix, (1, 3)) == pytest.approx(TRIAL_SHARE / 2 + (1 - TRIAL_SHARE) / 10)
    assert propensity(matrix, (0, 2)) == pytest.approx(TRIAL_SHARE / 2 + (1 - TRIAL_SHARE) / 10)


def test_a_rival_that_cannot_be_drawn_changes_nothing() -> None:
    field = candidates("abc")
    alone = [field[0]._replace(rival=999), *field[1:]]
    itself = [field[0]._replace(rival=field[0].pk), *field[1:]]
    assert duels(alone) == duels(itself) == duels(field) == []


def test_drawn_lineups_have_the_propensity_of_trials() -> None:
    field = on_trial("abcd", child=0, rival=1)
    drawn = Counter(
        frozenset(draw_lineup(Uniform(), field, 2, random.Random(seed)).contenders)
        for seed in range(4000)
    )
    lineup = draw_lineup(Uniform(), field[:2], 2, random.Random(0))
    assert lineup.propensity == pytest.approx(1)
    expected = TRIAL_SHARE + (1 - TRIAL_SHARE) / 6
    assert drawn[frozenset({10, 20})] / 4000 == pytest.approx(expected, abs=0.03)
