import math

import evalica
import numpy as np
import pytest
from hypothesis import given
from scipy.optimize import approx_fprime

from ranking.estimators import BradleyTerry, Comparisons
from ranking.estimators.connectivity import Connectivity, Links
from ranking.estimators.half_ties import log_likelihood
from ranking.estimators.prior import VirtualVotes
from ranking.estimators.tallies import PairTallies

from .votes import connected_rows, pair_rows, simulate_pairs

SCALE = 400 / math.log(10)
WINNERS = {1.0: evalica.Winner.X, 0.5: evalica.Winner.Draw, 0.0: evalica.Winner.Y}


def repeated(*games: tuple[str, str, int]) -> Comparisons:
    rows = [(winner, loser) for winner, loser, count in games for _ in range(count)]
    return Comparisons.from_arrays([r[0] for r in rows], [r[1] for r in rows], [1] * len(rows))


def test_two_contenders_differ_by_the_log_odds_of_their_wins():
    model = BradleyTerry().fit(repeated(("a", "b", 3), ("b", "a", 1)))

    assert model.ratings_[0] - model.ratings_[1] == pytest.approx(SCALE * math.log(3))
    assert model.ratings_.mean() == pytest.approx(1000)


def test_two_contenders_have_the_binomial_standard_error():
    model = BradleyTerry(scale=1).fit(repeated(("a", "b", 30), ("b", "a", 10)))
    lower, upper = model.intervals()
    # The difference has the variance 1/(n p (1−p)); each is half of it away from the mean.
    error = 0.5 / math.sqrt(40 * 0.75 * 0.25)

    np.testing.assert_allclose(upper - model.ratings_, 1.959964 * error, rtol=1e-6)
    np.testing.assert_allclose(model.ratings_ - lower, 1.959964 * error, rtol=1e-6)


def test_the_worked_example_of_four_teams():
    """Wikipedia, "Bradley-Terry model", worked example: strengths with geometric mean one."""
    votes = repeated(
        ("A", "B", 2), ("B", "A", 3), ("A", "D", 1), ("D", "A", 4),
        ("B", "C", 5), ("C", "B", 3), ("C", "D", 1), ("D", "C", 3),
    )  # fmt: skip
    strengths = np.exp(BradleyTerry().fit(votes).strengths_)

    np.testing.assert_allclose(strengths, [0.640, 1.043, 0.660, 2.270], atol=5e-4)


@pytest.mark.parametrize("name", ["pairwise-1", "pairwise-2"])
def test_choix_cases_are_solved(choix_case, name):
    case = choix_case(name)
    winners, losers = zip(*case["data"], strict=True)
    model = BradleyTerry().fit(Comparisons.from_arrays(winners, losers, [1] * len(winners)))

    np.testing.assert_allclose(model.strengths_, case["ml_est"], atol=1e-8)


def test_real_votes_give_the_published_strengths(llmfao_votes, llmfao_golden):
    model = BradleyTerry().fit(llmfao_votes)
    golden = SCALE * np.log([llmfao_golden["bradley_terry"][name] for name in model.labels_])

    np.testing.assert_allclose(model.ratings_ - 1000, golden - golden.mean(), rtol=0, atol=1e-3)


@given(connected_rows())
def test_ratings_agree_with_evalica(rows):
    model = BradleyTerry().fit(Comparisons.from_arrays(*rows))
    oracle = evalica.bradley_terry(
        rows.left, rows.right, [WINNERS[o] for o in rows.outcome], tolerance=1e-15, limit=100_000
    )
    expected = SCALE * np.log([oracle.scores[label] for label in model.labels_])

    np.testing.assert_allclose(model.ratings_ - 1000, expected - expected.mean(), atol=1e-4)


@given(pair_rows())
def test_gradient_and_hessian_are_the_derivatives(rows):
    tallies = PairTallies.of(Comparisons.from_arrays(*rows, labels=range(5)))
    virtual = VirtualVotes.against_core(Connectivity.of(Links.of(tallies)), weight=1.0)
    point = np.array([0.3, -0.8, 1.1, 0.0, -0.4])
    here = log_likelihood(tallies, virtual, point)

    numeric = approx_fprime(point, lambda x: log_likelihood(tallies, virtual, x).value)
    np.testing.assert_allclose(here.gradient, numeric, atol=1e-5)
    hessian = approx_fprime(point, lambda x: log_likelihood(tallies, virtual, x).gradient)
    np.testing.assert_allclose(here.information, -hessian, atol=1e-5)


@given(pair_rows())
def test_any_votes_give_finite_ratings_and_intervals(rows):
    model = BradleyTerry().fit(Comparisons.from_arrays(*rows, labels=range(5)))

    assert np.isfinite(model.ratings_).all()
    assert np.isfinite(model.intervals()).all()
    assert model.caveats_


def test_no_contenders_at_all_are_no_ratings():
    model = BradleyTerry().fit(Comparisons.from_arrays([], [], []))

    assert model.ratings_.size == 0
    assert model.intervals().lower.size == 0
    assert model.intervals(method="bootstrap", rounds=3).lower.size == 0


