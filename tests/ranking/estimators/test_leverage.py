"""How many votes carry the first rank."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings

from ranking.estimators import BradleyTerry, Comparisons, Leverage, leverage

from .votes import connected_rows, pair_rows, rankings, simulate_pairs

WINS_OF_A = {(("a", "b"), (1, 2)): 12, (("a", "b"), (2, 1)): 9}


def without(votes: Comparisons, found: Leverage) -> Comparisons:
    """What is left of votes, each of them a row."""
    weight = np.array(votes.weight)
    weight[found.indices] -= found.counts
    return votes.weighted_by(weight)


def leads(votes: Comparisons, label: object) -> bool:
    """Whether nobody is above it, up to rounding."""
    model = BradleyTerry().fit(votes)
    return bool(model.ratings_[model.labels_.index(label)] > model.ratings_.max() - 1e-4)


def first(votes: Comparisons) -> object:
    model = BradleyTerry().fit(votes)
    return model.labels_[int(model.ratings_.argmax())]


def test_a_lead_of_three_votes_is_lost_with_four():
    """12 wins to 9: without three it is even, and even is not yet overtaken."""
    found = leverage(Comparisons.from_tallies(WINS_OF_A))

    assert found[:4] == ("a", "b", 4, pytest.approx(4 / 21))
    assert found.indices.tolist() == [0]
    assert found.counts.tolist() == [4.0]


def test_votes_one_by_one_are_named_one_by_one():
    votes = Comparisons.from_arrays(["a"] * 21, ["b"] * 21, [1, 0] * 9 + [1] * 3)
    found = leverage(votes)

    assert found.votes == 4
    assert found.counts.tolist() == [1.0] * 4
    assert (votes.outcome[found.indices] == 1).all()


def test_tied_votes_are_worth_less_than_won_ones():
    """One win has to go: the tie that is left then leads to nobody."""
    tallies = {(("a", "b"), (1, 2)): 3, (("a", "b"), (1, 1)): 5, (("a", "b"), (2, 1)): 2}
    found = leverage(Comparisons.from_tallies(tallies))

    assert (found.votes, found.indices.tolist()) == (2, [0])


def test_votes_of_others_can_carry_the_first_rank_too():
    """c is ahead of a through b alone: 22 to 18 against 21 to 19, but only 21 to 17."""
    tallies = {
        (("c", "b"), (1, 2)): 22, (("c", "b"), (2, 1)): 18,
        (("a", "b"), (1, 2)): 21, (("a", "b"), (2, 1)): 19,
    }  # fmt: skip
    found = leverage(Comparisons.from_tallies(tallies))

    assert found[:3] == ("c", "a", 2)
    assert [list(tallies)[i] for i in found.indices] == [(("a", "b"), (2, 1))]


@given(connected_rows())
@settings(deadline=None, max_examples=60)
def test_the_first_rank_changes_without_these_votes_and_not_with_the_last_one_back(rows):
    votes = Comparisons.from_arrays(*rows, labels=range(5))
    found = leverage(votes)
    if found is None:
        return
    back = found._replace(indices=found.indices[:-1], counts=found.counts[:-1])

    assert leads(votes, found.leader)
    assert leads(without(votes, found), found.successor)
    assert not leads(without(votes, found), found.leader)
    assert leads(without(votes, back), found.leader)


def test_hardly_a_smaller_set_exists_where_all_can_be_tried():
    """The order is right to first order only: once in these ten cases one vote less will do."""
    generator = np.random.default_rng(8)
    spare = []
    for _ in range(10):
        votes = simulate_pairs([-0.5, 0, 0.5], 14, generator)
        found = leverage(votes)
        fewest = next(
            size
            for size in range(1, found.votes + 1)
            if any(
                first(without(votes, found._replace(indices=np.array(rows), counts=np.ones(size))))
                != found.leader
                for rows in combinations(range(14), size)
            )
        )
        spare.append(found.votes - fewest)

    assert sorted(spare) == [0] * 9 + [1]


@given(rankings())
@settings(deadline=None, max_examples=40)
def test_rankings_of_any_size_go_as_a_whole(votes):
    comparisons = Comparisons.from_rankings(*votes, labels=range(5))
    found = leverage(comparisons)
    if found is None:
        return
    kept = np.delete(np.arange(len(votes[0])), found.indices)
    rest = Comparisons.from_rankings(
        [votes[0][i] for i in kept], [votes[1][i] for i in kept], labels=range(5)
    )

    assert leads(rest, found.successor)
    assert not leads(rest, found.leader)
    assert found.votes == len(found.indices)
    assert found.share == pytest.approx(found.votes / len(votes[0]))


def test_tallies_need_as_many_votes_as_the_votes_behind_them():
    votes = simulate_pairs(np.linspace(-0.5, 0.5, 6).tolist(), 600, np.random.default_rng(4))
    kinds: dict[tuple[tuple[int, int], tuple[int, int]], int] = {}
    for a, b, won in zip(votes.left.tolist(), votes.right.tolist(), votes.outcome, strict=True):
        kind = ((a, b), (1, 2) if won else (2, 1))
        kinds[kind] = kinds.get(kind, 0) + 1

    one_by_one, tallied = leverage(votes), leverage(Comparisons.from_tallies(kinds))
    assert tallied.votes == one_by_one.votes
    assert (tallied.leader, tallied.successor) == (one_by_one.leader, one_by_one.successor)
    assert tallied.counts.sum() == tallied.votes


def test_a_narrow_lead_needs_fewer_votes_than_a_wide_one():
    needed = [
        leverage(simulate_pairs([0, gap], 400, np.random.default_rng(1))).votes
        for gap in (0.2, 0.6, 1.2)
    ]

    assert needed == sorted(needed)
    assert needed[0] < needed[-1]


@given(pair_rows())
@settings(deadline=None, max_examples=40)
def test_any_votes_have_an_answer_or_none(rows):
    found = leverage(Comparisons.from_arrays(*rows, labels=range(5)))

    assert found is None or 0 < found.votes <= len(rows.left)


@pytest.mark.parametrize("labels", ["", "a", "ab"])
def test_without_votes_there_is_nothing_to_carry(labels):
    assert leverage(Comparisons.from_arrays([], [], [], labels=labels)) is None


def test_few_real_votes_carry_the_first_rank(llmfao_votes):
    found = leverage(llmfao_votes)

    assert found.leader == first(llmfao_votes)
    assert first(without(llmfao_votes, found)) == found.successor
    assert found.share < 0.01
