import numpy as np
import pytest

from ranking.estimators import BradleyTerry, Comparisons, PlackettLuce


def test_labels_of_any_kind_become_indices_in_sorted_order():
    votes = Comparisons.from_arrays(["b", "c"], ["a", "a"], [1, 0])

    assert votes.labels == ("a", "b", "c")
    assert votes.left.tolist() == [1, 2]
    assert votes.right.tolist() == [0, 0]
    assert votes.outcome.tolist() == [1.0, 0.0]
    assert votes.weight.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.array([5, 9, 7]), np.array([7, 5, 9])),
        (np.array([5, 9, 7]) * 10**12, np.array([7, 5, 9]) * 10**12),
        (np.array([-5, -9, -7], np.int8), np.array([-7, -5, -9], np.int8)),
        (np.array(["x", "z", "y"]), np.array(["y", "x", "z"])),
        ([(1, "a"), (3, "a"), (2, "a")], [(2, "a"), (1, "a"), (3, "a")]),
    ],
)
def test_every_kind_of_label_is_found_again(left, right):
    votes = Comparisons.from_arrays(left, right, [1, 1, 1])

    as_list = [list(c.tolist()) if isinstance(c, np.ndarray) else c for c in (left, right)]
    assert [votes.labels[i] for i in votes.left] == as_list[0]
    assert [votes.labels[i] for i in votes.right] == as_list[1]
    assert list(votes.labels) == sorted(votes.labels)


def test_labels_that_do_not_sort_keep_the_order_of_appearance():
    votes = Comparisons.from_arrays(["x", 2], [1, "x"], [1, 1])

    assert votes.labels == ("x", 2, 1)


def test_given_labels_keep_contenders_without_votes():
    votes = Comparisons.from_arrays(["b"], ["a"], [1], labels=["c", "b", "a"])

    assert votes.labels == ("c", "b", "a")
    assert votes.left.tolist() == [1]


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ([1, 0.3], "position 1: outcome 0.3 is unknown"),
        ([1, float("nan")], "position 1: outcome nan is unknown"),
        ([2, 1], "position 0: outcome 2.0 is unknown"),
        ([1, "tie"], "outcome at position 1 is not a number: 'tie'"),
        ([1, None], "position 1"),
        ([1], "outcome has 1 entries, but left has 2"),
        ([[1, 1]], "one-dimensional"),
    ],
)
def test_an_unknown_outcome_is_refused_with_its_position(outcome, message):
    with pytest.raises(ValueError, match=message):
        Comparisons.from_arrays(["a", "b"], ["b", "a"], outcome)


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (["a", "b"], ["b", "b"], "position 1: 'b' against itself"),
        (["a", None], ["b", "a"], "position 1 is missing"),
        (["a", float("nan")], ["b", "a"], "position 1 is missing"),
        (["a", ["b"]], ["b", "a"], "position 1: unhashable"),
        (["a"], ["b", "a"], "right has 2 entries, but left has 1"),
        (np.zeros((2, 2), int), np.ones((2, 2), int), "one-dimensional"),
    ],
)
def test_an_impossible_pair_is_refused_with_its_position(left, right, message):
    with pytest.raises(ValueError, match=message):
        Comparisons.from_arrays(left, right, [1, 1])


def test_a_contender_that_is_not_listed_is_refused():
    with pytest.raises(ValueError, match="'z' at position 1 is not among the labels"):
        Comparisons.from_arrays(["a", "z"], ["b", "a"], [1, 1], labels=["a", "b"])


def test_labels_listed_twice_are_refused():
    with pytest.raises(ValueError, match="'a' is listed twice"):
        Comparisons.from_arrays(["a"], ["b"], [1], labels=["a", "b", "a"])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, -1], "position 1: weight -1.0"),
        ([float("nan"), 1], "position 0: weight nan"),
        ([1, float("inf")], "position 1: weight inf"),
        ([1], "weight has 1 entries, but there are 2"),
    ],
)
def test_an_impossible_weight_is_refused_with_its_position(weight, message):
    with pytest.raises(ValueError, match=message):
        Comparisons.from_arrays(["a", "b"], ["b", "a"], [1, 1], weight=weight)


def test_a_cluster_for_each_comparison_is_required():
    with pytest.raises(ValueError, match="cluster has 1 entries, but there are 2"):
        Comparisons.from_arrays(["a", "b"], ["b", "a"], [1, 1], cluster=["x"])


def test_the_callers_arrays_are_copied():
    left, right, outcome = np.array([0, 1]), np.array([1, 0]), np.array([1.0, 1.0])
    votes = Comparisons.from_arrays(left, right, outcome)
    left[0], outcome[0] = 9, 7.0

    assert votes.left.tolist() == [0, 1]
    assert votes.outcome.tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        votes.outcome[0] = 0.5


