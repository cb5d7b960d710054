"""What the operator writes into the environment."""

import pytest
from django.utils.module_loading import import_string

from arena.matchmaking import Candidate
from config.matchmakers import matchmaker


@pytest.mark.parametrize("name", ["uniform", "weighted", "targeted", "active"])
def test_every_name_leads_to_a_policy(name: str) -> None:
    path, weights = matchmaker(name, [])
    pairs = import_string(path)().pairs([Candidate(1, "a"), Candidate(2, "b")], "people")
    assert pairs.shape == (2, 2)
    assert weights == {}


def test_a_policy_of_ones_own_is_named_by_its_path() -> None:
    path, weights = matchmaker("my.module.Policy", ["a=2"])
    assert path == "my.module.Policy"
    assert weights == {("a",): 2.0}


def test_weights_of_contenders_and_pairs() -> None:
    _, weights = matchmaker("weighted", ["gpt-4=0.5", "a:b=3", "c : d"])
    assert weights == {("gpt-4",): 0.5, ("a", "b"): 3.0, ("c", "d"): 1.0}


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="say uniform, weighted, targeted, active"):
        matchmaker("activ", [])


@pytest.mark.parametrize("weight", ["a=x", "a=-1", "a=inf", "a=nan", "=2", "a:=2", "a:a", "a:b:c"])
def test_a_malformed_weight_is_refused(weight: str) -> None:
    with pytest.raises(ValueError, match="is not like slug=2"):
        matchmaker("weighted", [weight])


@pytest.mark.parametrize("name", ["uniform", "active"])
def test_weights_without_a_policy_that_reads_them_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="weighted or targeted"):
        matchmaker(name, ["a=2"])
