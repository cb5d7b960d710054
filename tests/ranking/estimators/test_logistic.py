import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_expit

from ranking.estimators.logistic import logistic


@given(st.lists(st.floats(-700, 700), max_size=20))
def test_it_is_exact_in_both_tails(values):
    log_odds = np.array(values)
    found = logistic(log_odds)

    np.testing.assert_allclose(found.won, expit(log_odds), rtol=1e-13)
    np.testing.assert_allclose(found.slope, expit(log_odds) * expit(-log_odds), rtol=1e-13)
    np.testing.assert_allclose(found.log_lost, log_expit(-log_odds), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("log_odds", "won"), [(np.inf, 1.0), (-np.inf, 0.0), (1e9, 1.0)])
def test_certainty_is_no_error(log_odds, won):
    found = logistic(np.array([log_odds]))

    assert found.won == [won]
    assert found.slope == [0.0]