def test_a_ranking_of_three_is_three_comparisons_of_one_vote():
    votes = Comparisons.from_rankings(["a", "b", "c"], [2, 1, 2])

    assert votes.left.tolist() == [0, 0, 1]
    assert votes.right.tolist() == [1, 2, 2]
    assert votes.outcome.tolist() == [0.0, 0.5, 1.0]
    assert votes.n_votes == 1


def test_many_rankings_come_in_rows_or_share_their_contenders():
    rows = Comparisons.from_rankings([["a", "b", "c"], ["a", "b", "c"]], [[1, 2, 3], [3, 2, 1]])
    shared = Comparisons.from_rankings(["a", "b", "c"], [[1, 2, 3], [3, 2, 1]])
    array = Comparisons.from_rankings(np.array([[0, 1, 2]] * 2), np.array([[1, 2, 3], [3, 2, 1]]))

    for votes in (rows, shared, array):
        assert votes.n_votes == 2
        assert votes.outcome.tolist() == [1, 1, 1, 0, 0, 0]
        assert votes.left.tolist() == [0, 0, 1] * 2


def test_rankings_of_different_sizes_keep_their_order():
    votes = Comparisons.from_rankings(
        [["a", "b"], ["b", "c", "a"], ["c", "a"]], [[1, 2], [1, 2, 3], [2, 1]]
    )

    assert votes.left.tolist() == [0, 1, 1, 2, 2]
    assert votes.right.tolist() == [1, 2, 0, 0, 0]
    assert votes.outcome.tolist() == [1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("items", "ranks", "message"),
    [
        ([["a", "b"], ["a", "a"]], [[1, 2], [1, 2]], "ranking 1 ranks a contender twice"),
        ([["a", "b"], ["a", "c"]], [[1, 2], [1, 0]], "ranking 1: rank 0 is unknown"),
        ([["a", "b"]], [[1, 1.5]], "ranking 0: rank 1.5 is unknown"),
        ([["a", "b"]], [[1, float("nan")]], "ranking 0: rank nan is unknown"),
        ([["a", "b"]], [[1, "x"]], "ranks must be whole numbers"),
        ([["a", "b"]], [[1, 2, 3]], "ranking 0: 2 contenders, but 3 ranks"),
        ([["a"]], [[1]], "ranking 0 has fewer than two contenders"),
        ([["a", "b"]], [[1, 2], [2, 1]], "1 rows of contenders, but 2 rows of ranks"),
    ],
)
def test_an_impossible_ranking_is_refused_with_its_position(items, ranks, message):
    with pytest.raises(ValueError, match=message):
        Comparisons.from_rankings(items, ranks)


@pytest.mark.parametrize(
    ("votes", "rows"),
    [
        (Comparisons.from_arrays("ab", "ba", [1, 0]), 1),
        (Comparisons.from_arrays([], [], []), 1),
        (Comparisons.from_rankings(["a", "b", "c"], [[1, 2, 3], [1, 1, 1]]), 3),
        # One row and three: two for each on average.
        (Comparisons.from_rankings([["a", "b"], ["a", "b", "c"]], [[1, 2], [1, 2, 3]]), None),
    ],
)
def test_rows_of_a_vote_are_counted_where_all_have_as_many(votes, rows):
    assert votes.rows_per_vote() == rows


TALLIES = {
    (("a", "b"), (1, 2)): 3,
    (("b", "a"), (1, 2)): 2,
    (("a", "b"), (1, 1)): 2,
    (("a", "b", "c"), (1, 2, 2)): 4,
    (("c", "a", "b"), (1, 2, 3)): 3,
    (("b", "c", "a"), (1, 1, 3)): 1,
    (("a", "c"), (1, 2)): 0,
}


@pytest.mark.parametrize("model", [BradleyTerry, PlackettLuce])
def test_tallies_give_exactly_what_their_votes_give(model):
    votes = [kind for kind, count in TALLIES.items() for _ in range(count)]
    one_by_one = model().fit(
        Comparisons.from_rankings([v[0] for v in votes], [v[1] for v in votes])
    )
    tallied = model().fit(Comparisons.from_tallies(TALLIES))

    assert tallied.labels_ == one_by_one.labels_
    np.testing.assert_allclose(tallied.ratings_, one_by_one.ratings_, atol=1e-8)
    np.testing.assert_allclose(tallied.intervals(), one_by_one.intervals(), atol=1e-6)
    assert tallied.caveats_ == one_by_one.caveats_


@pytest.mark.parametrize("count", [-1, float("nan"), float("inf")])
def test_an_impossible_count_is_refused(count):
    with pytest.raises(ValueError, match=r"position 0: count .* is negative or not finite"):
        Comparisons.from_tallies({(("a", "b"), (1, 2)): count})


def test_a_vote_of_three_counts_once_for_each_contender():
    model = BradleyTerry(few=2).fit(Comparisons.from_rankings(["a", "b", "c"], [[1, 2, 3]]))

    assert "Too few votes (fewer than 2): a, b, c." in model.caveats_