@pytest.mark.parametrize("method", ["sandwich", "bootstrap"])
@pytest.mark.parametrize(
    ("votes", "caveat"),
    [
        (Comparisons.from_arrays([], [], [], labels="ab"), "No votes yet"),
        (repeated(("a", "b", 1)), "Undefeated"),
        (repeated(("a", "b", 500)), "Winless"),
        (Comparisons.from_arrays(["a"], ["b"], [0.5]), "Only ties"),
        (Comparisons.from_arrays(["a"] * 9, ["b"] * 9, [0.5] * 9), "Only ties"),
        (repeated(("a", "b", 2), ("b", "a", 2), ("c", "d", 2), ("d", "c", 2)), "Not comparable"),
        (
            repeated(("a", "b", 2), ("b", "a", 2), ("c", "d", 2), ("d", "c", 2), ("a", "c", 2)),
            "go one way",
        ),
        (Comparisons.from_rankings(["a", "b", "c"], [1, 1, 1]), "Only ties"),
        (repeated(("a", "b", 3), ("b", "a", 3)), "Too few votes (fewer than 30): a, b."),
    ],
)
def test_extreme_votes_are_finite_uncertain_and_named(votes, caveat, method):
    model = BradleyTerry().fit(votes)
    lower, upper = model.intervals(method=method, rounds=30)

    assert np.abs(model.ratings_ - 1000).max() < 2000
    assert (upper - lower > 5).all()
    assert (upper - lower < 5000).all()
    assert any(caveat in text for text in model.caveats_)


def test_ordinary_votes_have_no_caveat():
    assert (
        BradleyTerry().fit(simulate_pairs([0, 0.5, 1], 300, np.random.default_rng(0))).caveats_
        == []
    )


def test_caveats_name_only_the_first_of_many():
    model = BradleyTerry().fit(repeated(*((f"m{i}", f"m{i + 1}", 1) for i in range(8))))

    assert any("m1, m2, m3, m4, m5 and 2 more" in text for text in model.caveats_)


def test_a_newcomer_that_lost_every_vote_does_not_move_the_others():
    settled = simulate_pairs([-1, 0, 1], 600, np.random.default_rng(3))
    before = BradleyTerry().fit(settled).strengths_
    after = (
        BradleyTerry()
        .fit(
            Comparisons.from_arrays(
                [*settled.left.tolist(), 3], [*settled.right.tolist(), 0], [*settled.outcome, 0.0]
            )
        )
        .strengths_
    )

    gaps = SCALE * (np.diff(after[:3]) - np.diff(before))
    assert np.abs(gaps).max() < 2


def test_more_one_sided_votes_widen_the_gap():
    gaps = [-np.diff(BradleyTerry().fit(repeated(("a", "b", n))).ratings_)[0] for n in (1, 10, 100)]

    assert gaps == sorted(gaps)
    # One vote, and a virtual one for each against their mean: u³ − u² − u = 3, u = exp(gap/2).
    assert gaps[0] == pytest.approx(2 * SCALE * math.log(2.130395), abs=1e-3)


def test_an_anchor_fixes_one_rating_and_changes_no_gap_or_width():
    votes = simulate_pairs([0, 0.5, 1], 200, np.random.default_rng(0))
    free = BradleyTerry().fit(votes)
    anchored = BradleyTerry(anchor={1: 1200}).fit(votes)

    assert anchored.ratings_[1] == pytest.approx(1200)
    np.testing.assert_allclose(np.diff(anchored.ratings_), np.diff(free.ratings_))
    np.testing.assert_allclose(
        np.subtract(*anchored.intervals()), np.subtract(*free.intervals()), rtol=1e-9
    )


@pytest.mark.parametrize(
    ("anchor", "message"),
    [
        ({"z": 1000}, "'z' is not among the contenders"),
        ({"a": 1000, "b": 1000}, "exactly one contender, not 2"),
        ({}, "exactly one contender, not 0"),
        ({"a": math.nan}, "not finite"),
    ],
)
def test_an_impossible_anchor_is_refused(anchor, message):
    with pytest.raises(ValueError, match=message):
        BradleyTerry(anchor=anchor).fit(repeated(("a", "b", 1)))


def test_a_second_fit_forgets_the_first():
    model = BradleyTerry().fit(repeated(("a", "b", 5), ("b", "a", 1)))
    again = repeated(("x", "y", 2), ("y", "x", 2))

    assert model.fit(again).labels_ == ("x", "y")
    np.testing.assert_array_equal(model.intervals(), BradleyTerry().fit(again).intervals())


def test_very_unequal_weights_stay_finite():
    votes = Comparisons.from_arrays(
        ["a", "b", "b"], ["b", "a", "c"], [1, 1, 0.5], weight=[1e12, 1e-6, 1e-9]
    )
    model = BradleyTerry().fit(votes)

    assert np.isfinite(model.ratings_).all()
    assert np.isfinite(model.intervals()).all()


def test_many_contenders_are_counted_sparsely_with_the_same_result():
    """Two thousand contenders exceed the dense count; twenty of them do not."""
    few = simulate_pairs(np.linspace(-1, 1, 20).tolist(), 4000, np.random.default_rng(5))
    ids = np.arange(20) * 100
    sparse = PairTallies.of(
        Comparisons.from_arrays(ids[few.left], ids[few.right], few.outcome, labels=range(2000))
    )
    dense = PairTallies.of(few)

    np.testing.assert_array_equal(sparse.first, ids[dense.first])
    np.testing.assert_array_equal(sparse.second, ids[dense.second])
    for name in ("wins", "losses", "ties"):
        np.testing.assert_array_equal(getattr(sparse, name), getattr(dense, name))


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match='use "sandwich" or "bootstrap"'):
        BradleyTerry().fit(repeated(("a", "b", 1))).intervals(method="magic")


@pytest.mark.parametrize("level", [0, 1, 95, -0.5])
def test_an_impossible_level_is_refused(level):
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        BradleyTerry().fit(repeated(("a", "b", 1))).intervals(level)
