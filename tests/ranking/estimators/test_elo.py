import math

import evalica
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.estimators import Comparisons, Elo, elo_update, expected_score

from .votes import pair_rows, rankings

WINNERS = {1.0: evalica.Winner.X, 0.5: evalica.Winner.Draw, 0.0: evalica.Winner.Y}
ratings = st.lists(st.floats(0, 3000), min_size=2, max_size=6)


def test_a_gap_of_four_hundred_points_is_odds_of_ten_to_one():
    assert expected_score(1400, 1000) == pytest.approx(10 / 11)
    assert expected_score(1000, 1000) == 0.5


def test_a_win_among_equals_moves_half_of_k():
    assert elo_update([1000, 1000], [1, 2], k=4) == [1002, 998]
    assert elo_update([1000, 1000], [1, 1], k=4) == [1000, 1000]


def test_the_worked_example_of_three_players():
    """K = 4 on 1613 against 1609: expected 0.5058, so a loss costs 2.023 points."""
    after = elo_update([1613, 1609], [2, 1], k=4)

    assert after == pytest.approx([1613 - 4 * 0.5057563, 1609 + 4 * 0.5057563], abs=1e-5)


def test_a_vote_of_three_moves_the_winner_no_further_than_a_vote_of_two():
    assert elo_update([1000, 1000, 1000], [1, 2, 3], k=4) == [1002, 1000, 998]
    assert elo_update([1000, 1000, 1000], [1, 2, 2], k=4) == [1002, 999, 999]


@given(ratings, st.data())
def test_a_vote_keeps_the_sum_and_does_not_depend_on_positions(before, data):
    ranks = [data.draw(st.integers(1, len(before))) for _ in before]
    order = data.draw(st.permutations(range(len(before))))
    after = elo_update(before, ranks, k=32)
    shuffled = elo_update([before[i] for i in order], [ranks[i] for i in order], k=32)

    assert math.fsum(after) == pytest.approx(math.fsum(before), abs=1e-8)
    assert shuffled == pytest.approx([after[i] for i in order], abs=1e-9)
    assert all(abs(new - old) <= 32 for new, old in zip(after, before, strict=True))


@pytest.mark.parametrize(("before", "ranks"), [([1000], [1]), ([1000, 1000], [1]), ([], [])])
def test_a_vote_of_one_or_with_missing_ranks_is_refused(before, ranks):
    with pytest.raises(ValueError, match="need two or more ratings"):
        elo_update(before, ranks)


@given(pair_rows())
def test_swapping_sides_mirrors_and_other_names_change_nothing(rows):
    """Each vote mirrored moves everybody as far the other way; names are only names."""
    left, right = (np.asarray(side, int) for side in (rows.left, rows.right))
    outcome, labels = np.asarray(rows.outcome), range(5)
    told = Elo().fit(Comparisons.from_arrays(left, right, outcome, labels=labels))
    swapped = Elo().fit(Comparisons.from_arrays(right, left, 1 - outcome, labels=labels))
    assert swapped.ratings_ == pytest.approx(told.ratings_)
    other = np.arange(5)[::-1]
    renamed = Elo().fit(Comparisons.from_arrays(other[left], other[right], outcome, labels=labels))
    assert renamed.ratings_[other] == pytest.approx(told.ratings_)


@given(rankings())
def test_fitting_rankings_is_updating_vote_by_vote(votes):
    items, ranks = votes
    expected = dict.fromkeys(range(5), 1000.0)
    for contenders, its_ranks in zip(items, ranks, strict=True):
        after = elo_update([expected[c] for c in contenders], its_ranks, k=24)
        expected.update(zip(contenders, after, strict=True))

    model = Elo(k=24).fit(Comparisons.from_rankings(items, ranks, labels=range(5)))

    assert model.ratings_ == pytest.approx(list(expected.values()), abs=1e-9)


@given(pair_rows())
def test_pairs_agree_with_evalica(rows):
    model = Elo(k=16, initial=1200, scale=300).fit(Comparisons.from_arrays(*rows))
    oracle = evalica.elo(
        rows.left, rows.right, [WINNERS[o] for o in rows.outcome], initial=1200, k=16, scale=300
    )

    for label, rating in zip(model.labels_, model.ratings_, strict=True):
        assert rating == pytest.approx(oracle.scores[label], abs=1e-9)


def test_real_votes_give_the_published_ratings(llmfao_votes, llmfao_golden):
    model = Elo().fit(llmfao_votes)
    golden = [llmfao_golden["elo"][label] for label in model.labels_]

    assert len(model.labels_) == 59
    np.testing.assert_allclose(model.ratings_, golden, rtol=0, atol=1e-9)


def test_a_weight_multiplies_k():
    weighted = Elo(k=4).fit(Comparisons.from_arrays(["a"], ["b"], [1], weight=[3]))

    assert (
        weighted.ratings_.tolist()
        == Elo(k=12).fit(Comparisons.from_arrays(["a"], ["b"], [1])).ratings_.tolist()
    )


def test_without_votes_ratings_stay_where_they_start():
    model = Elo(initial=1500).fit(Comparisons.from_arrays([], [], [], labels=["a", "b"]))

    assert model.ratings_.tolist() == [1500, 1500]
    assert model.caveats_ == ["No votes yet: every rating is the starting value."]


def test_a_second_fit_forgets_the_first():
    model = Elo().fit(Comparisons.from_arrays(["a"], ["b"], [1]))
    model.fit(Comparisons.from_arrays(["c"], ["d"], [0]))

    assert model.labels_ == ("c", "d")
    assert model.ratings_.tolist() == [998, 1002]


def test_a_huge_gap_neither_overflows_nor_moves_the_favourite():
    votes = Comparisons.from_arrays(["a"] * 20, ["b"] * 20, [1] * 20)

    assert np.isfinite(Elo(k=1e6).fit(votes).ratings_).all()
    assert expected_score(1e9, 0) == 1.0
    assert expected_score(0, 1e9) == 0.0


@pytest.mark.parametrize("settings", [{"scale": 0}, {"scale": -1}, {"k": math.nan}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match="need finite k, scale above 0"):
        Elo(**settings).fit(Comparisons.from_arrays(["a"], ["b"], [1]))


def test_bootstrap_intervals_surround_the_ratings():
    generator = np.random.default_rng(1)
    votes = Comparisons.from_arrays(
        ["a"] * 400, ["b"] * 400, (generator.random(400) < 0.7).astype(float)
    )
    model = Elo().fit(votes)
    lower, upper = model.intervals(rounds=100)

    assert (lower < model.ratings_).all()
    assert (model.ratings_ < upper).all()
    assert (upper - lower < 100).all()


def test_online_ratings_have_no_sandwich():
    model = Elo().fit(Comparisons.from_arrays(["a"], ["b"], [1]))

    with pytest.raises(ValueError, match='online Elo has only "bootstrap"'):
        model.intervals(method="sandwich")
